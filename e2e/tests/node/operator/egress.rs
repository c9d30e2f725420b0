//! What the operator can reach when its own traffic is restricted.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use msapp_e2e::{Node, PATIENCE, UNDECLARED, wait_until};
use serde_json::{Value, json};

use super::{
    IMAGE, bring_up,
    release::{Release, read},
    scale,
};
use crate::stage::{OPERATOR, Stage};

/// Whom the operator has no business with, and what is to be carried out.
const APP: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: stranger}
spec:
  network: {isolation: Disabled}
  services:
  - name: web
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
    resources: {requests: {cpu: 10m, memory: 16Mi}}
    probes: {readiness: {path: /readyz, period: 1s}}
    gracefulStop: {drain: 0s, period: 5s}
";
const PROBER: &str = "prober";

pub(super) async fn closed(stage: Stage) -> Result<()> {
    let release = Release::installed(&stage.operator().await?).await?;
    let namespace = stage.namespace("egress").await?;
    bring_up(&namespace, "stranger", APP).await?;
    let server = server(&release.node).await?;
    let targets = targets(&release.node, namespace.name(), &server).await?;
    start_prober(&release).await?;
    let open = tried(&release.node, &targets).await?;
    ensure!(open.values().all(|outcome| outcome == "Open"), "without a policy: {open:#?}");
    let (address, port) = &server;
    let ranges = format!("networkPolicy.apiServerCIDRs={{{address}/32}}");
    let ports = format!("networkPolicy.apiServerPorts={{{port}}}");
    let restricted = async || {
        release.node.enforced(OPERATOR).await?;
        let closed = tried(&release.node, &targets).await?;
        ensure_closed(&closed, &targets)?;
        // Processes that start under the policy have nothing left of what was open before.
        let pods = release.settled().await?.map(|pod| pod.name_any());
        let delete = ["delete", "pod", "-n", OPERATOR].into_iter().chain(pods.iter().map(String::as_str));
        release.node.kubectl(delete).await?;
        release.settled().await?;
        scale(&namespace, "stranger", "web", 2).await?;
        let shut = targets.len() - 2;
        stage.figure(format!("the API server answers, {shut} other places do not: DNS, the kubelet, a pod, its Service, the world outside"));
        Ok(())
    };
    let outcome = release.with_values(&["networkPolicy.enabled=true", &ranges, &ports], restricted).await;
    release.node.kubectl(["delete", "pod", "-n", OPERATOR, PROBER, "--grace-period=1"]).await?;
    outcome
}

/// The first two are the API server, the others are to be closed.
fn ensure_closed(outcomes: &BTreeMap<String, String>, targets: &[String]) -> Result<()> {
    for (index, target) in targets.iter().enumerate() {
        let expected = if index < 2 { "Open" } else { "Silent" };
        ensure!(outcomes[target] == expected, "{target} is not {expected}: {outcomes:#?}");
    }
    Ok(())
}

/// Address and port of the API server behind its Service: this is what network plugins judge.
async fn server(node: &Node) -> Result<(String, u64)> {
    let slice = read(node, &["endpointslice", "kubernetes", "-n", "default"]).await?;
    let address = slice["endpoints"][0]["addresses"][0].as_str().context("the API server has an address")?;
    Ok((address.to_owned(), slice["ports"][0]["port"].as_u64().context("the API server has a port")?))
}

/// The API server by its address and by its Service, and whoever else there is.
async fn targets(node: &Node, namespace: &str, (address, port): &(String, u64)) -> Result<Vec<String>> {
    let service = async |namespace: &str, name: &str| -> Result<String> {
        let service = read(node, &["service", name, "-n", namespace]).await?;
        Ok(service["spec"]["clusterIP"].as_str().context("a Service has an address")?.to_owned())
    };
    let pods = read(node, &["pods", "-n", namespace]).await?;
    let pod = pods["items"][0]["status"]["podIP"].as_str().context("a pod has an address")?;
    Ok(vec![
        format!("{address}:{port}"),
        format!("{}:443", service("default", "kubernetes").await?),
        format!("{}:53", service("kube-system", "kube-dns").await?),
        format!("{address}:10250"),
        format!("{pod}:8080"),
        format!("{}:80", service(namespace, "web").await?),
        format!("{}:443", UNDECLARED.1),
        format!("{}:80", UNDECLARED.1),
    ])
}

/// The operator's image has nothing to try connections with, so another pod stands for it: the same labels in the same
/// namespace are selected by the same policies.
async fn start_prober(release: &Release) -> Result<()> {
    let operator = &release.settled().await?[0];
    let labels = operator.labels().iter().filter(|(key, _)| key.starts_with("app.kubernetes.io/"));
    let labels: BTreeMap<_, _> = labels.collect();
    let spec = operator.spec.as_ref().context("a pod has a spec")?;
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": PROBER, "labels": labels},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": spec.security_context,
            "containers": [{
                "name": PROBER, "image": IMAGE, "args": ["serve"],
                "securityContext": spec.containers[0].security_context,
            }],
        },
    }))?;
    let pods: &Api<Pod> = &release.pods;
    pods.create(&kube::api::PostParams::default(), &pod).await?;
    let wait = ["wait", "pod", PROBER, "-n", OPERATOR, "--for=condition=Ready", "--timeout=90s"];
    release.node.kubectl(wait).await?;
    Ok(())
}

/// What came of trying to connect, by target.
async fn tried(node: &Node, targets: &[String]) -> Result<BTreeMap<String, String>> {
    let connect = ["exec", "-n", OPERATOR, PROBER, "--", "/app/workload", "connect"];
    let all = connect.into_iter().chain(targets.iter().map(String::as_str));
    let lines = wait_until("the prober to run", PATIENCE, async || node.kubectl(all.clone()).await).await?;
    let outcome = |line: &str| -> Result<(String, String)> {
        let tried: Value = serde_json::from_str(line)?;
        let text = |field: &str| tried[field].as_str().unwrap_or_default().to_owned();
        Ok((text("target"), text("outcome")))
    };
    let outcomes: BTreeMap<_, _> = lines.lines().map(outcome).collect::<Result<_>>()?;
    ensure!(outcomes.len() == targets.len(), "of {targets:?} there is only {outcomes:?}");
    Ok(outcomes)
}
