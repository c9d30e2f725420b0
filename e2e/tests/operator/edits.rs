//! The resource is edited.

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, Operator, PATIENCE, wait_until};
use serde_json::json;

use crate::{
    apps::{App, changed, respecified},
    manifests::sample,
    tally::Tally,
};

#[tokio::test]
async fn a_new_image_is_one_write_of_one_deployment() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "image", &[&sample("shop-secrets")?, &sample("shop")?]).await?;
    app.ready().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    // Its writes are done, so from here on controllers alone may touch anything.
    tally.all().await?;
    let (before, tally) =
        (app.children().await?, Tally::begin(&cluster, &operator, app.namespace.name()).await?);
    // The second service of the shop.
    app.patch(json!([
        {"op": "test", "path": "/spec/services/1/name", "value": "catalog"},
        {"op": "replace", "path": "/spec/services/1/image", "value": "registry.test/catalog:2"},
    ]))
    .await?;
    app.until_field(
        "Deployment/catalog",
        ".spec.template.spec.containers[0].image",
        "registry.test/catalog:2",
    )
    .await?;
    app.ready().await?;
    assert_eq!(tally.child_writes().await?, ["patch deployments/catalog"]);
    let after = app.children().await?;
    assert_eq!(respecified(&before, &after), ["Deployment/catalog"]);
    // The status of what looks at its pods changes with them.
    let touched = changed(&before, &after);
    let bystanders: Vec<_> = touched.iter().filter(|child| !child.ends_with("/catalog")).collect();
    assert!(bystanders.is_empty(), "{bystanders:?}");
    Ok(())
}

#[tokio::test]
async fn a_removed_service_takes_exactly_its_objects_along() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "prune").await?;
    let before = app.children().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.patch(json!([{"op": "remove", "path": "/spec/services/2"}])).await?;
    wait_until("the objects of clock to be gone", PATIENCE, async || {
        let after = app.children().await?;
        ensure!(!after.keys().any(|name| name.ends_with("/clock")), "{:?}", after.keys());
        Ok(())
    })
    .await?;
    app.ready().await?;
    let writes = tally.child_writes().await?;
    assert!(
        writes.iter().all(|write| write.starts_with("delete ") && write.ends_with("/clock")),
        "{writes:?}"
    );
    assert_eq!(writes.len(), before.keys().filter(|name| name.ends_with("/clock")).count(), "{writes:?}");
    let after = app.children().await?;
    let kept = before.keys().filter(|name| !name.ends_with("/clock"));
    assert!(kept.eq(after.keys()), "{:?}", after.keys());
    Ok(())
}

#[tokio::test]
async fn a_suspended_app_is_left_alone_until_it_is_resumed() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "suspend").await?;
    app.patch(json!([{"op": "add", "path": "/spec/suspend", "value": true}])).await?;
    app.until("the suspension to be seen", |_| true).await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.patch(json!([{"op": "replace", "path": "/spec/services/0/image", "value": "registry.test/web:2"}]))
        .await?;
    app.namespace.kubectl(&["delete", "service", "api"]).await?;
    app.namespace.kubectl(&["set", "image", "deployment/clock", "*=registry.test/clock:hotfix"]).await?;
    app.until("the edit to be seen", |_| true).await?;
    assert!(tally.child_writes().await?.is_empty());
    app.patch(json!([{"op": "remove", "path": "/spec/suspend"}])).await?;
    app.ready().await?;
    let mut writes = tally.child_writes().await?;
    writes.sort();
    assert_eq!(writes, ["patch deployments/clock", "patch deployments/web", "patch services/api"]);
    let images = app.namespace.kubectl(&["get", "deployments", "-o", "jsonpath={..image}"]).await?;
    assert_eq!(images, "registry.test/api:1 registry.test/clock:1 registry.test/web:2");
    Ok(())
}
