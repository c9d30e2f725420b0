//! The ways to install the operator with fewer permissions.

use anyhow::Result;
use msapp_e2e::{Cluster, Installation, Namespace, Operator, Request};

use crate::{
    apps::{App, CHAIN, CHAIN_SECRET},
    creation::assert_told_economically,
    manifests::{rendered, sample},
    tally::{Tally, applied_once, child_writes},
};

#[tokio::test]
async fn with_roles_in_two_namespaces_it_serves_these_and_asks_for_no_others() -> Result<()> {
    let cluster = Cluster::start().await?;
    let watched =
        [Namespace::create(&cluster, "watched").await?, Namespace::create(&cluster, "watched").await?];
    let namespaces = format!("watch.namespaces={{{},{}}}", watched[0].name(), watched[1].name());
    let values = ["watch.scope=Namespaces", &namespaces];
    let installation = Installation::install(&cluster, "msapp-system", &values).await?;
    let roles = cluster.kubectl(["get", "clusterroles,clusterrolebindings", "-o", "name"]).await?;
    assert!(!roles.contains("msapp"), "{roles}");

    let operator = Operator::start(&installation, &[]).await?;
    let ignored = App::create(&cluster, "ignored", &[CHAIN_SECRET, CHAIN]).await?;
    for namespace in watched {
        App::apply(&cluster, namespace, &[CHAIN_SECRET, CHAIN]).await?.ready().await?;
    }
    assert!(ignored.children().await?.is_empty());
    let requests = cluster.audit().await?.since_start().await?.of(&operator.user());
    assert!(requests.filter(|request| request.code == 403).is_empty(), "{}", requests.refused());
    assert!(requests.within(ignored.namespace.name()).is_empty());
    let asks_for_objects =
        |request: &Request| !matches!(request.resource.as_str(), "" | "selfsubjectreviews");
    let everywhere = requests.within("").filter(asks_for_objects);
    assert!(everywhere.is_empty(), "{everywhere}");
    Ok(())
}

#[tokio::test]
async fn without_the_right_to_read_secrets_it_reads_nothing_at_all() -> Result<()> {
    let cluster = Cluster::start().await?;
    let installation = Installation::install(&cluster, "msapp-system", &["rbac.readSecrets=false"]).await?;
    let operator = Operator::start(&installation, &[]).await?;
    let namespace = Namespace::create(&cluster, "secretless").await?;
    let statuses = App::statuses(namespace.api(&cluster.client().await?));
    let audit = cluster.audit().await?;
    let mark = audit.mark().await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let shop = sample("shop")?;
    let app = App::apply(&cluster, namespace, &[&sample("shop-secrets")?, &shop]).await?;
    app.ready().await?;

    let requests = tally.all().await?;
    let expected = rendered(app.namespace.name(), &shop).await?;
    let mut writes = child_writes(&requests);
    writes.sort();
    assert_eq!(writes, applied_once(expected.keys()));
    let reads = audit.since(mark).await?.of(&operator.user()).reads();
    assert!(reads.is_empty(), "{reads}");
    assert_told_economically(&statuses.seen(), &requests);
    for manifest in expected.values() {
        app.assert_applied(manifest).await?;
    }
    let ever = audit.since_start().await?.of(&operator.user());
    assert!(ever.on("secrets").is_empty(), "{}", ever.on("secrets"));
    assert!(ever.filter(|request| request.code == 403).is_empty(), "{}", ever.refused());
    Ok(())
}

#[tokio::test]
async fn with_the_usual_permissions_nothing_that_it_asks_for_is_forbidden() -> Result<()> {
    let cluster = Cluster::start().await?;
    let installation = Installation::install(&cluster, "msapp-system", &[]).await?;
    let operator = Operator::start(&installation, &[]).await?;
    let app = App::ready_chain(&cluster, "allowed").await?;
    app.namespace.kubectl(&["delete", "service", "api"]).await?;
    app.ready().await?;
    let requests = cluster.audit().await?.since_start().await?.of(&operator.user());
    assert!(requests.filter(|request| request.code == 403).is_empty(), "{}", requests.refused());
    assert_eq!(operator.terminate().await?.code(), Some(0));
    Ok(())
}
