//! What the chart grants is what the operator uses, as the audit log of a real API server has it.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, Installation, Namespace, Operator, PATIENCE, Request, wait_until};
use serde_json::Value;

use super::{
    helm::{NAMESPACE, RELEASE},
    installed::TOKEN,
    rendered::grants,
};

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
    assert!(requests.filter(|request| request.code == 403).is_empty(), "{requests}");
    let used: BTreeSet<String> = requests.iter().flat_map(rights).collect();
    assert_eq!(granted(&cluster).await?, used);
    Ok(())
}

/// The rights that a request needed. Whoever applies an object that does not exist creates it.
fn rights(request: &Request) -> Vec<String> {
    let group =
        request.path.strip_prefix("/apis/").and_then(|path| path.split('/').next()).unwrap_or_default();
    let part =
        if request.subresource.is_empty() { String::new() } else { format!("/{}", request.subresource) };
    let right = |verb: &str| format!("{verb} {group}/{}{part}", request.resource);
    match (request.resource.as_str(), request.verb.as_str()) {
        // Paths such as /version, which everybody may read, and questions about oneself.
        (resource, _) if resource.is_empty() || resource.ends_with("reviews") => Vec::new(),
        (_, "patch") if request.code == 201 => vec![right("patch"), right("create")],
        (_, verb) => vec![right(verb)],
    }
}

/// The rights of the operator's roles, whether they are limited to one name or not.
async fn granted(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let role = cluster.kubectl(["get", "clusterrole", RELEASE, "--output=json"]).await?;
    let roles = cluster.kubectl(["get", "roles", "--namespace", NAMESPACE, "--output=json"]).await?;
    let (role, roles): (Value, Value) = (serde_json::from_str(&role)?, serde_json::from_str(&roles)?);
    let all = roles["items"].as_array().into_iter().flatten().chain([&role]).flat_map(grants);
    Ok(all.map(|grant| grant.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")).collect())
}
