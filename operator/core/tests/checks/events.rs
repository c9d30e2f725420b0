//! Events: every one is published by somebody and consumed by somebody.

use crate::{NOTHING, found};

/// Two services and one event.
fn exchange(cart: &str, stock: &str, event: &str) -> Vec<String> {
    found(&format!(
        "
services:
- {{name: cart, image: 'cart:1', dependencies: [{{name: events}}]{cart}}}
- {{name: stock, image: 'stock:1'{stock}}}
backingServices: [{{name: events, engine: Kafka, host: 10.0.0.1, events: [{{name: Placed{event}}}]}}]
"
    ))
}

const PUBLISHES: &str = ", publishes: [Placed]";
const CONSUMES: &str = ", consumes: [Placed]";
const PATH: &str = "spec.backingServices[0].events[0]";

#[test]
fn an_event_with_a_publisher_and_a_consumer_is_in_order() {
    assert_eq!(exchange(PUBLISHES, CONSUMES, ""), NOTHING);
    assert_eq!(exchange(PUBLISHES, "", ", external: Consumer"), NOTHING);
    assert_eq!(exchange("", CONSUMES, ", external: Publisher"), NOTHING);
}

#[test]
fn a_consumed_event_that_nobody_publishes_stops_the_change() {
    let told = format!(
        "error unpublished-event {PATH}: \"Placed\" is consumed by stock, and nobody publishes it; if somebody outside \
         does, say external: Publisher"
    );
    assert_eq!(exchange("", CONSUMES, ""), [told]);
}

#[test]
fn an_event_for_consumers_outside_that_nobody_publishes_stops_the_change() {
    let told = format!(
        "error unpublished-event {PATH}: \"Placed\" is consumed outside, and nobody publishes it; let a service \
         publish it"
    );
    assert_eq!(exchange("", "", ", external: Consumer"), [told]);
}

#[test]
fn a_published_event_that_nobody_consumes_is_told() {
    let told = format!(
        "warning unconsumed-event {PATH}: \"Placed\" is published, and nobody consumes it; if somebody outside does, \
         say external: Consumer"
    );
    assert_eq!(exchange(PUBLISHES, "", ""), [told]);
    assert_eq!(exchange("", "", ", external: Publisher").len(), 1);
}

#[test]
fn an_event_that_nobody_exchanges_is_told() {
    let told = format!(
        "warning unconsumed-event {PATH}: \"Placed\" is neither published nor consumed; remove it, or say who \
         exchanges it"
    );
    assert_eq!(exchange("", "", ""), [told]);
}
