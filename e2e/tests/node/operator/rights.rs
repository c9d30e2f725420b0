//! What the operator is granted and what it uses.

use anyhow::{Result, ensure};
use msapp_e2e::{PATIENCE, Rights, wait_until};

use super::{
    bring_up,
    release::{NAME, Release},
};
use crate::stage::{OPERATOR, Stage};

/// A service of which every kind of object is made, and one that stays when the other goes.
const EVERYTHING: &str = "
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: first}
---
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: everything}
spec:
  services:
  - {name: web, image: IMAGE}
  - name: all
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    resources: {requests: {cpu: 10m, memory: 16Mi}}
    probes: {readiness: {path: /readyz, period: 1s}}
    gracefulStop: {drain: 0s, period: 5s}
    env: [{name: TOKEN, secret: {name: token, key: token}}]
    files: [{path: /etc/greeting, content: hello}]
    autoscaling: {minReplicas: 2, maxReplicas: 3, cpu: 80}
    disruptionBudget: {maxUnavailable: 1}
    expose: {host: all.test, controllerNamespace: ingress}
";
/// The same without that service.
const LESS: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: everything}
spec:
  services:
  - {name: web, image: IMAGE}
";
/// The kinds of objects of a service.
const KINDS: &str = "deployments,services,serviceaccounts,configmaps,horizontalpodautoscalers,poddisruptionbudgets,networkpolicies,ingresses";

pub(super) async fn used(stage: Stage) -> Result<()> {
    let release = Release::installed(&stage.operator().await?).await?;
    let namespace = stage.namespace("rights").await?;
    bring_up(&namespace, "everything", EVERYTHING).await?;
    let generation = ["get", "deployment/all", "-o", "jsonpath={.metadata.generation}"];
    let before = namespace.kubectl(&generation).await?;
    let changed = "{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {token: second}}";
    namespace.apply(changed).await?;
    wait_until("the changed Secret to restart its consumer", PATIENCE, async || {
        let now = namespace.kubectl(&generation).await?;
        ensure!(now != before, "nobody has changed the Deployment");
        Ok(())
    })
    .await?;
    release.node.kubectl(["delete", "pod", "-n", OPERATOR, &release.leader().await?]).await?;
    release.settled().await?;
    bring_up(&namespace, "everything", LESS).await?;
    wait_until("the service that is gone to leave nothing", PATIENCE, async || {
        let left = namespace.kubectl(&["get", KINDS, "-l", "msapp.dev/service=all", "-o", "name"]).await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await?;
    let audit = release.node.audit().await?;
    // An event is sent in the background.
    audit.quiet_within(namespace.name(), &Release::user()).await?;
    let requests = audit.since_start().await?.of(&Release::user());
    let rights = Rights::of(&release.node, OPERATOR, NAME).await?;
    let (exceeded, unused) = (rights.exceeded(&requests), rights.unused(&requests));
    ensure!(exceeded.is_empty(), "asked for and not granted:\n{exceeded}");
    ensure!(unused.is_empty(), "granted and not used: {unused:#?}");
    stage.figure(format!(
        "{} rights granted, each of them used; {} requests, none beyond them",
        rights.count(),
        requests.len()
    ));
    Ok(())
}
