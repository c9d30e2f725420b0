//! Two operators, of which one leads and goes.

use std::time::Instant;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use msapp_e2e::Namespace;

use super::{
    bring_up,
    release::{Release, signal},
    scale,
};
use crate::stage::{OPERATOR, Stage};

const APP: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: kept}
spec:
  services:
  - name: web
    image: IMAGE
    resources: {requests: {cpu: 10m, memory: 16Mi}}
    gracefulStop: {drain: 0s, period: 5s}
";

pub(super) async fn takes_over(stage: Stage) -> Result<()> {
    let release = Release::installed(&stage.operator().await?).await?;
    let namespace = stage.namespace("handover").await?;
    bring_up(&namespace, "kept", APP).await?;
    let deleted =
        after(&release, &namespace, 2, async |leader| delete(&release, leader, "--wait=false").await);
    let deleted = deleted.await?;
    // A process that is stopped neither renews its Lease nor releases it when its pod is taken away.
    let hung = after(&release, &namespace, 3, async |leader| {
        signal(leader, "-STOP").await?;
        delete(&release, leader, "--force").await
    });
    let hung = hung.await?;
    stage.figure(format!(
        "the other operator carries out a change {deleted:.1} s after the leader's pod was deleted, and {hung:.1} s after it hung (its Lease lasts 15 s)"
    ));
    Ok(())
}

async fn delete(release: &Release, pod: &Pod, how: &str) -> Result<()> {
    release.node.kubectl(["delete", "pod", "-n", OPERATOR, &pod.name_any(), how]).await?;
    Ok(())
}

/// After how many seconds a change is carried out that is asked for once `remove` has been done to the leader.
async fn after(
    release: &Release,
    namespace: &Namespace,
    replicas: u32,
    remove: impl AsyncFnOnce(&Pod) -> Result<()>,
) -> Result<f64> {
    let [leader, other] = release.settled().await?;
    let began = Instant::now();
    remove(&leader).await?;
    scale(namespace, "kept", "web", replicas).await?;
    let seconds = began.elapsed().as_secs_f64();
    let acted = release.leader().await?;
    ensure!(acted == other.name_any(), "{acted} leads and not the one that stood by");
    release.settled().await?;
    Ok(seconds)
}
