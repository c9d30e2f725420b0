//! The operator without the definition of its resource.

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, Installation, Operator, PATIENCE, wait_until};

use crate::apps::{App, CHAIN, CHAIN_SECRET};

async fn define(cluster: &Cluster) -> Result<()> {
    cluster.kubectl_with(["apply", "--server-side", "-f", "-"], &msapp_crds::manifest()).await?;
    wait_until("the kind to be served", PATIENCE, async || cluster.kubectl(["get", "msapp"]).await).await?;
    Ok(())
}

#[tokio::test]
async fn the_operator_waits_for_the_definition_survives_its_deletion_and_notices_its_return() -> Result<()> {
    let cluster = Cluster::start().await?;
    let installation = Installation::install(&cluster, "msapp-system", &["crds.enabled=false"]).await?;
    let operator = Operator::spawn(&installation, &[]).await?;
    wait_until("it to answer", PATIENCE, async || operator.page("/livez").await).await?;
    define(&cluster).await?;
    let app = App::ready_chain(&cluster, "late").await?;

    let audit = cluster.audit().await?;
    let mark = audit.mark().await?;
    cluster.kubectl(["delete", "crd", "microserviceapps.msapp.dev"]).await?;
    wait_until("the operator to have noticed, and to ask again now and then", PATIENCE, async || {
        let asked = audit.since(mark).await?.of(&operator.user()).on("microserviceapps").refused();
        ensure!(asked.len() >= 4, "{asked}");
        Ok(())
    })
    .await?;
    assert!(operator.page("/livez").await.is_ok());
    // What it made keeps running, or is collected with its owner: both are Kubernetes' decision.
    let asked = audit.since(mark).await?.of(&operator.user());
    assert!(asked.writes().is_empty(), "{asked}");
    define(&cluster).await?;
    App::ready_chain(&cluster, "again").await?;
    // In the old place it has to wait until its predecessor's objects are collected.
    let app = App::apply(&cluster, app.namespace, &[CHAIN_SECRET, CHAIN]).await?;
    wait_until("it to be back in the old place", PATIENCE * 2, async || app.ready().await).await?;
    assert!(operator.is_running()?);
    Ok(())
}
