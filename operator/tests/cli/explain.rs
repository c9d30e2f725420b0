//! `msapp explain`

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::program::{Directory, Ran};
use crate::why::SHOP;

fn asked(words: &[&str]) -> Ran {
    let words: Vec<&str> = [&["explain", "shop.yaml"], words].concat();
    Directory::with(&[("shop.yaml", SHOP)]).msapp(&words)
}

#[test]
fn each_value_tells_where_it_comes_from() {
    assert_snapshot!(asked(&["cart"]).fine());
}

#[test]
fn one_field_can_be_asked_for() {
    assert_snapshot!(asked(&["cart", "probes.readiness"]).fine());
}

#[test]
fn no_credential_is_printed() {
    let told = asked(&["order-taking"]).fine();
    assert!(told.contains("ADMIN_PASSWORD") && !told.contains("hunter2"), "{told}");
    assert!(asked(&["cart", "env.CART_DB_PASSWORD"]).fine().contains("Secret cart-db key password"));
}

#[test]
fn for_a_machine_it_is_json_with_places() {
    let told: Value =
        serde_json::from_str(&asked(&["order-taking", "env.CART_URL", "-o", "json"]).fine()).expect("JSON");
    let declared =
        json!([{"path": "spec.services[0].dependencies[0].env[0]", "file": "shop.yaml", "line": 18}]);
    let because = "asked for by the dependency on cart";
    let fact =
        json!({"field": "env.CART_URL", "value": "http://cart:80", "declared": declared, "because": because});
    assert_eq!(told["facts"], json!([fact]));
}

#[test]
fn a_slip_of_the_finger_gets_a_suggestion() {
    let ran = asked(&["cart", "prbes"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean \"probes\"?"), "{}", ran.stderr);
}
