//! `startAfter`: who comes first, and only then.

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, Operator, PATIENCE, wait_until};
use serde_json::json;

use crate::{
    apps::{App, condition},
    tally::Tally,
};

const ORDERED: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: ordered}
spec:
  services:
    - name: first
      image: registry.test/first:1
      ports: [{name: http, port: 80}]
      annotations: {kwok.msapp.test/fate: never-ready}
    - name: second
      image: registry.test/second:1
      dependencies: [{name: first, startAfter: true}]
    - {name: bystander, image: 'registry.test/bystander:1'}
";

/// Decides what becomes of the pods of `first` that run.
async fn fate(app: &App, fate: &str) -> Result<()> {
    let annotation = format!("kwok.msapp.test/fate={fate}");
    let pods = ["annotate", "pods", "-l", "msapp.dev/service=first", "--overwrite", &annotation];
    app.namespace.kubectl(&pods).await?;
    Ok(())
}

#[tokio::test]
async fn a_service_waits_for_another_before_its_first_start_and_never_again() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "ordered", &[ORDERED]).await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.until("bystander to be up and second to wait", |status| {
        let service = |name: &str| status.services.iter().find(|service| service.name == name);
        service("bystander").is_some_and(|bystander| bystander.ready == 1)
            && service("second").is_some_and(|second| second.waiting_for == ["first"])
            && condition(status, "Ready") == "False"
    })
    .await?;
    tally.all().await?;
    let children = app.children().await?;
    assert!(children.contains_key("ServiceAccount/second") && !children.contains_key("Deployment/second"));

    wait_until("first to have a pod that can be healed", PATIENCE, async || fate(&app, "none").await).await?;
    app.ready().await?;

    // From now on nobody waits for first, however it is.
    fate(&app, "unhealthy").await?;
    app.until("first to be down", |status| condition(status, "Ready") == "False").await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.patch(
        json!([{"op": "replace", "path": "/spec/services/1/image", "value": "registry.test/second:2"}]),
    )
    .await?;
    app.until_field("Deployment/second", ".spec.template.spec.containers[0].image", "registry.test/second:2")
        .await?;
    let uid = app.field("Deployment/second", ".metadata.uid").await?;
    app.namespace.kubectl(&["delete", "deployment", "second"]).await?;
    wait_until("second to come back", PATIENCE, async || {
        ensure!(app.field("Deployment/second", ".metadata.uid").await? != uid);
        Ok(())
    })
    .await?;
    assert_eq!(tally.child_writes().await?, ["patch deployments/second", "patch deployments/second"]);
    let status = app.get().await?.status.unwrap_or_default();
    assert_eq!(condition(&status, "Ready"), "False", "first is still down");
    Ok(())
}

#[tokio::test]
async fn an_app_that_was_created_suspended_starts_in_order_all_the_same() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let suspended = ORDERED.replace("spec:\n", "spec:\n  suspend: true\n");
    let app = App::create(&cluster, "suspended-order", &[&suspended]).await?;
    app.until("the operator to leave it alone", |status| condition(status, "Ready") == "Unknown").await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.patch(json!([{"op": "remove", "path": "/spec/suspend"}])).await?;
    app.until("second to wait", |status| {
        status.services.iter().any(|service| service.name == "second" && service.waiting_for == ["first"])
    })
    .await?;
    tally.all().await?;
    let children = app.children().await?;
    assert!(children.contains_key("Deployment/first") && !children.contains_key("Deployment/second"));
    Ok(())
}
