//! What the chart grants is what the operator uses, as the audit log of a real API server has it.

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, Installation, Namespace, Operator, PATIENCE, Rights, wait_until};

use super::{helm::NAMESPACE, installed::TOKEN};

/// A service of which every kind of object is made, and one that stays when the other goes.
const APP: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: everything}
spec:
  services:
  - {name: web, image: 'registry.test/web:1'}
  - name: all
    image: registry.test/all:1
    ports: [{name: http, port: 80}]
    env: [{name: TOKEN, secret: {name: token, key: token}}]
    autoscaling: {minReplicas: 2, maxReplicas: 3}
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
  - {name: web, image: 'registry.test/web:1'}
";
/// The kinds of objects of a service.
const KINDS: &str = "deployments,services,serviceaccounts,configmaps,horizontalpodautoscalers,poddisruptionbudgets,networkpolicies,ingresses";

#[tokio::test]
async fn every_right_is_used_and_none_is_missing() -> Result<()> {
    let cluster = Cluster::start().await?;
    let namespace = Namespace::create(&cluster, "rights").await?;
    let release = Installation::install(&cluster, NAMESPACE, &[]).await?;
    let operator = Operator::start(&release, &[]).await?;
    namespace.apply(TOKEN).await?;
    namespace.apply(APP).await?;
    namespace.kubectl(&["wait", "--for=condition=Ready", "--timeout=150s", "msapp/everything"]).await?;
    namespace.apply(LESS).await?;
    wait_until("the other service to be gone", PATIENCE, || async {
        let left = namespace.kubectl(&["get", KINDS, "-l", "msapp.dev/service=all", "-o", "name"]).await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await?;
    // An event is sent in the background.
    cluster.audit().await?.quiet_within(namespace.name(), &operator.user()).await?;

    let requests = cluster.audit().await?.since_start().await?.of(&operator.user());
    let rights = Rights::of(&cluster, release.namespace(), release.service_account()).await?;
    let exceeded = rights.exceeded(&requests);
    assert!(exceeded.is_empty(), "{exceeded}");
    assert_eq!(rights.unused(&requests), [""; 0]);
    Ok(())
}
