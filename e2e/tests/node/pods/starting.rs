//! `startAfter`, by the clocks of the containers.

use anyhow::{Context, Result, ensure};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Time};
use serde_json::json;

use crate::{
    app::{self, App, condition, told},
    stage::Stage,
};

const ORDERED: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: ordered}
spec:
  defaults:
    resources: {requests: {cpu: 10m}}
    gracefulStop: {drain: 0s, period: 5s}
  services:
  - name: store
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    env: [{name: WORKLOAD_TROUBLE, value: start=4s}]
    probes: {startup: {path: /healthz, period: 1s}, readiness: {path: /readyz, period: 1s}}
  - name: api
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    dependencies: [{name: store, startAfter: true}]
    probes: {readiness: {path: /readyz, period: 1s}}
";

pub(super) async fn in_order(stage: Stage) -> Result<()> {
    let app = App::create(&stage, "ordered", ORDERED).await?;
    let waits = "WaitingForDependency: waits for store";
    app.until("api to wait", |status| told(status, "api") == waits).await?;
    app.ready().await?;
    let (store, api) = (app.pod_of("store").await?, app.pod_of("api").await?);
    let (ready, started) = (ready_since(&store)?, container_started(&api)?);
    ensure!(ready <= started, "store was ready at {ready:?}, and api started at {started:?}");
    let seconds = started.0.as_second() - container_started(&store)?.0.as_second();
    stage.figure(format!("a callee that takes 4 s to start: its caller's container starts {seconds} s after the callee's, and not before it is ready"));
    a_later_change_does_not_wait(&app).await
}

async fn a_later_change_does_not_wait(app: &App) -> Result<()> {
    app.control("store", "ready=false").await?;
    let unready = "ProbeFailing: Readiness probe failed: HTTP probe failed with statuscode: 503";
    app.until("store to be down", |status| told(status, "store") == unready).await?;
    let change = json!({"name": "CHANGED", "value": "yes"});
    app.patch(json!([{"op": "add", "path": "/spec/services/1/env", "value": [change]}])).await?;
    let status = app
        .until("api to be up with its change", |status| {
            told(status, "api").is_empty() && told(status, "store") == unready
        })
        .await?;
    let sentence = "1/2: store: ProbeFailing (Readiness probe failed: HTTP probe failed with statuscode: 503); blocks api";
    ensure!(condition(&status, "Ready").1 == sentence, "{}", app::words(&status));
    app.control("store", "ready=true").await?;
    app.ready().await?;
    Ok(())
}

fn ready_since(pod: &Pod) -> Result<Time> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready.find_map(|condition| condition.last_transition_time.clone()).context("it is not ready")
}

fn container_started(pod: &Pod) -> Result<Time> {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let mut states = statuses.filter_map(|status| status.state.as_ref()?.running.as_ref());
    states.find_map(|running| running.started_at.clone()).context("it does not run")
}
