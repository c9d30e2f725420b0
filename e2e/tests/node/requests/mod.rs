//! No lost request: whatever is done to an app and to the operator, callers get their answers.

mod load;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::{
    Company, Scenario, Showing,
    app::told,
    operator::release::Release,
    stage::{OPERATOR, Stage},
};
use load::{Loaded, environment};

pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario(
        "requests::none_is_lost_while_a_service_is_updated",
        "No request is lost while all pods of a service are replaced, also none of callers that never try again",
        |stage| Box::pin(update(stage)),
    ),
    scenario(
        "requests::none_is_lost_by_a_version_that_never_becomes_ready",
        "… while a version that never becomes ready is tried and taken back",
        |stage| Box::pin(rollback(stage)),
    ),
    scenario(
        "requests::none_is_lost_while_a_service_is_scaled",
        "… while a service is scaled up and down",
        |stage| Box::pin(scale(stage)),
    ),
    scenario(
        "requests::none_is_lost_by_evictions",
        "… by evictions, of which the disruption budget allows one at a time",
        |stage| Box::pin(evict(stage)),
    ),
    scenario(
        "requests::none_is_lost_while_a_node_is_drained",
        "… while a node is drained that has nowhere to send its pods, and comes back",
        |stage| Box::pin(drain(stage)),
    ),
    scenario(
        "requests::none_is_lost_when_the_operator_is_killed",
        "… when all pods of the operator are killed, and a change made meanwhile is carried out when they are back",
        |stage| Box::pin(kill_operator(stage)),
    ),
    scenario(
        "requests::none_is_lost_while_the_operator_is_upgraded",
        "… while Helm upgrades the operator, which replaces no pod of the app",
        |stage| Box::pin(upgrade_operator(stage)),
    ),
    scenario(
        "requests::new_connections_survive_servers_that_stop_at_once",
        "A server that closes everything at SIGTERM loses no new connection, by the drain that every service with ports has",
        |stage| Box::pin(stop_at_once(stage)),
    ),
];

const fn scenario(name: &'static str, promise: &'static str, run: fn(Stage) -> Showing) -> Scenario {
    // The load takes most of a small machine, and what happens here happens to the node and the operator of all.
    Scenario { name, promise, small: false, company: Company::Alone, run }
}

/// Replaces all pods of `web`.
async fn replace(loaded: &Loaded, patch: Value) -> Result<()> {
    let old = loaded.whole(3).await?;
    loaded.app.patch(patch).await?;
    loaded.app.ready().await?;
    let new = loaded.whole(3).await?;
    ensure!(new.is_disjoint(&old), "old pods are left: {old:?}, {new:?}");
    Ok(())
}

async fn update(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let patch = json!([environment(&[("VERSION", "2")])]);
    let outcomes = loaded.during(async || replace(&loaded, patch).await).await?;
    stage.figure(outcomes.all_answered()?);
    Ok(())
}

async fn rollback(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let old = loaded.whole(3).await?;
    let outcomes = loaded
        .during(async || {
            loaded.app.patch(json!([environment(&[("WORKLOAD_TROUBLE", "ready=false")])])).await?;
            let fails = |status: &_| told(status, "web").contains("probe");
            loaded.app.until("the new version to fail its probe", fails).await?;
            loaded.app.patch(json!([environment(&[])])).await?;
            loaded.app.ready().await?;
            ensure!(loaded.whole(3).await? == old, "the old pods did not stay");
            Ok(())
        })
        .await?;
    stage.figure(outcomes.all_answered()?);
    Ok(())
}

async fn scale(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let outcomes = loaded
        .during(async || {
            for number in [5, 2, 3] {
                let path = "/spec/services/0/replicas";
                loaded.app.patch(json!([{"op": "replace", "path": path, "value": number}])).await?;
                loaded.whole(number).await?;
            }
            Ok(())
        })
        .await?;
    stage.figure(outcomes.all_answered()?);
    Ok(())
}

async fn evict(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let node = stage.node().await?;
    let old = loaded.whole(3).await?;
    let pods = loaded.app.pods_of("web").await?;
    let evicted = async |pod: &Pod| {
        let (namespace, name) = (loaded.app.namespace.name(), pod.name_any());
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
        // Not by a client that asks again by itself when it is refused.
        node.kubectl_with(["create", "--raw", &path, "-f", "-"], &eviction.to_string()).await
    };
    let outcomes = loaded
        .during(async || {
            for (pod, next) in pods.iter().zip(pods.iter().skip(1)) {
                evicted(pod).await?;
                let refused = evicted(next).await.err().context("a second pod was evicted at once")?;
                ensure!(format!("{refused:#}").contains("disruption budget"), "{refused:#}");
                loaded.whole(3).await?;
            }
            Ok(())
        })
        .await?;
    let left = loaded.whole(3).await?.intersection(&old).count();
    ensure!(left == 1, "{left} pods are left of those before two evictions");
    stage.figure(outcomes.all_answered()?);
    Ok(())
}

/// Only `web` is drained: with the DNS and the clients on the same node nobody could say what came of the requests.
async fn drain(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let node = stage.node().await?;
    let name = node.kubectl(["get", "nodes", "-o", "name"]).await?;
    let outcomes = loaded
        .during(async || {
            let drain = ["drain", name.trim(), "--pod-selector=msapp.dev/service=web", "--timeout=15s"];
            let refused = node.kubectl(drain).await.err().context("the node was drained of all pods")?;
            ensure!(format!("{refused:#}").contains("disruption budget"), "{refused:#}");
            node.kubectl(["uncordon", name.trim()]).await?;
            loaded.whole(3).await?;
            Ok(())
        })
        .await?;
    stage.figure(outcomes.all_answered()?);
    Ok(())
}

async fn kill_operator(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let node = stage.node().await?;
    let patch = json!([environment(&[("VERSION", "2")])]);
    let outcomes = loaded
        .during(async || {
            let kill = ["delete", "pods", "--all", "-n", OPERATOR, "--grace-period=0", "--force"];
            node.kubectl(kill).await?;
            replace(&loaded, patch).await?;
            Release::installed(&node).await?.settled().await?;
            Ok(())
        })
        .await?;
    stage.figure(outcomes.all_answered()?);
    Ok(())
}

async fn upgrade_operator(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let old = loaded.whole(3).await?;
    let outcomes = loaded
        .during(async || {
            let release = Release::installed(&stage.node().await?).await?;
            release.with_values(&["log.level=debug"], async || Ok(())).await
        })
        .await?;
    ensure!(loaded.whole(3).await? == old, "pods of the app were replaced");
    stage.figure(outcomes.all_answered()?);
    Ok(())
}

/// What the usual settings are worth, by a server that does nothing for its callers when it starts and ends.
async fn stop_at_once(stage: Stage) -> Result<()> {
    let loaded = Loaded::start(&stage).await?;
    let at_once = ("WORKLOAD_DRAIN", "0s");
    let version = |number| environment(&[at_once, ("VERSION", number)]);
    replace(&loaded, json!([version("1")])).await?;
    let drained = loaded.during(async || replace(&loaded, json!([version("2")])).await).await?;
    drained.newcomer.none_failed()?;
    stage.figure(format!("lost by an update, as services are by default: {drained}, which close at SIGTERM"));
    let deaf = json!([
        {"op": "remove", "path": "/spec/services/0/probes"},
        environment(&[at_once, ("WORKLOAD_TROUBLE", "start=3s")]),
    ]);
    let unchecked = loaded.during(async || replace(&loaded, deaf).await).await?;
    stage.figure(format!("without a health check, when a server is deaf for 3 s at its start: {unchecked}"));
    let undrained = json!([
        {"op": "add", "path": "/spec/services/0/probes", "value": {"path": "/healthz"}},
        {"op": "add", "path": "/spec/services/0/gracefulStop", "value": {"drain": "0s"}},
        version("3"),
    ]);
    replace(&loaded, undrained).await?;
    let undrained = loaded.during(async || replace(&loaded, json!([version("4")])).await).await?;
    stage.figure(format!("without the drain: {undrained}"));
    Ok(())
}
