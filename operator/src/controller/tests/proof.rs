//! Nothing is written while the policies are not what is declared.

use std::cell::Cell;

use msapp_core::desired::DesiredSet;
use msapp_core::graph::App;
use msapp_core::policy::{self, Proof};
use serde_json::json;

use super::{STATUS, World, two_services};
use crate::telemetry::ReconcileResult;

thread_local! {
    /// How many proofs this test has made.
    static PROOFS: Cell<usize> = const { Cell::new(0) };
}

fn counted(app: &App, desired: &DesiredSet) -> Proof {
    PROOFS.set(PROOFS.get() + 1);
    policy::prove(app, desired)
}

fn failing(app: &App, _: &DesiredSet) -> Proof {
    counted(app, &DesiredSet::default())
}

#[tokio::test]
async fn when_the_proof_fails_nothing_is_written_and_the_status_says_whose_mistake_it_is() {
    let mut world = World::new(two_services());
    world.context.prove = failing;
    let (pass, requests) = world.pass().await;
    assert_eq!((pass.result, requests), (ReconcileResult::Invalid, vec![STATUS.to_owned()]));
    let (reason, message) = world.ready();
    assert_eq!(reason, "InvalidSpec");
    assert!(
        message.contains("a defect of msapp, not of the resource: nothing makes pods of cart"),
        "{message}"
    );
    let (pass, requests) = world.pass().await;
    assert_eq!((pass.result, requests), (ReconcileResult::Invalid, vec![]));
}

#[tokio::test]
async fn what_runs_keeps_running_when_the_proof_of_a_change_fails() {
    let mut world = World::new(two_services());
    world.pass().await;
    world.context.prove = failing;
    let mut spec = two_services();
    spec["services"][0]["image"] = json!("shop:2");
    world.edit(spec);
    assert_eq!(world.pass().await.1, [STATUS]);
}

#[tokio::test]
async fn one_generation_is_proven_once() {
    let mut world = World::new(two_services());
    world.context.prove = counted;
    for _ in 0..3 {
        world.pass().await;
    }
    assert_eq!(PROOFS.get(), 1);
    world.edit(two_services());
    world.pass().await;
    assert_eq!(PROOFS.get(), 2);
}
