//! Nothing happens when there is nothing to do.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use msapp_e2e::{Cluster, Installation, Operator, PATIENCE, wait_until};

use crate::{
    apps::App,
    creation::offer_gpus,
    manifests::{everything, sample},
};

const APPS: usize = 10;

/// How long the operator must ask for nothing: the time is what is promised.
const WINDOW: Duration = Duration::from_secs(60);

/// What follows from a change has followed.
const SETTLED: Duration = Duration::from_secs(5);

async fn ten_apps(cluster: &Cluster) -> Result<Vec<App>> {
    offer_gpus(cluster).await?;
    let shop = App::create(cluster, "shop", &[&sample("shop-secrets")?, &sample("shop")?]).await?;
    let everything = App::create(cluster, "everything", &[&everything()]).await?;
    let hello = sample("hello")?;
    let mut apps =
        try_join_all((2..APPS).map(async |_| App::create(cluster, "hello", &[&hello]).await)).await?;
    apps.extend([shop, everything]);
    for app in &apps {
        app.ready().await?;
    }
    Ok(apps)
}

/// How many reconciles ended one way or another.
async fn reconciles(operator: &Operator) -> Result<f64> {
    let metrics = operator.metrics().await?;
    let counts = metrics.lines().filter(|line| line.starts_with("msapp_reconciles_total{"));
    Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

#[tokio::test]
async fn ten_idle_apps_cost_nothing_and_a_restart_writes_nothing() -> Result<()> {
    let cluster = Cluster::start().await?;
    let installation = Installation::install(&cluster, "msapp-system", &[]).await?;
    let operator = Operator::start(&installation, &[]).await?;
    let apps = ten_apps(&cluster).await?;
    assert_eq!(apps.len(), APPS);
    let (audit, user) = (cluster.audit().await?, operator.user());
    audit.quiet(&user, SETTLED).await?;

    let mark = audit.mark().await?;
    tokio::time::sleep(WINDOW).await;
    let requests = audit.since(mark).await?.of(&user);
    assert!(requests.writes().is_empty() && requests.reads().is_empty(), "{requests}");
    assert!(requests.event_writes().is_empty(), "{requests}");
    assert!(!requests.lease_writes().is_empty(), "it does not even live: {requests}");

    let mark = audit.mark().await?;
    operator.terminate().await?;
    let operator = Operator::start(&installation, &[]).await?;
    wait_until("every app to be looked at", PATIENCE, async || {
        let reconciles = reconciles(&operator).await?;
        ensure!(reconciles >= 10.0, "{reconciles} so far");
        Ok(())
    })
    .await?;
    audit.quiet(&user, SETTLED).await?;
    let requests = audit.since(mark).await?.of(&user);
    assert!(requests.writes().is_empty(), "{}", requests.writes());
    assert!(requests.event_writes().is_empty(), "{requests}");
    for app in &apps {
        app.ready().await?;
    }
    Ok(())
}
