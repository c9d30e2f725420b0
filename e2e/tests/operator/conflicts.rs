//! Another manager wants a field of ours, and comes back for it.

use anyhow::Result;
use msapp_e2e::{Cluster, Operator};

use crate::{
    apps::{App, condition, words},
    manifests::with_one_service,
    tally::Tally,
};

/// Applies a Deployment with these fields as another manager, by force.
async fn intrude(app: &App, spec: &str) -> Result<()> {
    let yaml =
        format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{{spec}}}}}");
    let path = std::env::temp_dir().join(format!("{}-intruder.yaml", app.namespace.name()));
    std::fs::write(&path, yaml)?;
    let file = path.to_str().expect("UTF-8");
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=intruder", "-f", file];
    let outcome = app.namespace.kubectl(&apply).await;
    std::fs::remove_file(&path)?;
    outcome.map(|_| ())
}

fn image(version: &str) -> String {
    format!("template: {{spec: {{containers: [{{name: app, image: 'registry.test/web:{version}'}}]}}}}")
}

#[tokio::test]
async fn a_manager_that_applies_the_same_field_is_named_until_it_lets_go() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app =
        App::create(&cluster, "conflict", &[&with_one_service("ports: [{name: http, port: 80}]")]).await?;
    app.ready().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    let path = ".spec.template.spec.containers[0].image";

    intrude(&app, &image("intruded")).await?;
    let conflict =
        |status: &_| condition(status, "Stalled") == "True" && words(status).contains("FieldConflict");
    let status = app.until("the conflict to be told", conflict).await?;
    for word in ["intruder", "image", "Deployment web"] {
        assert!(words(&status).contains(word), "{word:?} is not in\n{}", words(&status));
    }
    let requests = tally.all().await?;
    assert_eq!(
        requests.on("deployments").refused().len(),
        1,
        "it is tried once, not again and again: {requests}"
    );
    assert_eq!(
        app.field("Deployment/web", path).await?,
        "registry.test/web:intruded",
        "nothing is fought over"
    );

    // The intruder wants what we want, and then nothing.
    intrude(&app, &image("1")).await?;
    app.ready().await?;
    intrude(&app, "revisionHistoryLimit: 3").await?;
    app.until("the next conflict to be told", conflict).await?;
    intrude(&app, "").await?;
    app.ready().await?;
    app.until_field("Deployment/web", ".spec.revisionHistoryLimit", "10").await?;
    assert_eq!(app.field("Deployment/web", path).await?, "registry.test/web:1");
    Ok(())
}

#[tokio::test]
async fn a_manager_that_applies_other_fields_is_welcome() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app =
        App::create(&cluster, "welcome", &[&with_one_service("ports: [{name: http, port: 80}]")]).await?;
    app.ready().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    intrude(&app, "template: {spec: {priorityClassName: system-cluster-critical}}").await?;
    assert!(tally.child_writes().await?.is_empty());
    app.ready().await?;
    assert_eq!(
        app.field("Deployment/web", ".spec.template.spec.priorityClassName").await?,
        "system-cluster-critical"
    );
    Ok(())
}
