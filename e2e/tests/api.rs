//! The resource as the real API server sees it: what it takes, what it
//! refuses, and what it tells those who ask. No operator runs.

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;
use msapp_e2e::{Cluster, Namespace, PATIENCE, wait_until};
use tokio::sync::OnceCell;

/// The shared control plane with the definition in it.
async fn cluster_with_definition() -> Result<Cluster> {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let cluster = Cluster::shared().await;
    INSTALLED
        .get_or_try_init(async || {
            cluster.kubectl_with(["apply", "--server-side", "-f", "-"], &msapp_crds::manifest()).await?;
            let established = ["wait", "--for=condition=Established", "crd/microserviceapps.msapp.dev"];
            cluster.kubectl(established).await?;
            // Discovery follows a moment later.
            wait_until("the kind to be served", PATIENCE, async || {
                cluster.kubectl(["get", "microserviceapps"]).await
            })
            .await?;
            anyhow::Ok(())
        })
        .await?;
    Ok(cluster)
}

fn app(services: &str) -> String {
    format!(
        "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {{name: app}}
spec: {{services: [{services}]}}
"
    )
}

/// It is refused, with all these words.
async fn refused(prefix: &str, services: &str, expected: &[&str]) -> Result<()> {
    let cluster = cluster_with_definition().await?;
    let namespace = Namespace::create(&cluster, prefix).await?;
    let complaint = namespace.apply(&app(services)).await.expect_err("it is refused").to_string();
    for word in expected {
        assert!(complaint.contains(word), "{word:?} is not in\n{complaint}");
    }
    Ok(())
}

#[tokio::test]
async fn every_sample_is_taken() -> Result<()> {
    let cluster = cluster_with_definition().await?;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            // Each has one of its own: what is behind them has the same names in some.
            let namespace = Namespace::create(&cluster, "samples").await?;
            namespace.apply(&without_namespaces(&fs::read_to_string(&path)?)).await?;
        }
    }
    Ok(())
}

/// Every sample names its namespace, as the last field of its metadata.
fn without_namespaces(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(", namespace: ") {
        Some((metadata, _)) if line.starts_with("metadata: {") => format!("{metadata}}}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[tokio::test]
async fn explain_teaches_with_an_example() -> Result<()> {
    let cluster = cluster_with_definition().await?;
    let text = cluster.kubectl(["explain", "msapp.spec.services.dependencies.startAfter"]).await?;
    assert!(text.contains("first creation") && text.contains("Example"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_resource_that_no_operator_has_seen_says_so() -> Result<()> {
    let cluster = cluster_with_definition().await?;
    let namespace = Namespace::create(&cluster, "unseen").await?;
    namespace.apply(&app("{name: web, image: web}")).await?;
    let seen =
        namespace.kubectl(&["get", "msapp", "app", "-o", "jsonpath={.status.observedGeneration}"]).await?;
    assert_eq!(seen, "-1");
    Ok(())
}

#[tokio::test]
async fn a_hundred_services_with_the_most_dependencies_are_within_the_cost_of_validation() -> Result<()> {
    let cluster = cluster_with_definition().await?;
    let namespace = Namespace::create(&cluster, "largest").await?;
    let mut services = String::new();
    for number in 0..100 {
        let others = (1..=32).map(|step| format!("{{name: s{}}}", (number + step) % 100));
        let others = others.collect::<Vec<_>>().join(", ");
        let ports = "[{name: http, port: 80}]";
        write!(services, "{{name: s{number}, image: web, ports: {ports}, dependencies: [{others}]}}, ")?;
    }
    namespace.apply(&app(&services)).await?;
    Ok(())
}

#[tokio::test]
async fn a_resource_of_almost_the_size_that_etcd_takes_is_taken() -> Result<()> {
    let cluster = cluster_with_definition().await?;
    let namespace = Namespace::create(&cluster, "heaviest").await?;
    let content = "x".repeat(13_900);
    let services: Vec<String> = (0..100)
        .map(|number| {
            format!("{{name: s{number}, image: web, files: [{{path: /etc/f, content: {content}}}]}}")
        })
        .collect();
    let text = app(&services.join(", "));
    assert!(text.len() > 1_390_000, "{}", text.len());
    namespace.apply(&text).await?;
    Ok(())
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() -> Result<()> {
    refused("unknown-field", "{name: web, image: web, replcas: 3}", &["replcas"]).await
}

#[tokio::test]
async fn a_wrong_type_is_refused_with_its_path() -> Result<()> {
    refused("wrong-type", "{name: web, image: web, replicas: three}", &["replicas"]).await
}

#[tokio::test]
async fn a_bad_quantity_is_refused_with_its_path() -> Result<()> {
    let memory = "{name: web, image: web, resources: {limits: {memory: 1 GB}}}";
    refused("quantity", memory, &["spec.services[0].resources.limits"]).await
}

#[tokio::test]
async fn a_bad_duration_is_refused_with_its_path() -> Result<()> {
    let period = "{name: web, image: web, gracefulStop: {period: 1 minute}}";
    refused("duration", period, &["spec.services[0].gracefulStop.period"]).await
}

#[tokio::test]
async fn a_name_that_no_label_can_hold_is_refused() -> Result<()> {
    let name = "n".repeat(64);
    refused("long-name", &format!("{{name: {name}, image: web}}"), &["spec.services[0].name", "63"]).await
}

#[tokio::test]
async fn two_services_of_one_name_are_refused() -> Result<()> {
    let twice = "{name: web, image: web}, {name: web, image: other}";
    refused("duplicate", twice, &["spec.services", "uplicate"]).await
}

#[tokio::test]
async fn replicas_beside_autoscaling_are_refused() -> Result<()> {
    let both = "{name: web, image: web, replicas: 2, autoscaling: {maxReplicas: 3, cpu: 70}}";
    refused("both", both, &["spec.services[0]", "replicas and autoscaling exclude each other"]).await
}

#[tokio::test]
async fn fewer_replicas_at_most_than_at_least_are_refused() -> Result<()> {
    let bounds = "{name: web, image: web, autoscaling: {minReplicas: 5, maxReplicas: 3, cpu: 70}}";
    refused("bounds", bounds, &["spec.services[0].autoscaling", "minReplicas"]).await
}
