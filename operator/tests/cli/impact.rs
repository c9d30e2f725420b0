//! `msapp impact`

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::program::{Directory, Ran};
use crate::why::SHOP;

fn asked(words: &[&str]) -> Ran {
    let words: Vec<&str> = [&["impact", "shop.yaml"], words].concat();
    Directory::with(&[("shop.yaml", SHOP)]).msapp(&words)
}

#[test]
fn what_breaks_is_a_tree_with_events_and_addresses() {
    assert_snapshot!(asked(&["cart-db"]).fine());
}

#[test]
fn who_goes_on_with_less_is_told_apart() {
    assert_snapshot!(asked(&["catalog"]).fine());
}

#[test]
fn what_nobody_notices_is_told_too() {
    let alone = SHOP.replace("    - {name: catalog, optional: true}\n", "");
    let ran = Directory::with(&[("shop.yaml", &alone)]).msapp(&["impact", "shop.yaml", "catalog"]);
    assert_eq!(ran.fine(), "catalog is down (service, browsing, team-catalog)\n\nno other service notices\n");
}

#[test]
fn for_a_machine_it_is_json_with_places() {
    let told: Value = serde_json::from_str(&asked(&["cart-db", "-o", "json"]).fine()).expect("JSON");
    assert_eq!(told["down"]["kind"], "BackingService");
    assert_eq!(told["hard"][1]["via"], json!(["cart", "cart-db"]));
    assert_eq!(told["hard"][1]["owner"], "team-orders");
    let declared = json!([{"path": "spec.services[0].dependencies[0]", "file": "shop.yaml", "line": 18}]);
    assert_eq!(told["hard"][1]["declared"], declared);
    assert_eq!(told["events"][0]["effect"], "NoNewEvents");
}

#[test]
fn a_slip_of_the_finger_gets_a_suggestion() {
    let ran = asked(&["cart-bd"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean \"cart-db\"?"), "{}", ran.stderr);
}
