//! Somebody else deletes or changes what the operator made.

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, Operator, PATIENCE, wait_until};
use serde_json::{Value, json};

use crate::{
    apps::App,
    live::declared,
    manifests::{COMPLETE, with_one_service},
    tally::{Tally, applied, applied_once},
};

/// How somebody changes a child: which, and the arguments of kubectl.
type Change = (&'static str, &'static [&'static str]);

/// At least one field that we own of every kind.
const DRIFT: &[Change] = &[
    ("Deployment/web", &["set", "image", "deployment/web", "*=registry.test/evil:1"]),
    ("Deployment/web", &["set", "env", "deployment/web", "GREETING=bye"]),
    ("Deployment/web", &["set", "env", "deployment/web", "GREETING-"]),
    ("Deployment/web", &["label", "deployment", "web", "team-"]),
    ("Deployment/worker", &["scale", "deployment", "worker", "--replicas=5"]),
    (
        "Deployment/worker",
        &[
            "patch",
            "deployment",
            "worker",
            "--type=merge",
            "-p",
            r#"{"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}"#,
        ],
    ),
    (
        "Service/web",
        &[
            "patch",
            "service",
            "web",
            "--type=json",
            "-p",
            r#"[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 1}]"#,
        ],
    ),
    (
        "Service/web",
        &[
            "patch",
            "service",
            "web",
            "--type=merge",
            "-p",
            r#"{"spec": {"selector": {"msapp.dev/service": "worker"}}}"#,
        ],
    ),
    ("Service/web", &["label", "service", "web", "msapp.dev/app-"]),
    (
        "NetworkPolicy/web",
        &["patch", "networkpolicy", "web", "--type=merge", "-p", r#"{"spec": {"ingress": []}}"#],
    ),
    (
        "NetworkPolicy/web",
        &["patch", "networkpolicy", "web", "--type=merge", "-p", r#"{"spec": {"egress": [{}]}}"#],
    ),
    (
        "HorizontalPodAutoscaler/web",
        &["patch", "hpa", "web", "--type=merge", "-p", r#"{"spec": {"maxReplicas": 9}}"#],
    ),
    (
        "PodDisruptionBudget/web",
        &["patch", "pdb", "web", "--type=merge", "-p", r#"{"spec": {"maxUnavailable": 2}}"#],
    ),
    (
        "ConfigMap/web",
        &["patch", "configmap", "web", "--type=merge", "-p", r#"{"data": {"discovery.json": "{}"}}"#],
    ),
    (
        "ConfigMap/worker",
        &[
            "patch",
            "configmap",
            "worker",
            "--type=json",
            "-p",
            r#"[{"op": "remove", "path": "/metadata/ownerReferences"}]"#,
        ],
    ),
    (
        "ServiceAccount/web",
        &[
            "patch",
            "serviceaccount",
            "web",
            "--type=merge",
            "-p",
            r#"{"automountServiceAccountToken": true}"#,
        ],
    ),
    (
        "Ingress/web",
        &[
            "patch",
            "ingress",
            "web",
            "--type=json",
            "-p",
            r#"[{"op": "replace", "path": "/spec/rules/0/host", "value": "evil.example.com"}]"#,
        ],
    ),
];

async fn ready_complete(cluster: &Cluster, prefix: &str) -> Result<App> {
    let app = App::create(cluster, prefix, &[COMPLETE]).await?;
    app.until("two pods of each service", |status| status.services.iter().all(|service| service.ready == 2))
        .await?;
    app.ready().await?;
    Ok(app)
}

/// What somebody else changed is as it was.
async fn is_repaired(app: &App, child: &str, before: &Value) -> Result<()> {
    wait_until(&format!("{child} to be repaired"), PATIENCE, async || {
        let now = declared(app.object(child).await?);
        ensure!(now == *before, "it was\n{before:#}\nand is\n{now:#}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_owned_field_that_somebody_changed_is_put_back_by_one_write() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = ready_complete(&cluster, "drift").await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    for (child, change) in DRIFT {
        let before = declared(app.object(child).await?);
        app.namespace.kubectl(change).await?;
        is_repaired(&app, child, &before).await?;
    }
    app.ready().await?;
    let expected: Vec<String> = DRIFT.iter().map(|(child, _)| applied(child)).collect();
    assert_eq!(tally.child_writes().await?, expected);
    Ok(())
}

/// A port is known by its number, so one with another number is another port to the API server, yet with a name that
/// is taken: what the operator wants is refused once before it is put back.
#[tokio::test]
async fn a_port_that_somebody_moved_is_put_back() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = ready_complete(&cluster, "port").await?;
    let moved = |path: &str| format!(r#"[{{"op": "replace", "path": "{path}", "value": 4711}}]"#);
    for (child, resource, change) in [
        ("Service/web", "services", moved("/spec/ports/0/port")),
        ("Deployment/web", "deployments", moved("/spec/template/spec/containers/0/ports/0/containerPort")),
    ] {
        let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
        let before = declared(app.object(child).await?);
        app.namespace.kubectl(&["patch", resource, "web", "--type=json", "-p", &change]).await?;
        is_repaired(&app, child, &before).await?;
        app.ready().await?;
        let writes = tally.all().await?.on(resource).writes();
        assert_eq!((writes.refused().len(), writes.len()), (1, 3), "{writes}");
    }
    // Whoever put it back is no obstacle to its next change.
    app.patch(json!([{"op": "replace", "path": "/spec/services/0/ports/0/port", "value": 82}])).await?;
    app.until_field("Service/web", ".spec.ports[*].port", "82").await?;
    app.ready().await?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_child_comes_back_by_one_write() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = ready_complete(&cluster, "deleted").await?;
    let children = app.children().await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    for (child, version) in &children {
        let (kind, name) = child.split_once('/').expect("Kind/name");
        // A deletion in the foreground lasts until everything below is gone.
        app.namespace.kubectl(&["delete", kind, name, "--wait=false", "--cascade=foreground"]).await?;
        wait_until(&format!("{child} to come back"), PATIENCE, async || {
            let now = app.children().await?;
            ensure!(now.get(child).is_some_and(|now| now.uid != version.uid), "{:?}", now.keys());
            Ok(())
        })
        .await?;
    }
    app.ready().await?;
    let mut writes = tally.child_writes().await?;
    writes.sort();
    assert_eq!(writes, applied_once(children.keys()));
    Ok(())
}

#[tokio::test]
async fn what_others_add_is_left_alone_even_by_a_repair() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let app = ready_complete(&cluster, "others").await?;
    let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
    let sidecar = r#"{"spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "registry.test/proxy:1"}]}}}}"#;
    for addition in [
        &["annotate", "deployment", "web", "mesh.example/injected=true"][..],
        &["patch", "deployment", "web", "-p", sidecar],
        &["label", "service", "web", "mesh.example/seen=true"],
        &["patch", "configmap", "web", "--type=merge", "-p", r#"{"data": {"extra": "1"}}"#],
        &["annotate", "ingress", "web", "cert.example/issuer=ca"],
    ] {
        app.namespace.kubectl(addition).await?;
    }
    assert!(tally.child_writes().await?.is_empty(), "nothing of ours was touched");
    let before = declared(app.object("Deployment/web").await?);
    app.namespace.kubectl(&["set", "image", "deployment/web", "app=registry.test/evil:1"]).await?;
    is_repaired(&app, "Deployment/web", &before).await?;
    assert!(before.to_string().contains("registry.test/proxy:1"), "{before:#}");
    assert_eq!(app.field("Deployment/web", ".metadata.annotations.mesh\\.example/injected").await?, "true");
    assert_eq!(tally.child_writes().await?, ["patch deployments/web"]);
    Ok(())
}

#[tokio::test]
async fn replicas_that_somebody_else_decides_about_are_left_alone() -> Result<()> {
    let (cluster, operator) = (Cluster::shared().await, Operator::shared().await);
    let autoscaled =
        "autoscaling: {minReplicas: 2, maxReplicas: 6, cpu: 70}, resources: {requests: {cpu: 100m}}";
    for settings in [autoscaled, "ports: [{name: http, port: 80}]"] {
        let app = App::create(&cluster, "scaled", &[&with_one_service(settings)]).await?;
        app.ready().await?;
        let tally = Tally::begin(&cluster, &operator, app.namespace.name()).await?;
        app.namespace.kubectl(&["scale", "deployment", "web", "--replicas=4"]).await?;
        app.until("four pods", |status| status.services.iter().any(|service| service.ready == 4)).await?;
        assert!(tally.child_writes().await?.is_empty(), "of an app with {settings}");
        assert_eq!(app.field("Deployment/web", ".spec.replicas").await?, "4");
    }
    Ok(())
}
