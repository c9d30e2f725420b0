//! How a pod ends.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use msapp_e2e::{History, PATIENCE, wait_until};
use serde_json::Value;

use crate::{
    app::{self, App, condition},
    stage::Stage,
};

/// One whose answers take longer than it goes on serving before SIGTERM, and one that has nothing that listens to
/// SIGTERM: as the first process of its container it is not ended by it either.
const STOPPING: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: stopping}
spec:
  defaults:
    resources: {requests: {cpu: 10m}}
  services:
  - name: polite
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    env: [{name: WORKLOAD_TROUBLE, value: latency=6s}]
    probes: {readiness: {path: /readyz, period: 1s}}
    gracefulStop: {drain: 3s, period: 30s}
  - name: deaf
    image: IMAGE
    command: [/app/workload, connect, --timeout, 600s, '192.0.2.1:81']
    gracefulStop: {drain: 0s, period: 3s}
";

pub(super) async fn gracefully(stage: Stage) -> Result<()> {
    let app = App::create(&stage, "stopping", STOPPING).await?;
    app.ready().await?;
    let (ends, statuses) = (History::of(app.pods.clone(), end), app.statuses());
    let (polite, deaf) = (app.pod_of("polite").await?.name_any(), app.pod_of("deaf").await?.name_any());
    app.namespace.kubectl(&["delete", "pod", "--wait=false", &polite, &deaf]).await?;
    // It goes already, and takes three seconds until SIGTERM. The answer comes three seconds after that.
    let request = format!("/api/v1/namespaces/{}/pods/{polite}:8080/proxy/orders", app.namespace.name());
    let answer = app.namespace.kubectl(&["get", "--raw", &request]).await.context("ask a pod that goes")?;
    let answer: Value = serde_json::from_str(&answer)?;
    ensure!(answer["service"] == "polite" && answer["failure"].is_null(), "{answer}");
    let polite = ended(&ends, &polite).await?;
    ensure!((polite.exit_code, polite.reason.as_str()) == (0, "Completed"), "{polite:?}");
    let deaf = ended(&ends, &deaf).await?;
    ensure!((deaf.exit_code, deaf.reason.as_str()) == (137, "Error"), "{deaf:?}");
    app.ready().await?;
    let seen = statuses.seen();
    let broken = seen.iter().find(|status| condition(status, "Degraded").0 != "False");
    ensure!(broken.is_none(), "an end that was asked for is told as a failure: {}", app::words(&seen[0]));
    stage.figure(format!(
        "a pod with a request of 6 s: ends well {} s after it was asked to; one that is deaf: after {} s, with a period of 3 s",
        polite.seconds, deaf.seconds
    ));
    Ok(())
}

/// How the container of a pod ended that was deleted.
#[derive(Clone, Debug, PartialEq)]
struct End {
    pod: String,
    exit_code: i32,
    reason: String,
    seconds: i64,
}

fn end(pod: Pod) -> Option<End> {
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let end = status.state.as_ref()?.terminated.as_ref()?;
    // What stands there is when the period is over.
    let period = pod.metadata.deletion_grace_period_seconds?;
    let asked = pod.metadata.deletion_timestamp.as_ref()?.0.as_second() - period;
    Some(End {
        pod: pod.name_any(),
        exit_code: end.exit_code,
        reason: end.reason.clone().unwrap_or_default(),
        seconds: end.finished_at.as_ref()?.0.as_second() - asked,
    })
}

async fn ended(ends: &History<End>, pod: &str) -> Result<End> {
    wait_until(&format!("the end of {pod}"), PATIENCE, async || {
        let seen = ends.seen();
        seen.iter().find(|end| end.pod == pod).cloned().with_context(|| format!("ended so far: {seen:?}"))
    })
    .await
}
