//! The life of a release on a real API server.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use msapp_e2e::{Access, Cluster, Installation, Namespace, Operator, Version};
use serde_json::{Value, json};

use super::{
    helm::{NAMESPACE, RELEASE, chart, render_file, strings, values_files},
    values::example_of,
};

const DEFINITION: &str = "customresourcedefinition/microserviceapps.msapp.dev";
/// What a release may leave nothing of.
const KINDS: &str = "deployments,replicasets,pods,services,serviceaccounts,roles,rolebindings,clusterroles,\
                     clusterrolebindings,poddisruptionbudgets,flowschemas";
/// A Secret for applications whose pods depend on one, and so on the key that the operator hashes it with.
pub(super) const TOKEN: &str = "
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: first}
";
const APP_WITH_SECRET: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: kept}
spec:
  services:
  - name: web
    image: registry.test/web:1
    ports: [{name: http, port: 80}]
    env: [{name: TOKEN, secret: {name: token, key: token}}]
";
/// A pod that the Pod Security Standard `restricted` does not admit.
const LAX_POD: &str =
    "{apiVersion: v1, kind: Pod, metadata: {name: lax}, spec: {containers: [{name: a, image: a}]}}";

#[tokio::test]
async fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_while_applications_stay() -> Result<()> {
    let cluster = Cluster::start().await?;
    create_restricted_namespace(&cluster).await?;
    release(&cluster, "install", &[]).await?;
    expect_operator(&cluster, 2, "--log-level=info").await?;

    let stay = [apply_example(&cluster).await?, create_child(&cluster).await?];
    release(&cluster, "upgrade", &["--set", "replicaCount=3,log.level=debug"]).await?;
    expect_operator(&cluster, 3, "--log-level=debug").await?;
    cluster.helm(["rollback", RELEASE, "--namespace", NAMESPACE, "--wait"]).await?;
    expect_operator(&cluster, 2, "--log-level=info").await?;

    cluster.helm(["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait"]).await?;
    expect_nothing_left(&cluster).await?;
    expect_all(&cluster, &stay).await?;

    release(&cluster, "install", &[]).await?;
    expect_operator(&cluster, 2, "--log-level=info").await?;
    expect_all(&cluster, &stay).await
}

#[tokio::test]
async fn what_an_operator_made_runs_on_without_it_and_is_not_touched_by_its_successor() -> Result<()> {
    let cluster = Cluster::start().await?;
    let namespace = Namespace::create(&cluster, "kept").await?;
    let (release, operator) = start_operator(&cluster).await?;
    namespace.apply(TOKEN).await?;
    namespace.apply(APP_WITH_SECRET).await?;
    namespace.kubectl(&["wait", "--for=condition=Ready", "--timeout=150s", "msapp/kept"]).await?;
    let made = content(&namespace).await?;
    ensure!(made.contains_key("Deployment/web") && made.contains_key("Service/web"), "{made:?}");

    operator.terminate().await?;
    release.uninstall().await?;
    ensure!(content(&namespace).await? == made, "the uninstall changed something");

    let (_, successor) = start_operator(&cluster).await?;
    // It has seen the application once it carries out a change of it: one that needs no new pod.
    let patch = "--patch={\"spec\":{\"defaults\":{\"replicas\":2}}}";
    namespace.kubectl(&["patch", "msapp/kept", "--type=merge", patch]).await?;
    namespace
        .kubectl(&["wait", "--for=jsonpath={.spec.replicas}=2", "--timeout=90s", "deployment/web"])
        .await?;
    let replica_sets = namespace.kubectl(&["get", "replicasets", "--output=name"]).await?;
    ensure!(replica_sets.lines().count() == 1, "pods were replaced:\n{replica_sets}");
    let mut now = content(&namespace).await?;
    for changed in ["MicroserviceApp/kept", "Deployment/web", "PodDisruptionBudget/web"] {
        now.remove(changed);
    }
    let untouched = now.iter().all(|(name, version)| made.get(name) == Some(version));
    ensure!(untouched && !now.is_empty(), "before: {made:?}\nnow: {now:?}\n{}", successor.log());
    Ok(())
}

#[tokio::test]
async fn a_definition_that_kubectl_applied_is_handed_over_to_a_release() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.kubectl_with(["apply", "--server-side", "-f", "-"], &msapp_crds::manifest()).await?;
    let refusal =
        release(&cluster, "install", &["--create-namespace"]).await.expect_err("it belongs to somebody else");
    ensure!(format!("{refusal:#}").contains("invalid ownership metadata"), "{refusal:#}");
    release(&cluster, "install", &["--create-namespace", "--take-ownership"]).await?;
    let definition = read(&cluster, &[DEFINITION]).await?;
    ensure!(
        definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep",
        "{}",
        definition["metadata"]
    );
    Ok(())
}

#[tokio::test]
async fn the_api_server_takes_every_object_of_every_set_of_values() -> Result<()> {
    let cluster = Cluster::shared().await;
    for namespace in [NAMESPACE, "shop", "shop-staging"] {
        cluster.kubectl(["create", "namespace", namespace]).await?;
    }
    for name in values_files() {
        let objects = render_file(&name).objects;
        let served =
            |object: &&Value| !object["apiVersion"].as_str().unwrap_or_default().contains("coreos.com");
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects.iter().filter(served).collect::<Vec<_>>()});
        let check = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ];
        cluster.kubectl_with(check, &list.to_string()).await.with_context(|| name.clone())?;
    }
    Ok(())
}

/// Identity and content of everything in the namespace, whatever others may report about its state.
async fn content(namespace: &Namespace) -> Result<BTreeMap<String, String>> {
    let content = |version: Version| {
        let counted = version.generation.map(|number| number.to_string());
        format!("{} {}", version.uid, counted.unwrap_or(version.resource_version))
    };
    Ok(namespace.versions().await?.into_iter().map(|(name, version)| (name, content(version))).collect())
}

/// A release without pods, and its operator as a process.
async fn start_operator(access: &Access) -> Result<(Installation, Operator)> {
    let release = Installation::install(access, NAMESPACE, &[]).await?;
    let operator = Operator::start(&release, &[]).await?;
    Ok((release, operator))
}

/// Installs or upgrades the release and waits until it is up.
async fn release(access: &Access, verb: &str, flags: &[&str]) -> Result<String> {
    let chart = chart().display().to_string();
    let mut arguments =
        vec![verb, RELEASE, chart.as_str(), "--namespace", NAMESPACE, "--wait", "--timeout=90s"];
    arguments.extend(flags);
    access.helm(&arguments).await
}

/// Creates the operator's namespace so that only `restricted` pods are admitted, and sees that this is so.
async fn create_restricted_namespace(access: &Access) -> Result<()> {
    access.kubectl(["create", "namespace", NAMESPACE]).await?;
    let enforce = "pod-security.kubernetes.io/enforce=restricted";
    access.kubectl(["label", "namespace", NAMESPACE, enforce]).await?;
    let lax = access.kubectl_with(["create", "--namespace", NAMESPACE, "-f", "-"], LAX_POD).await;
    let refusal = lax.err().context("the namespace admits a pod that is not restricted")?;
    ensure!(format!("{refusal:#}").contains("violates PodSecurity"), "{refusal:#}");
    Ok(())
}

/// The operator has this many ready pods, each with this argument, and the release is small enough for its Secret.
async fn expect_operator(access: &Access, replicas: u64, argument: &str) -> Result<()> {
    let deployment = read(access, &["deployment", "msapp", "--namespace", NAMESPACE]).await?;
    ensure!(deployment["status"]["readyReplicas"] == replicas, "{}", deployment["status"]);
    ensure!(deployment["status"]["updatedReplicas"] == replicas, "{}", deployment["status"]);
    let arguments = strings(&deployment["spec"]["template"]["spec"]["containers"][0]["args"]);
    ensure!(arguments.contains(&argument), "{arguments:?}");
    let stored = read(access, &["secrets", "--namespace", NAMESPACE, "--selector", "owner=helm"]).await?;
    for secret in stored["items"].as_array().into_iter().flatten() {
        let bytes = secret["data"]["release"].as_str().map_or(0, str::len);
        ensure!((1..400_000).contains(&bytes), "a release of {bytes} bytes; 1 MiB is what a Secret can hold");
    }
    Ok(())
}

/// Applies the application that the notes show; how to find it again.
async fn apply_example(access: &Access) -> Result<Kept> {
    let notes = access.helm(["get", "notes", RELEASE, "--namespace", NAMESPACE]).await?;
    access.kubectl_with(["apply", "--server-side", "-f", "-"], &example_of(&notes)).await?;
    Kept::now(access, "msapp/hello").await
}

/// Makes a Deployment that belongs to the application, as the operator would; how to find it again.
async fn create_child(access: &Access) -> Result<Kept> {
    let app = read(access, &["msapp", "hello"]).await?;
    let labels = json!({"msapp.dev/app": "hello", "msapp.dev/service": "web"});
    let owner = json!({
        "apiVersion": app["apiVersion"], "kind": app["kind"], "name": "hello", "uid": app["metadata"]["uid"],
        "controller": true,
    });
    let pod =
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    let child = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": labels, "ownerReferences": [owner]},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    });
    access.kubectl_with(["create", "-f", "-"], &child.to_string()).await?;
    access.kubectl(["rollout", "status", "deployment/web", "--timeout=90s"]).await?;
    Kept::now(access, "deployment/web").await
}

/// Nothing of the release is left but the definition.
async fn expect_nothing_left(access: &Access) -> Result<()> {
    let selector = format!("app.kubernetes.io/instance={RELEASE}");
    let rest = ["get", KINDS, "--all-namespaces", "--selector", &selector, "--output=name"];
    let rest = access.kubectl(rest).await?;
    ensure!(rest.is_empty(), "left behind:\n{rest}");
    access.kubectl(["get", DEFINITION]).await?;
    Ok(())
}

async fn expect_all(access: &Access, kept: &[Kept]) -> Result<()> {
    for object in kept {
        let now = Kept::now(access, &object.name).await?;
        ensure!(now == *object, "{object:?} has become {now:?}");
    }
    Ok(())
}

/// An object that has to stay the same.
#[derive(Debug, PartialEq)]
struct Kept {
    name: String,
    uid: Value,
    spec: Value,
    deleted: Value,
}

impl Kept {
    async fn now(access: &Access, name: &str) -> Result<Self> {
        let object = read(access, &[name]).await?;
        let metadata = &object["metadata"];
        Ok(Self {
            name: name.to_owned(),
            uid: metadata["uid"].clone(),
            spec: object["spec"].clone(),
            deleted: metadata["deletionTimestamp"].clone(),
        })
    }
}

/// What `kubectl get` finds.
async fn read(access: &Access, what: &[&str]) -> Result<Value> {
    let text = access.kubectl(["get", "--output=json"].iter().chain(what)).await?;
    Ok(serde_json::from_str(&text)?)
}
