//! The forms in which the operator writes are those that the API server stores.

use anyhow::{Context, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, api::PostParams};
use msapp_core::scalar::Quantity;
use msapp_e2e::{Cluster, Namespace, Operator};
use serde_json::{Value, json};

use crate::{
    apps::App,
    manifests::rendered,
    tally::{Tally, applied_once},
};

/// Quantities of all sorts: decimal, binary and with exponents, with and without fractions, small and large.
const WRITTEN: [&str; 58] = [
    "1000m",
    "0.5",
    "1.5Gi",
    "1024Mi",
    "1000Mi",
    "2000",
    "2000000",
    "100m",
    "1e3",
    "0",
    "512",
    "0.5Ki",
    "128974848",
    "1.25",
    "1",
    "1k",
    "1M",
    "1G",
    "1T",
    "1P",
    "1E",
    "1Ki",
    "1Mi",
    "1Gi",
    "1Ti",
    "1Pi",
    "1Ei",
    "1023",
    "1024",
    "1025Ki",
    "2048Ki",
    "1536Mi",
    "0.25Gi",
    "0.75Ti",
    "1.1Ki",
    "1.3Mi",
    "0.1",
    "0.01",
    "0.001",
    "12345m",
    "1500m",
    "999m",
    "1001m",
    ".5",
    "1.50",
    "10.0",
    "1e1",
    "1e2",
    "1e6",
    "12e2",
    "1.5e3",
    "1500e-3",
    "5e-1",
    "100e-2",
    "1e-3",
    "0Mi",
    "0e3",
    "0k",
];

/// The API server keeps these as they are. The operator never writes them so, which is as good.
const KEPT: [&str; 5] = ["+5", "05", "5.", "1e0", "1E3"];

/// Finer than anything is counted: what a pod asks for is rounded up to thousandths.
const FINE: [&str; 5] = ["100u", "1500u", "1n", "0.0005", "1e-6"];

/// How the operator writes a quantity.
fn ours(text: &str) -> String {
    Quantity::parse(text).unwrap_or_else(|| panic!("{text} is a quantity")).canonical()
}

/// What the API server makes of requests for memory, in the pods of a Deployment that is not kept.
async fn stored(cluster: &Cluster, written: &[&str]) -> Result<Vec<String>> {
    let containers: Vec<Value> = written
        .iter()
        .enumerate()
        .map(|(index, text)| {
            json!({"name": format!("c{index}"), "image": "web", "resources": {"requests": {"memory": text}}})
        })
        .collect();
    let labels = json!({"app": "quantities"});
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": {"name": "quantities"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }))?;
    let deployments: Api<Deployment> = Api::namespaced(cluster.client().await?, "default");
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let kept = deployments.create(&parameters, &deployment).await?;
    let containers = kept.spec.template.spec.context("a pod")?.containers;
    let memory = containers.into_iter().map(|container| {
        let requests = container.resources.and_then(|resources| resources.requests);
        requests.and_then(|mut requests| requests.remove("memory")).map(|quantity| quantity.0)
    });
    memory.collect::<Option<_>>().context("requests for memory")
}

#[tokio::test]
async fn quantities_are_written_as_the_api_server_stores_them() -> Result<()> {
    let cluster = Cluster::shared().await;
    let theirs: Vec<_> = WRITTEN.into_iter().zip(stored(&cluster, &WRITTEN).await?).collect();
    assert_eq!(WRITTEN.map(|text| (text, ours(text))).to_vec(), theirs);
    Ok(())
}

#[tokio::test]
async fn what_the_operator_writes_is_stored_as_it_is() -> Result<()> {
    let cluster = Cluster::shared().await;
    let written: Vec<String> = WRITTEN.into_iter().chain(KEPT).map(ours).collect();
    let texts: Vec<&str> = written.iter().map(String::as_str).collect();
    assert_eq!(stored(&cluster, &texts).await?, written);
    Ok(())
}

#[tokio::test]
async fn what_is_finer_than_anything_is_counted_is_written_once() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let services: Vec<String> = FINE
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let resources = format!("{{requests: {{cpu: '{text}', memory: 1.1Mi}}, limits: {{cpu: '1.0005'}}}}");
            format!(
                "{{name: s{index}, image: web, resources: {resources}, scratch: [{{path: /tmp, sizeLimit: 1.1Ki}}]}}"
            )
        })
        .collect();
    let yaml = format!(
        "{{apiVersion: msapp.dev/v1alpha1, kind: MicroserviceApp, metadata: {{name: fine}}, spec: {{services: [{}]}}}}",
        services.join(", ")
    );
    let namespace = Namespace::create(&cluster, "fine").await?;
    let tally = Tally::begin(&cluster, &operator, namespace.name()).await?;
    let app = App::apply(&cluster, namespace, &[&yaml]).await?;
    app.ready().await?;
    let expected = rendered(app.namespace.name(), &yaml).await?;
    let mut writes = tally.child_writes().await?;
    writes.sort();
    assert_eq!(writes, applied_once(expected.keys()));
    for manifest in expected.values() {
        app.assert_applied(manifest).await?;
    }
    Ok(())
}
