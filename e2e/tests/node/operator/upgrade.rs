//! What an upgrade of the operator does to applications: nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use msapp_crds::v1alpha1::MicroserviceApp;
use msapp_e2e::{History, Namespace, images};

use super::{
    bring_up,
    release::{Release, container},
    scale,
};
use crate::stage::Stage;

/// An application with everything that is written into pods: a Secret, files, probes, what it calls.
const APP: &str = "
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: first}
---
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: kept}
spec:
  defaults:
    resources: {requests: {cpu: 10m, memory: 16Mi}}
    gracefulStop: {drain: 0s, period: 5s}
  services:
  - name: front
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    probes: {path: /readyz, startup: {path: /readyz, period: 1s}}
    env: [{name: TOKEN, secret: {name: token, key: token}}]
    dependencies: [{name: back, startAfter: true, env: [{name: BACK, from: Url}]}]
    autoscaling: {minReplicas: 2, maxReplicas: 3, cpu: 80}
  - name: back
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    probes: {path: /readyz, startup: {path: /readyz, period: 1s}}
    files: [{path: /etc/greeting, content: hello}]
    scratch: [{path: /tmp}]
";
/// A bystander by which one sees that the new operator has come to work.
const OTHER: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: other}
spec: {defaults: {replicas: 0}, services: [{name: web, image: IMAGE}]}
";

pub(super) async fn restarts_nothing(stage: Stage) -> Result<()> {
    let release = Release::installed(&stage.operator().await?).await?;
    let namespace = stage.namespace("upgrade").await?;
    let other = stage.namespace("upgrade-other").await?;
    let before = tokio::task::spawn_blocking(images::operator_before).await??;
    release.node.load(std::slice::from_ref(&before)).await?;
    let tag = before.names[0].rsplit(':').next().context("an image has a tag")?;
    let upgraded = async || {
        ensure!(runs(&release, tag).await?, "the operator is not the one of {tag}");
        bring_up(&namespace, "kept", APP).await?;
        other.apply(OTHER).await?;
        let client = release.node.client().await?;
        let apps: Api<MicroserviceApp> = namespace.api(&client);
        let ready = History::of(apps, ready);
        let (pods, audit) = (pods(&namespace, namespace.api(&client)).await?, release.node.audit().await?);
        let mark = audit.mark().await?;
        release.restore().await?;
        ensure!(!runs(&release, tag).await?, "the operator is still the one of {tag}");
        bring_up(&other, "other", OTHER).await?;
        scale(&other, "other", "web", 1).await?;
        audit.quiet_within(namespace.name(), &Release::user()).await?;
        let now = self::pods(&namespace, namespace.api(&client)).await?;
        ensure!(now == pods, "pods before: {pods:#?}\nnow: {now:#?}");
        ensure!(ready.seen() == ["True"], "Ready was {:?}", ready.seen());
        let writes = audit.since(mark).await?.of(&Release::user()).within(namespace.name()).writes();
        stage.figure(format!(
            "upgraded from the image of commit {tag}: 0 of {} application pods were restarted, {} objects of the application were written",
            pods.len(), writes.len()
        ));
        Ok(())
    };
    release.with_values(&[&format!("image.tag={tag}")], upgraded).await
}

/// Whether both operators are of the image with this tag.
async fn runs(release: &Release, tag: &str) -> Result<bool> {
    let pods = release.settled().await?;
    let images = pods.iter().map(|pod| Ok(&container(pod)?.image)).collect::<Result<Vec<_>>>()?;
    Ok(images.iter().all(|image| image.ends_with(&format!(":{tag}"))))
}

/// What the status says in the condition `Ready`.
fn ready(app: MicroserviceApp) -> Option<String> {
    let conditions = app.status?.conditions;
    conditions.into_iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.status)
}

/// Identity and number of restarts of each pod.
async fn pods(namespace: &Namespace, pods: Api<Pod>) -> Result<BTreeMap<String, (Option<String>, i32)>> {
    let pods = pods.list(&ListParams::default()).await?.items;
    ensure!(!pods.is_empty(), "{} has no pods", namespace.name());
    let state = |pod: Pod| {
        let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let restarts = statuses.map(|status| status.restart_count).sum();
        (pod.name_any(), (pod.uid(), restarts))
    };
    Ok(pods.into_iter().map(state).collect())
}
