//! Who decides about the number of pods, and how that changes hands.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use msapp_e2e::{Cluster, History, Operator};
use serde_json::json;

use crate::{apps::App, manifests::with_one_service, tally::Tally};

/// The app's one service is up with so many pods.
async fn pods(app: &App, count: i32) -> Result<()> {
    let enough = |status: &msapp_crds::v1alpha1::MicroserviceAppStatus| {
        status.services.iter().all(|service| service.ready == count)
    };
    app.until(&format!("{count} pods"), enough).await?;
    app.ready().await?;
    Ok(())
}

#[tokio::test]
async fn the_number_of_pods_never_dips_while_it_changes_hands() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let fixed = "replicas: 5, resources: {requests: {cpu: 10m}}";
    let app = App::create(&cluster, "hands", &[&with_one_service(fixed)]).await?;
    pods(&app, 5).await?;
    let deployments = app.namespace.api::<Deployment>(&cluster.client().await?);
    let numbers = History::of(deployments, |deployment| deployment.spec.replicas);
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;

    let autoscaling = json!({"minReplicas": 2, "maxReplicas": 10, "cpu": 70});
    app.patch(json!([
        {"op": "remove", "path": "/spec/services/0/replicas"},
        {"op": "add", "path": "/spec/services/0/autoscaling", "value": autoscaling},
    ]))
    .await?;
    pods(&app, 5).await?;
    assert_eq!(tally.child_writes().await?, ["patch horizontalpodautoscalers/web"]);

    // In place of the autoscaler, which would need pods that use something.
    app.namespace.kubectl(&["scale", "deployment", "web", "--replicas=7"]).await?;
    pods(&app, 7).await?;

    app.patch(json!([
        {"op": "remove", "path": "/spec/services/0/autoscaling"},
        {"op": "add", "path": "/spec/services/0/replicas", "value": 4},
    ]))
    .await?;
    pods(&app, 4).await?;

    // Now nobody decides, and it stays.
    app.patch(json!([{"op": "remove", "path": "/spec/services/0/replicas"}])).await?;
    pods(&app, 4).await?;
    let writes = tally.child_writes().await?;
    let expected = [
        "patch horizontalpodautoscalers/web",
        "delete horizontalpodautoscalers/web",
        "patch deployments/web",
    ];
    assert_eq!(
        writes.iter().filter(|write| !write.contains("poddisruptionbudgets")).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(numbers.seen(), [5, 7, 4]);
    Ok(())
}

#[tokio::test]
async fn an_autoscaler_that_goes_leaves_the_number_behind() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let scaled = "autoscaling: {minReplicas: 3, maxReplicas: 10, cpu: 70}, resources: {requests: {cpu: 10m}}";
    let app = App::create(&cluster, "left", &[&with_one_service(scaled)]).await?;
    pods(&app, 3).await?;
    let deployments = app.namespace.api::<Deployment>(&cluster.client().await?);
    let numbers = History::of(deployments, |deployment| deployment.spec.replicas);
    app.patch(json!([{"op": "remove", "path": "/spec/services/0/autoscaling"}])).await?;
    pods(&app, 3).await?;
    assert!(!app.children().await?.contains_key("HorizontalPodAutoscaler/web"));
    app.patch(json!([{"op": "replace", "path": "/spec/services/0/image", "value": "registry.test/web:2"}]))
        .await?;
    app.until_field("Deployment/web", ".spec.template.spec.containers[0].image", "registry.test/web:2")
        .await?;
    pods(&app, 3).await?;
    assert_eq!(numbers.seen(), [3]);
    Ok(())
}
