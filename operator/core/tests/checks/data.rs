//! Databases: unused, shared, owned by two.

use crate::{NOTHING, found, services};

const TWO: [(&str, &str); 2] = [("cart", "{name: db}"), ("stock", "{name: cart}")];

fn with(all: &[(&str, &str)], backing: &str) -> Vec<String> {
    let backing: Vec<String> = backing.lines().map(|line| format!("- {{{}}}\n", line.trim())).collect();
    found(&format!("{}backingServices:\n{}", services(all), backing.concat()))
}

#[test]
fn a_backing_service_that_nobody_uses_is_unused() {
    let backing = "name: db, engine: MySQL, host: 10.0.0.1\nname: old-db, engine: MySQL, host: 10.0.0.2";
    let told = "warning unused-backing-service spec.backingServices[1]: no service depends on \"old-db\"; remove it, \
                or name it in the dependencies of a service";
    assert_eq!(with(&TWO, backing), [told]);
}

#[test]
fn an_external_service_that_nobody_uses_is_unused() {
    let external =
        "externalServices: [{name: mail, host: 10.0.0.1, port: 25}, {name: sms, host: 10.0.0.2, port: 80}]";
    let told = "warning unused-external-service spec.externalServices[1]: no service depends on \"sms\"; remove it, \
                or name it in the dependencies of a service";
    assert_eq!(found(&format!("{}{external}", services(&[("cart", "{name: mail}")]))), [told]);
}

#[test]
fn a_broker_that_only_events_need_is_used() {
    let spec = "
services:
- {name: cart, image: 'cart:1', publishes: [Placed]}
- {name: stock, image: 'stock:1', consumes: [Placed]}
backingServices: [{name: events, engine: NATS, host: 10.0.0.1, events: [{name: Placed}]}]
";
    assert_eq!(found(spec), NOTHING);
}

#[test]
fn a_database_that_is_used_past_its_owner_is_shared() {
    let all = [("cart", "{name: db}"), ("stock", "{name: db}")];
    let told = "error shared-database spec.services[1].dependencies[0]: stock uses db, whose data belongs to cart; \
                call cart for it";
    assert_eq!(with(&all, "name: db, engine: PostgreSQL, owner: cart, host: 10.0.0.1"), [told]);
    assert_eq!(with(&TWO, "name: db, engine: PostgreSQL, owner: cart, host: 10.0.0.1"), NOTHING);
}

#[test]
fn a_database_that_only_another_than_its_owner_uses_is_used_past_its_owner() {
    let told = "error shared-database spec.services[0].dependencies[0]: cart uses db, whose data belongs to stock; \
                call stock for it";
    assert_eq!(with(&TWO, "name: db, engine: PostgreSQL, owner: stock, host: 10.0.0.1"), [told]);
}

#[test]
fn a_database_of_two_users_needs_an_owner_and_one_of_one_user_does_not() {
    let all = [("cart", "{name: db}"), ("stock", "{name: db}")];
    let told = "error shared-database spec.backingServices[0]: cart and stock share db, and nobody owns it; name the \
                owner, and let the others call it";
    assert_eq!(with(&all, "name: db, engine: MongoDB, host: 10.0.0.1"), [told]);
    assert_eq!(with(&TWO, "name: db, engine: MongoDB, host: 10.0.0.1"), NOTHING);
}

#[test]
fn one_database_under_two_names_has_two_owners() {
    let all = [("cart", "{name: carts}"), ("stock", "{name: stocks}")];
    let backing = "name: stocks, engine: MySQL, owner: stock, host: db.data, pods: {}, database: shop\n\
                   name: carts, engine: MySQL, owner: cart, host: db.data, pods: {}, database: shop";
    let told = "error shared-database spec.backingServices[0].owner: carts of cart and stocks of stock are one \
                database; let one service own it, or give each a database of its own";
    assert_eq!(with(&all, backing), [told]);
    assert_eq!(with(&all, &backing.replacen("database: shop", "database: stocks", 1)), NOTHING);
}

#[test]
fn the_second_name_of_a_database_is_told_with_the_one_that_is_owned() {
    let all = [("cart", "{name: carts}"), ("stock", "{name: stocks}")];
    let backing = "name: carts, engine: MySQL, owner: cart, host: 10.0.0.1\nname: stocks, engine: MySQL, host: 10.0.0.1";
    let told = "error shared-database spec.services[1].dependencies[0]: stock uses stocks, the same database as carts, \
                whose data belongs to cart; call cart for it";
    assert_eq!(with(&all, backing), [told]);
}

#[test]
fn a_cache_is_shared_by_right_unless_somebody_owns_it() {
    let all = [("cart", "{name: cache}"), ("stock", "{name: cache}")];
    assert_eq!(with(&all, "name: cache, engine: Redis, host: 10.0.0.1"), NOTHING);
    assert_eq!(with(&all, "name: cache, engine: Redis, owner: cart, host: 10.0.0.1").len(), 1);
}

#[test]
fn a_broker_is_shared_by_right_even_with_an_owner() {
    let all = [("cart", "{name: broker}"), ("stock", "{name: broker}")];
    assert_eq!(with(&all, "name: broker, engine: RabbitMQ, owner: cart, host: 10.0.0.1"), NOTHING);
}
