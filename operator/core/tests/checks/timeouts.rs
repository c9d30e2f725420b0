//! Retries of retries, and callers that give up first.

use crate::{NOTHING, found, service, services};

const RETRIED: [(&str, &str); 4] = [
    ("web", "{name: cart, retries: {attempts: 2}}"),
    ("cart", "{name: stock, retries: {attempts: 2}}, {name: price}"),
    ("stock", "{name: price}"),
    ("price", ""),
];

#[test]
fn retries_of_retries_multiply_to_the_end_of_the_path() {
    let told = "warning retry-amplification spec.services[0]: one request can become 9 calls at the end of web → cart \
                → stock, more than 8; retry at one of these hops only";
    assert_eq!(found(&services(&RETRIED)), [told]);
    let once = services(&RETRIED).replacen("attempts: 2", "attempts: 1", 1);
    assert_eq!(found(&once), NOTHING, "2 × 3 is 6");
    assert_eq!(
        found(&format!("checks: {{bounds: {{retryAmplification: 9}}}}\n{}", services(&RETRIED))),
        NOTHING
    );
}

#[test]
fn retries_on_different_paths_do_not_multiply() {
    let apart = [
        ("web", "{name: cart, retries: {attempts: 3}}, {name: stock, retries: {attempts: 3}}"),
        ("cart", ""),
        ("stock", ""),
    ];
    assert_eq!(found(&services(&apart)), NOTHING);
}

#[test]
fn retries_of_the_defaults_count_at_every_hop_and_towards_services_of_others() {
    let spec = services(&[("web", "{name: cart}"), ("cart", "{name: stripe}")]);
    let external = "externalServices: [{name: stripe, host: 203.0.113.7, port: 443}]\n";
    let retried = |attempts: &str| {
        let defaults = crate::QUIET.replace("defaults:", "defaults:\n  resilience: {retries: {attempts: 2}}");
        let defaults = defaults.replace("attempts: 2", attempts);
        crate::found_in(&format!("{defaults}{spec}{external}"))
    };
    let found = retried("attempts: 2");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("9 calls at the end of web → cart → stripe"), "{found:?}");
    assert_eq!(retried("attempts: 1"), NOTHING);
}

#[test]
fn retries_behind_a_circle_that_nobody_calls_are_found_too() {
    let spec = services(&[
        ("left", "{name: right}"),
        ("right", "{name: left}, {name: stock, retries: {attempts: 9}}"),
        ("stock", ""),
    ]);
    let told = "warning retry-amplification spec.services[0]: one request can become 10 calls at the end of (left, \
                right) → stock, more than 8; retry at one of these hops only";
    assert_eq!(found(&spec)[0], told);
}

#[test]
fn retries_beyond_every_number_are_survived() {
    let all: Vec<(String, String)> = (0..40)
        .map(|at| (format!("s{at}"), format!("{{name: s{}, retries: {{attempts: 10}}}}", at + 1)))
        .chain([("s40".to_owned(), String::new())])
        .collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, edges)| (name.as_str(), edges.as_str())).collect();
    let found = found(&services(&all));
    assert!(found.iter().any(|one| one.contains("more than 1,000,000 calls")), "{found:?}");
}

/// How long web waits for cart, and cart for stock.
fn deadlines(web: &str, cart: &str) -> Vec<String> {
    let (web, cart) = (format!("{{name: cart{web}}}"), format!("{{name: stock{cart}}}"));
    found(&services(&[("web", &web), ("cart", &cart), ("stock", "")]))
}

#[test]
fn a_caller_that_gives_up_before_its_callee_does_is_found() {
    let told = "warning deadline-inversion spec.services[0].dependencies[0]: web waits 1500ms for cart, which may wait \
                2s for stock; give the first more time, or the second less";
    assert_eq!(deadlines(", timeout: 1500ms", ", timeout: 2s"), [told]);
    assert_eq!(deadlines(", timeout: 1500ms", ", timeout: 2s, optional: true"), [told]);
}

#[test]
fn a_caller_that_waits_as_long_or_without_end_is_in_order() {
    assert_eq!(deadlines(", timeout: 2s", ", timeout: 2s"), NOTHING);
    assert_eq!(deadlines("", ", timeout: 2s"), NOTHING);
    assert_eq!(deadlines(", timeout: 1s", ""), NOTHING);
}

#[test]
fn a_callee_that_waits_for_a_service_of_others_counts() {
    let spec = services(&[("web", "{name: cart, timeout: 1s}"), ("cart", "{name: stripe, timeout: 10s}")]);
    let external = "externalServices: [{name: stripe, host: 203.0.113.7, port: 443}]\n";
    let found = found(&format!("{spec}{external}"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("cart, which may wait 10s for stripe"), "{found:?}");
}

#[test]
fn calls_and_services_without_end_are_told_in_one_line() {
    let services: String = (0..100)
        .map(|at| match at {
            99 => service("s99", ""),
            _ => service(&format!("s{at}"), &format!("{{name: s{}, retries: {{attempts: 2}}}}", at + 1)),
        })
        .collect();
    let told = found(&format!("services:\n{services}")).join("\n");
    let stops = "s0 → s1 → s2 → … (94 more) … → s97 → s98 → s99";
    assert!(told.contains(&format!("99 calls wait for one another, more than 4: {stops};")), "{told}");
    assert!(told.contains(&format!("can become more than 1,000,000 calls at the end of {stops},")), "{told}");
}
