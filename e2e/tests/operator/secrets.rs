//! Secrets and ConfigMaps that services refer to.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use msapp_e2e::{Cluster, History, Operator, PATIENCE, wait_until};
use serde_json::json;

use crate::{
    apps::{App, CHAIN, CHAIN_SECRET, condition, respecified, words},
    tally::Tally,
};

/// Three services that refer to something, each in another way, and one that does not.
const READERS: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: readers}
spec:
  services:
    - {name: one-key, image: 'registry.test/a:1', env: [{name: TOKEN, secret: {name: token, key: token}}]}
    - {name: all-keys, image: 'registry.test/b:1', files: [{path: /etc/token, secret: {name: token}}]}
    - {name: flagged, image: 'registry.test/c:1', env: [{name: FLAG, configMap: {name: flags, key: beta}}]}
    - {name: bystander, image: 'registry.test/d:1'}
";

/// Three services in a row that use the same Secret.
const ROW: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: row}
spec:
  services:
    - name: api
      image: registry.test/api:1
      ports: [{name: http, port: 80}]
      env: [{name: TOKEN, secret: {name: token, key: token}}]
      dependencies: [{name: store}]
    - name: store
      image: registry.test/store:1
      ports: [{name: http, port: 80}]
      env: [{name: TOKEN, secret: {name: token, key: token}}]
    - name: web
      image: registry.test/web:1
      env: [{name: TOKEN, secret: {name: token, key: token}}]
      dependencies: [{name: api}]
";

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: first, unused: first}
";

const CONFIG_MAP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: flags}
data: {beta: first, unused: first}
";

/// Digest of what each Deployment refers to, as its pods carry it.
async fn digests(app: &App) -> Result<BTreeMap<String, String>> {
    let mut digests = BTreeMap::new();
    for service in ["one-key", "all-keys", "flagged", "bystander"] {
        let path = ".spec.template.metadata.annotations.msapp\\.dev/reference-digest";
        digests.insert(service.to_owned(), app.field(&format!("Deployment/{service}"), path).await?);
    }
    Ok(digests)
}

#[tokio::test]
async fn changed_content_restarts_exactly_its_consumers_once() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "content", &[SECRET, CONFIG_MAP, READERS]).await?;
    app.ready().await?;
    let cases: [(String, &[&str]); 4] = [
        (SECRET.replace("token: first", "token: second"), &["all-keys", "one-key"]),
        (SECRET.replace("first", "second").replace("unused: second", "unused: third"), &["all-keys"]),
        (CONFIG_MAP.replace("beta: first", "beta: second"), &["flagged"]),
        (CONFIG_MAP.replace("first", "second"), &[]),
    ];
    for (content, consumers) in cases {
        let (before, digests_before) = (app.children().await?, digests(&app).await?);
        let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
        app.namespace.apply(&content).await?;
        let mut writes = tally.child_writes().await?;
        writes.sort();
        let expected: Vec<String> =
            consumers.iter().map(|name| format!("patch deployments/{name}")).collect();
        assert_eq!(writes, expected, "after\n{content}");
        app.ready().await?;
        let (after, digests_after) = (app.children().await?, digests(&app).await?);
        let mut restarted = respecified(&before, &after);
        restarted.retain(|child| child != "ConfigMap/flags");
        let expected: Vec<String> = consumers.iter().map(|name| format!("Deployment/{name}")).collect();
        assert_eq!(restarted, expected, "after\n{content}");
        for (service, digest) in digests_before {
            assert_eq!(digests_after[&service] != digest, consumers.contains(&service.as_str()), "{service}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_change_that_is_not_of_the_content_restarts_nothing() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "metadata", &[SECRET, CONFIG_MAP, READERS]).await?;
    app.ready().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.namespace.kubectl(&["annotate", "secret", "token", "rotated-by=hand"]).await?;
    app.namespace.kubectl(&["label", "configmap", "flags", "team=a"]).await?;
    // Created anew with the same content: whoever reads it gets what it had.
    app.namespace.kubectl(&["delete", "configmap", "flags", "--wait=false"]).await?;
    app.namespace.apply(CONFIG_MAP).await?;
    wait_until("the ConfigMap to be back", PATIENCE, async || {
        ensure!(app.field("ConfigMap/flags", ".data.beta").await? == "first");
        Ok(())
    })
    .await?;
    assert!(tally.child_writes().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_app_waits_for_a_missing_secret_and_says_which() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "missing", &[CHAIN]).await?;
    let waits = |status: &_| condition(status, "Ready") == "False" && words(status).contains("Secret db");
    let status = app.until("the missing Secret to be named", waits).await?;
    let api = status.services.iter().find(|service| service.name == "api").expect("api is listed");
    assert!(api.waiting_for.iter().any(|thing| thing == "Secret db"), "{api:#?}");
    app.namespace.apply(CHAIN_SECRET).await?;
    app.ready().await?;
    Ok(())
}

/// A Deployment at some moment.
#[derive(Clone, Debug, PartialEq)]
struct Rollout {
    service: String,
    digest: String,
    complete: bool,
}

/// The rule that Kubernetes documents for a complete Deployment.
fn rollout(deployment: Deployment) -> Option<Rollout> {
    let service = deployment.name_any();
    let (spec, status) = (deployment.spec, deployment.status.unwrap_or_default());
    let mut annotations = spec.template.metadata?.annotations?;
    let complete = status.observed_generation >= deployment.metadata.generation
        && status.updated_replicas == spec.replicas
        && status.replicas == spec.replicas
        && status.available_replicas == spec.replicas;
    Some(Rollout { service, digest: annotations.remove("msapp.dev/reference-digest")?, complete })
}

async fn digest_of(app: &App, service: &str) -> Result<String> {
    let path = ".spec.template.metadata.annotations.msapp\\.dev/reference-digest";
    app.field(&format!("Deployment/{service}"), path).await
}

#[tokio::test]
async fn a_changed_secret_restarts_callees_first_each_once_and_callers_after_their_rollout() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "rotation", &[SECRET, ROW]).await?;
    app.ready().await?;
    let before = digest_of(&app, "web").await?;
    let history = History::of(app.namespace.api::<Deployment>(&cluster.client().await?), rollout);
    wait_until("the watch to begin", PATIENCE, async || {
        ensure!(history.seen().iter().any(|seen| seen.service == "web" && seen.complete));
        Ok(())
    })
    .await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    app.namespace.apply(&SECRET.replace("first", "second")).await?;
    wait_until("the last of the row to change", PATIENCE, async || {
        ensure!(digest_of(&app, "web").await? != before);
        Ok(())
    })
    .await?;
    app.ready().await?;
    let expected = ["store", "api", "web"].map(|service| format!("patch deployments/{service}"));
    assert_eq!(tally.child_writes().await?, expected);
    let seen = history.seen();
    for (callee, caller) in [("store", "api"), ("api", "web")] {
        let changed = |rollout: &&Rollout, service| rollout.service == service && rollout.digest != before;
        let start = seen.iter().position(|rollout| changed(&rollout, caller)).expect("it restarts");
        let through = seen[..start].iter().any(|rollout| changed(&rollout, callee) && rollout.complete);
        assert!(through, "{caller} restarted before {callee} was through: {seen:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_caller_keeps_running_until_its_callee_is_through_with_a_changed_secret() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "rotation-held", &[SECRET, ROW]).await?;
    app.ready().await?;
    let (store, api) = (digest_of(&app, "store").await?, digest_of(&app, "api").await?);
    let fate = json!({"kwok.msapp.test/fate": "never-ready"});
    app.patch(json!([{"op": "add", "path": "/spec/services/1/annotations", "value": fate}])).await?;
    app.until("store to roll out", |status| condition(status, "Ready") == "False").await?;
    app.namespace.apply(&SECRET.replace("first", "second")).await?;
    let held = "waits for store, which takes up a changed Secret or ConfigMap first";
    let status = app.until("api to wait for store", |status| words(status).contains(held)).await?;
    assert_eq!(condition(&status, "Available"), "True", "{status:#?}");
    assert_ne!(digest_of(&app, "store").await?, store);
    assert_eq!(digest_of(&app, "api").await?, api);
    wait_until("store to have a pod that can be healed", PATIENCE, async || {
        let heal = "kwok.msapp.test/fate=none";
        app.namespace
            .kubectl(&["annotate", "pods", "-l", "msapp.dev/service=store", "--overwrite", heal])
            .await?;
        ensure!(digest_of(&app, "api").await? != api);
        Ok(())
    })
    .await?;
    // The pods that are made from now on are as the resource says.
    app.ready().await?;
    Ok(())
}
