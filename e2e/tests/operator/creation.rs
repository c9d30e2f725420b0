//! The first time that an app is applied, and the last.

use anyhow::{Result, ensure};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use msapp_e2e::{Cluster, Namespace, Operator, PATIENCE, Requests, wait_until};

use crate::{
    apps::{App, CHAIN, CHAIN_SECRET, changed, words},
    manifests::{everything, rendered, sample},
    tally::{Tally, applied_once, child_writes},
};

/// The status may say at once that everything is coming, and once more when all is written.
const STATUSES_BEFORE_THE_FIRST_POD: usize = 2;

/// Every status was written by one patch and said something new, and few were written before there was news.
pub(crate) fn assert_told_economically(statuses: &[MicroserviceAppStatus], requests: &Requests) {
    let told = statuses.iter().map(words).collect::<Vec<_>>().join("\n\n");
    let nothing_up =
        |status: &&MicroserviceAppStatus| status.services.iter().all(|service| service.ready == 0);
    let early = statuses.iter().take_while(nothing_up).count();
    assert!(early <= STATUSES_BEFORE_THE_FIRST_POD, "{told}");
    let patches = requests.on_subresource("microserviceapps", "status");
    assert_eq!(patches.len(), statuses.len(), "a status was written that said nothing new:\n{told}");
}

#[tokio::test]
async fn the_shop_is_created_with_one_write_per_child_and_one_read_per_secret() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let namespace = Namespace::create(&cluster, "shop").await?;
    let (secrets, shop) = (sample("shop-secrets")?, sample("shop")?);
    namespace.apply(&secrets).await?;
    let statuses = App::statuses(namespace.api(&cluster.client().await?));
    let audit = cluster.audit().await?;
    let mark = audit.mark().await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let app = App::apply(&cluster, namespace, &[&shop]).await?;
    assert_eq!(app.ready().await?.summary.as_deref(), Some("12/12"));

    let requests = tally.all().await?;
    let expected = rendered(app.namespace.name(), &shop).await?;
    assert!(app.children().await?.keys().eq(expected.keys()), "{:?}", app.children().await?.keys());
    let mut writes = child_writes(&requests);
    writes.sort();
    assert_eq!(writes, applied_once(expected.keys()));
    let reads = requests.reads();
    assert_eq!(reads.len(), secrets.matches("kind: Secret").count(), "{reads}");
    assert_eq!(reads.on("secrets").with_verb("get").len(), reads.len(), "{reads}");
    let everywhere = audit.since(mark).await?.of(&operator.user()).within("").reads();
    assert!(everywhere.is_empty(), "{everywhere}");
    assert!(requests.refused().is_empty(), "{}", requests.refused());
    assert_told_economically(&statuses.seen(), &requests);
    Ok(())
}

#[tokio::test]
async fn an_app_with_every_field_is_applied_as_it_is_rendered_and_never_again() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    offer_gpus(&cluster).await?;
    let namespace = Namespace::create(&cluster, "everything").await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let app = App::apply(&cluster, namespace, &[&everything()]).await?;
    app.ready().await?;
    let expected = rendered(app.namespace.name(), &everything()).await?;
    let mut writes = tally.child_writes().await?;
    writes.sort();
    assert_eq!(writes, applied_once(expected.keys()));
    for (child, mut manifest) in expected {
        // Only the operator has the key for what stands here.
        if child.starts_with("Deployment/") {
            let path = ".spec.template.metadata.annotations.msapp\\.dev/reference-digest";
            let digest = app.field(&child, path).await?;
            if !digest.is_empty() {
                manifest["spec"]["template"]["metadata"]["annotations"]["msapp.dev/reference-digest"] =
                    digest.into();
            }
        }
        app.assert_applied(&manifest).await?;
    }
    Ok(())
}

/// The app with every field wants one for each of its pods.
pub(crate) async fn offer_gpus(cluster: &Cluster) -> Result<()> {
    let offer =
        r#"{"status": {"capacity": {"example.com/gpu": "8"}, "allocatable": {"example.com/gpu": "8"}}}"#;
    for node in cluster.kubectl(["get", "nodes", "-o", "name"]).await?.lines() {
        cluster.kubectl(["patch", node, "--subresource=status", "--type=merge", "-p", offer]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_smallest_sample_comes_up() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    App::create(&cluster, "hello", &[&sample("hello")?]).await?.ready().await?;
    Ok(())
}

#[tokio::test]
async fn applying_the_same_again_writes_nothing() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "again").await?;
    let before = app.namespace.versions().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.namespace.apply(&format!("{CHAIN_SECRET}\n---\n{CHAIN}")).await?;
    // A label on the resource wakes the operator; nothing that it makes changes.
    app.namespace.kubectl(&["label", "msapp", &app.name, "team=a"]).await?;
    let requests = tally.all().await?;
    assert!(requests.writes().is_empty(), "{requests}");
    assert_eq!(changed(&before, &app.namespace.versions().await?), ["MicroserviceApp/chain"]);
    Ok(())
}

#[tokio::test]
async fn a_deleted_app_takes_everything_along_without_a_write_of_the_operator() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "gone").await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.namespace.kubectl(&["delete", "msapp", &app.name, "--wait=false"]).await?;
    wait_until("everything to be collected", PATIENCE, async || {
        let left = app.namespace.versions().await?;
        ensure!(left.is_empty(), "{:?} are left", left.keys());
        let below = app.namespace.kubectl(&["get", "pods,replicasets,endpointslices", "-o", "name"]).await?;
        ensure!(below.is_empty(), "left are\n{below}");
        Ok(())
    })
    .await?;
    let requests = tally.all().await?;
    assert!(requests.writes().is_empty(), "{requests}");
    Ok(())
}
