//! Domains: their entries, and their size.

use crate::{NOTHING, QUIET, found, found_in};

const SHOP: &str = "
domains: [{name: ordering, entries: [orders]}, {name: browsing}]
services:
- {name: web, image: 'web:1', domain: browsing, dependencies: [{name: orders}, {name: stock}]}
- {name: orders, image: 'orders:1', domain: ordering, ports: [{name: http, port: 80}], dependencies: [{name: stock}]}
- {name: stock, image: 'stock:1', domain: ordering, ports: [{name: http, port: 80}]}
";

#[test]
fn a_call_past_the_entry_of_a_domain_is_found_and_calls_within_it_are_not() {
    let told = "warning bypassed-boundary spec.services[0].dependencies[1]: web calls stock inside domain ordering; \
                call its entry orders, or make stock an entry";
    assert_eq!(found(SHOP), [told]);
}

#[test]
fn a_caller_without_a_domain_comes_from_outside() {
    assert_eq!(found(&SHOP.replace(", domain: browsing", "")).len(), 1);
}

#[test]
fn a_domain_without_entries_is_open() {
    assert_eq!(found(&SHOP.replace(", entries: [orders]", "")), NOTHING);
}

/// A domain of so many services that ask for so much CPU.
fn domain(size: usize, cpu: &str) -> String {
    let members: Vec<String> =
        (0..size).map(|at| format!("- {{name: s{at}, image: 's:1', domain: shop}}\n")).collect();
    let defaults = QUIET.replace("200m", cpu);
    format!("{defaults}domains: [{{name: shop}}]\nservices:\n{}", members.concat())
}

#[test]
fn nine_services_of_a_tenth_of_a_core_in_one_domain_are_very_many() {
    let told = "advice tiny-services spec.domains[0]: domain shop has 9 services with a CPU request of at most 100m, \
                more than 8; merge those that change together, or raise tinyServices";
    assert_eq!(found_in(&domain(9, "100m")), [told]);
    assert_eq!(found_in(&domain(8, "100m")), NOTHING);
    assert_eq!(found_in(&domain(9, "101m")), NOTHING);
    assert_eq!(found_in(&format!("checks: {{bounds: {{tinyServices: 9}}}}\n{}", domain(9, "50m"))), NOTHING);
}
