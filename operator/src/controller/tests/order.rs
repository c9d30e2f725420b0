//! The order of the first start.

use msapp_core::desired::{ChildKey, ChildKind};
use serde_json::{Value, json};

use super::{Memory, STATUS, World, two_services};

/// cart starts after search, of which nothing is up.
fn in_order() -> Value {
    let mut spec = two_services();
    spec["services"][0]["dependencies"] = json!([{"name": "search", "startAfter": true}]);
    spec["services"][1]["replicas"] = json!(1);
    spec
}

const CART: &str = "PATCH deployments/cart";

#[tokio::test]
async fn an_app_that_was_only_suspended_or_refused_still_starts_in_order() {
    let mut suspended = in_order();
    suspended["suspend"] = json!(true);
    let mut world = World::new(suspended);
    assert_eq!(world.pass().await.1, [STATUS]);
    world.edit(in_order());
    let (_, requests) = world.pass().await;
    assert!(
        requests.contains(&"PATCH deployments/search".to_owned()) && !requests.contains(&CART.to_owned())
    );

    let mut world = World::new(in_order());
    let foreign =
        json!({"metadata": {"name": "cart", "namespace": "shop", "uid": "foreign", "resourceVersion": "50"}});
    let (kind, key) = (ChildKind::Deployment, ChildKey::new(ChildKind::Deployment, "cart"));
    world.context.view.child_written(kind, crate::cluster::child_from(kind, &foreign));
    world.pass().await;
    assert_eq!(world.ready().0, "NameTaken");
    world.context.view.child_deleted("shop", &key, "foreign");
    assert!(!world.pass().await.1.contains(&CART.to_owned()));
    assert_eq!(world.status().services[0].waiting_for, ["search"]);
}

#[tokio::test]
async fn a_deployment_that_somebody_deletes_is_made_anew_at_once_also_after_a_restart_of_the_operator() {
    let mut world = World::new(two_services());
    world.pass().await;
    world.edit(in_order());
    world.pass().await;
    world.memory = Memory::default();
    let key = ChildKey::new(ChildKind::Deployment, "cart");
    world.context.view.child_deleted("shop", &key, "uid-of-deployments/cart");
    assert!(world.pass().await.1.contains(&CART.to_owned()));
}
