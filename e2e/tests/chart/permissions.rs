//! Who may do what once the chart is installed, as the API server decides it.

use anyhow::{Context, Result, ensure};
use kube::{
    api::GetParams,
    client::Body,
    core::{Request, params::ListParams},
};
use msapp_e2e::{Access, Cluster, Installation, PATIENCE, wait_until};
use tokio::sync::OnceCell;

const APPS: &str = "microserviceapps.msapp.dev";
const DEPLOYMENTS: &str = "deployments.apps";
const INGRESSES: &str = "ingresses.networking.k8s.io";
const LEASES: &str = "leases.coordination.k8s.io";

#[tokio::test]
async fn a_namespaced_operator_reaches_its_namespaces_and_no_other() -> Result<()> {
    let cluster = cluster().await;
    for namespace in ["till", "ledger"] {
        cluster.kubectl(["create", "namespace", namespace]).await?;
    }
    let values = ["watch.scope=Namespaces", "watch.namespaces={till}", "rbac.readSecrets=false"];
    let operator = account(&Installation::install(&cluster, "narrow", &values).await?).await?;
    let lease = format!("{LEASES}/narrow-msapp");
    expect_may(&operator, "narrow", &[("update", &lease)]).await?;
    expect_may_not(
        &operator,
        "narrow",
        &[("patch", &lease), ("update", &format!("{LEASES}/other")), ("create", "secrets")],
    )
    .await?;
    let rights = [("list", APPS), ("create", DEPLOYMENTS), ("delete", INGRESSES), ("list", "pods")];
    expect_may(&operator, "till", &rights).await?;
    expect_may_not(&operator, "ledger", &rights).await?;
    expect_may_not(&operator, "till", &[("get", "secrets"), ("list", "secrets"), ("create", "secrets")]).await
}

#[tokio::test]
async fn an_operator_of_the_cluster_writes_no_application_and_no_pod() -> Result<()> {
    let cluster = cluster().await;
    let operator = account(&Installation::install(&cluster, "wide", &[]).await?).await?;
    let status = format!("{APPS}:status");
    let rights = [("watch", APPS), ("patch", &status), ("patch", "services"), ("get", "secrets")];
    expect_may(&operator, "default", &rights).await?;
    let foreign = [
        ("patch", APPS),
        ("delete", APPS),
        ("create", "pods"),
        ("create", "pods:exec"),
        ("patch", "secrets"),
        ("patch", "events.events.k8s.io"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
        ("impersonate", "users"),
        ("list", LEASES),
    ];
    expect_may_not(&operator, "default", &foreign).await
}

#[tokio::test]
async fn editors_of_a_namespace_write_applications_there_and_viewers_read_them() -> Result<()> {
    let cluster = cluster().await;
    Installation::install(&cluster, "open", &[]).await?;
    for role in ["view", "edit", "admin"] {
        let grant = ["create", "rolebinding", role];
        let (role, user) = (format!("--clusterrole={role}"), format!("--user={role}er"));
        cluster.kubectl(grant.iter().chain(&[role.as_str(), user.as_str()])).await?;
    }
    for (user, verb, allowed) in [
        ("viewer", "get", true),
        ("viewer", "create", false),
        ("editer", "create", true),
        ("adminer", "delete", true),
        ("stranger", "get", false),
    ] {
        wait_until(&format!("{user} to {verb}: {allowed}"), PATIENCE, || async {
            let answer = may_as(&cluster, user, verb).await?;
            ensure!(answer == allowed, "the answer is {answer}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_lease_is_renewed_at_the_priority_of_leader_election() -> Result<()> {
    let cluster = cluster().await;
    let operator = account(&Installation::install(&cluster, "elect", &[]).await?).await?;
    let schema = ["get", "flowschema", "elect-msapp-leader-election", "--output=jsonpath={.metadata.uid}"];
    let schema = cluster.kubectl(schema).await?;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/elect/leases";
    wait_until("the API server to heed the FlowSchema", PATIENCE, || async {
        let used = flow_schema(&operator, leases, Some("elect-msapp")).await?;
        ensure!(used == schema, "the Lease is requested under FlowSchema {used}, not {schema}");
        Ok(())
    })
    .await?;
    let used = flow_schema(&operator, "/api/v1/configmaps", None).await?;
    ensure!(used != schema, "other requests have that priority too");
    Ok(())
}

/// The control plane that these tests share, with the definition in it: each installs a release of its own name.
async fn cluster() -> Cluster {
    static DEFINED: OnceCell<()> = OnceCell::const_new();
    let cluster = Cluster::shared().await;
    let define = || async {
        let apply = ["apply", "--server-side", "-f", "-"];
        cluster.kubectl_with(apply, &msapp_crds::manifest()).await.expect("the definition is applied");
    };
    DEFINED.get_or_init(define).await;
    cluster
}

/// The operator's own view of the cluster.
async fn account(installation: &Installation) -> Result<Access> {
    installation.access().as_service_account(installation.namespace(), installation.service_account()).await
}

/// All of these it may do in this namespace, as soon as the API server heeds the roles.
async fn expect_may(access: &Access, namespace: &str, rights: &[(&str, &str)]) -> Result<()> {
    for (verb, resource) in rights {
        wait_until(&format!("the right to {verb} {resource} in {namespace}"), PATIENCE, || async {
            ensure!(may(access, verb, resource, namespace).await?, "the answer is no");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// None of these it may do in this namespace.
async fn expect_may_not(access: &Access, namespace: &str, rights: &[(&str, &str)]) -> Result<()> {
    for (verb, resource) in rights {
        ensure!(!may(access, verb, resource, namespace).await?, "it may {verb} {resource} in {namespace}");
    }
    Ok(())
}

/// Whether this identity may do this, as the API server says. `kind:part` is a subresource, `kind/name` one object.
async fn may(access: &Access, verb: &str, resource: &str, namespace: &str) -> Result<bool> {
    let (resource, part) = resource.split_once(':').unwrap_or((resource, ""));
    let part = format!("--subresource={part}");
    answer(access.kubectl(["auth", "can-i", verb, resource, &part, "--namespace", namespace]).await)
}

async fn may_as(administrator: &Access, user: &str, verb: &str) -> Result<bool> {
    answer(administrator.kubectl(["auth", "can-i", verb, APPS, "--as", user]).await)
}

/// `kubectl auth can-i` prints `no` and fails when the answer is no.
fn answer(printed: Result<String>) -> Result<bool> {
    match printed {
        Ok(text) => Ok(text.trim() == "yes"),
        Err(error) if format!("{error:#}").trim_end().ends_with("no") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Which FlowSchema the API server puts a read of this list, or of one object in it, under.
async fn flow_schema(access: &Access, list: &str, name: Option<&str>) -> Result<String> {
    let request = match name {
        Some(name) => Request::new(list).get(name, &GetParams::default())?,
        None => Request::new(list).list(&ListParams::default())?,
    };
    let answer = access.client().await?.send(request.map(Body::from)).await?;
    let header =
        answer.headers().get("X-Kubernetes-PF-FlowSchema-UID").context("no FlowSchema in the answer")?;
    Ok(header.to_str()?.to_owned())
}
