//! Circles, chains, fans, and services that can only be deployed together.

use crate::{NOTHING, found, services};

#[test]
fn a_circle_of_calls_is_found_once_by_its_shortest_way() {
    let spec = services(&[
        ("cart", "{name: stock}, {name: price}"),
        ("price", "{name: stock}"),
        ("stock", "{name: cart, optional: true}"),
        ("web", "{name: cart}"),
    ]);
    let told = "warning synchronous-cycle spec.services[2].dependencies[0]: these services wait for each other's \
                answers: cart → stock → cart; make one of the calls an event, or merge them";
    assert_eq!(found(&spec), [told]);
}

#[test]
fn two_ways_to_the_same_service_are_no_circle() {
    let spec = services(&[
        ("cart", "{name: price}, {name: stock}"),
        ("price", "{name: stock}"),
        ("stock", ""),
        ("web", "{name: cart}, {name: stock}"),
    ]);
    assert_eq!(found(&spec), NOTHING);
}

const CHAIN: [(&str, &str); 6] = [
    ("f", ""),
    ("e", "{name: f}"),
    ("d", "{name: e}"),
    ("c", "{name: d}, {name: f}"),
    ("b", "{name: c}"),
    ("a", "{name: b}, {name: f}"),
];

#[test]
fn a_chain_of_five_calls_is_deep() {
    let told = "warning deep-call-chain spec.services[5]: 5 calls wait for one another, more than 4: \
                a → b → c → d → e → f; make one of them an event, or raise callDepth";
    assert_eq!(found(&services(&CHAIN)), [told]);
}

#[test]
fn a_chain_of_four_calls_is_in_order() {
    assert_eq!(found(&services(&CHAIN[..5])), NOTHING);
}

#[test]
fn the_depth_of_chains_is_bounded_by_the_resource() {
    let checks = |depth| format!("checks: {{bounds: {{callDepth: {depth}}}}}\n{}", services(&CHAIN));
    assert_eq!(found(&checks(5)), NOTHING);
    assert!(found(&checks(3))[0].contains("5 calls wait for one another, more than 3"));
}

#[test]
fn a_circle_is_one_stop_of_a_chain_and_never_told_as_a_call_that_is_not_there() {
    let spec = services(&[
        ("web", "{name: left}"),
        ("left", "{name: right}"),
        ("right", "{name: left}, {name: stock}"),
        ("stock", ""),
    ]);
    let deep = found(&format!("checks: {{bounds: {{callDepth: 1}}}}\n{spec}"));
    let told = "warning deep-call-chain spec.services[0]: 2 calls wait for one another, more than 1: \
                web → (left, right) → stock; make one of them an event, or raise callDepth";
    assert_eq!(deep[0], told);
    assert_eq!(deep.len(), 2, "the circle and the chain: {deep:?}");
}

/// A caller of so many services.
fn fan(width: usize) -> String {
    let callees: Vec<String> = (0..width).map(|at| format!("s{at}")).collect();
    let calls: Vec<String> = callees.iter().map(|name| format!("{{name: {name}}}")).collect();
    let calls = calls.join(", ");
    let mut all = vec![("web", calls.as_str())];
    all.extend(callees.iter().map(|name| (name.as_str(), "")));
    services(&all)
}

#[test]
fn a_service_that_calls_nine_others_fans_out_widely_and_one_that_calls_eight_does_not() {
    let told = "warning wide-fan-out spec.services[0].dependencies: web calls 9 services, more than 8; let one \
                service answer for several, or raise fanOut";
    assert_eq!(found(&fan(9)), [told]);
    assert_eq!(found(&fan(8)), NOTHING);
    assert_eq!(found(&format!("checks: {{bounds: {{fanOut: 9}}}}\n{}", fan(9))), NOTHING);
}

#[test]
fn what_is_no_call_does_not_fan_out() {
    let eight = fan(8).replace("{name: s0}", "{name: s0}, {name: cache}");
    let cache = "backingServices: [{name: cache, engine: Redis, host: 10.0.0.1}]\n";
    assert_eq!(found(&format!("{eight}{cache}")), NOTHING);
}

const COUPLED: [(&str, &str); 3] =
    [("cart", "{name: price}"), ("price", "{name: stock}"), ("stock", "{name: cart}")];

#[test]
fn three_services_in_a_circle_of_hard_calls_cannot_be_deployed_alone() {
    let told = "warning distributed-monolith spec.services[0]: none of these 3 can be deployed without the others, \
                by calls and shared data: cart, price, stock; make a call optional or an event, or merge them";
    let found = found(&services(&COUPLED));
    assert_eq!(found[0], told);
    assert_eq!(found.len(), 2, "the circle and the coupling: {found:?}");
}

#[test]
fn a_call_that_may_fail_uncouples_a_circle() {
    let found = found(&services(&COUPLED).replace("{name: cart}", "{name: cart, optional: true}"));
    assert!(found.iter().all(|one| one.contains("synchronous-cycle")), "{found:?}");
}

#[test]
fn how_many_services_may_be_coupled_is_bounded_by_the_resource() {
    let checks = "checks: {bounds: {coupledServices: 3}}\n";
    let found = found(&format!("{checks}{}", services(&COUPLED)));
    assert!(found.iter().all(|one| one.contains("synchronous-cycle")), "{found:?}");
}

#[test]
fn services_of_one_database_are_coupled_by_it() {
    let spec = services(&[("a", "{name: db}"), ("b", "{name: db}"), ("c", "{name: db}"), ("d", "{name: a}")]);
    let rest = "backingServices: [{name: db, engine: MySQL, owner: a, host: 10.0.0.1}]\n\
                checks: {waivers: [{check: shared-database, reason: until the split}]}\n";
    let told = "warning distributed-monolith spec.services[0]: none of these 3 can be deployed without the others, \
                by calls and shared data: a, b, c; make a call optional or an event, or merge them";
    assert_eq!(found(&format!("{spec}{rest}")), [told]);
}

#[test]
fn a_database_at_the_end_of_a_chain_is_no_call_of_it() {
    let chain =
        [("f", "{name: db}"), ("e", "{name: f}"), ("d", "{name: e}"), ("c", "{name: d}"), ("b", "{name: c}")];
    let chain = services(&chain);
    let db = "backingServices: [{name: db, engine: MySQL, owner: f, host: 10.0.0.1}]\n";
    assert_eq!(found(&format!("{chain}{db}")), NOTHING);
}
