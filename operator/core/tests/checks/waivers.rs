//! Accepted findings, and what is told while there are mistakes.

use crate::{NOTHING, found, resolved, services};

const SHARED: [(&str, &str); 3] = [("cart", "{name: db}"), ("price", "{name: db}"), ("stock", "{name: db}")];
const DB: &str = "backingServices: [{name: db, engine: MySQL, owner: cart, host: 10.0.0.1}]\n";

fn waived(waivers: &str) -> Vec<String> {
    let bounds = "bounds: {coupledServices: 3}";
    found(&format!("{}{DB}checks: {{{bounds}, waivers: [{waivers}]}}\n", services(&SHARED)))
}

#[test]
fn a_waiver_accepts_what_is_found_on_its_target() {
    assert_eq!(waived("").len(), 2);
    assert_eq!(waived("{check: shared-database, target: db, reason: until the split}"), NOTHING);
}

#[test]
fn a_waiver_of_one_user_leaves_the_others() {
    let left = waived("{check: shared-database, target: price, reason: until the split}");
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("stock uses db"), "{left:?}");
}

#[test]
fn a_waiver_without_a_target_accepts_every_finding_of_its_check() {
    assert_eq!(waived("{check: shared-database, reason: until the split}"), NOTHING);
}

#[test]
fn a_waived_error_lets_the_app_resolve() {
    let spec = format!("{}{DB}", services(&SHARED));
    assert!(resolved(&spec).is_err());
    let waiver = "checks: {waivers: [{check: shared-database, reason: until the split}]}\n";
    assert!(resolved(&format!("{spec}{waiver}")).is_ok());
}

#[test]
fn a_waiver_of_an_unknown_check_is_a_mistake_with_what_was_meant() {
    let told = "error unknown-name spec.checks.waivers[0].check: there is no check \"shared-databse\" that can be \
                waived; did you mean \"shared-database\"?";
    assert_eq!(waived("{check: shared-databse, reason: a slip}")[0], told);
}

#[test]
fn what_is_told_of_waivers_cannot_be_waived() {
    let told = "error unknown-name spec.checks.waivers[1].check: there is no check \"stale-waiver\" that can be waived";
    let found = waived(
        "{check: shared-database, reason: until the split}, {check: stale-waiver, reason: for the sake of peace}",
    );
    assert_eq!(found, [told]);
}

#[test]
fn a_waiver_that_accepts_nothing_is_stale() {
    let split = "{check: shared-database, reason: until the split}";
    let told =
        "warning stale-waiver spec.checks.waivers[1]: wide-fan-out is found nowhere; remove the waiver";
    assert_eq!(waived(&format!("{split}, {{check: wide-fan-out, reason: it is a gateway}}")), [told]);
    let told = "warning stale-waiver spec.checks.waivers[1].target: shared-database is not found on \"web\"; remove \
                the waiver";
    assert_eq!(waived(&format!("{split}, {{check: shared-database, target: web, reason: none}}")), [told]);
}

#[test]
fn a_waiver_whose_target_is_misspelt_is_told_with_what_was_meant() {
    let told = "warning stale-waiver spec.checks.waivers[1].target: shared-database is not found on \"prise\"; remove \
                the waiver; did you mean \"price\"?";
    let split = "{check: shared-database, reason: until the split}";
    assert_eq!(waived(&format!("{split}, {{check: shared-database, target: prise, reason: none}}")), [told]);
}

/// A spec with a mistake, an error of a check and a warning of a check.
fn mistaken(mistake: &str) -> Vec<String> {
    let web = format!("- {{name: web, image: web, dependencies: [{{name: cart}}], {mistake}}}\n");
    found(&format!("{}{web}{DB}", services(&SHARED)))
}

#[test]
fn while_there_are_mistakes_only_errors_of_checks_are_told() {
    let found = mistaken("profile: worker");
    let codes: Vec<&str> = found.iter().filter_map(|one| one.split(' ').nth(1)).collect();
    assert_eq!(codes, ["shared-database", "shared-database", "unknown-name"], "{found:?}");
    let right = mistaken("args: []");
    assert!(right.iter().any(|one| one.starts_with("warning unpinned-image")), "{right:?}");
    assert!(right.iter().any(|one| one.starts_with("error shared-database")), "{right:?}");
}

#[test]
fn what_may_follow_from_a_mistake_is_not_told_beside_it() {
    let owner = found(&format!("{}{}", services(&SHARED), DB.replace("owner: cart", "owner: crat")));
    assert_eq!(owner.len(), 1, "{owner:?}");
    assert!(owner[0].starts_with("error unknown-name spec.backingServices[0].owner"), "{owner:?}");
    let event = found(
        "
services:
- {name: cart, image: 'cart:1', publishes: [Plased]}
- {name: stock, image: 'stock:1', consumes: [Placed]}
backingServices: [{name: events, engine: NATS, host: 10.0.0.1, events: [{name: Placed}]}]
",
    );
    assert_eq!(event.len(), 1, "{event:?}");
    assert!(event[0].starts_with("error unknown-name spec.services[0].publishes[0]"), "{event:?}");
}

#[test]
fn a_waiver_with_a_blank_reason_and_a_second_one_for_the_same_are_mistakes() {
    let waivers = "{check: shared-database, target: db, reason: until the split}, {check: shared-database, target: db, reason: ' '}";
    let told = [
        "error duplicate spec.checks.waivers[1]: spec.checks.waivers[0] accepts the same already",
        "error invalid-value spec.checks.waivers[1].reason: the reason is blank; say why the finding is accepted",
    ];
    assert_eq!(waived(waivers), told);
}
