//! The operator's credential, replaced while it works.
//!
//! The kubelet asks for another token after four fifths of the life of the last one, and no life is shorter than ten
//! minutes. So that nobody has to wait for it, the kubelet writes tokens here that a Secret holds: in the same way, to
//! the same place, as soon as the Secret changes.

use std::{collections::BTreeSet, time::Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec},
    coordination::v1::Lease,
    core::v1::Pod,
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use msapp_e2e::{Installation, Namespace, Node, PATIENCE, wait_until};
use serde_json::json;

use super::release::container;
use crate::stage::Stage;

/// The tokens, by the Secrets that they are bound to: without it, a token is worth nothing.
const WITNESSES: [&str; 2] = ["first", "second"];
const DIRECTORY: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(super) async fn replaced(stage: Stage) -> Result<()> {
    let node = stage.operator().await?;
    let namespace = Namespace::create(&node, "token").await?;
    let name = namespace.name();
    let installation = Installation::install(&node, name, &["watch.scope=Namespaces"]).await?;
    let [first, second] = WITNESSES.map(|witness| token(&namespace, &installation, witness));
    let (first, second) = (first.await?, second.await?);
    give(&namespace, &first).await?;
    start(&namespace, &installation).await?;
    let holder = renewed(&node, name).await?;
    let audit = node.audit().await?;
    let mark = audit.mark().await?;
    let credentials = async || -> Result<BTreeSet<String>> {
        let requests = audit.since(mark).await?.of(&installation.user());
        Ok(requests.iter().map(|request| request.credential.clone()).collect())
    };
    renewed(&node, name).await?;
    let old = credentials().await?;
    ensure!(old.len() == 1, "it has used {old:?}");

    give(&namespace, &second).await?;
    let began = Instant::now();
    wait_until("a request with the new token", PATIENCE * 2, async || {
        let used = credentials().await?;
        ensure!(used.len() == 2, "it has used {used:?} so far");
        Ok(())
    })
    .await?;
    let seconds = began.elapsed().as_secs();
    revoke(&namespace, &node, &first).await?;
    ensure!(renewed(&node, name).await? == holder, "another one leads");
    ensure_same_process(&namespace, &node).await?;
    stage.figure(format!(
        "the new token is used {seconds} s after the kubelet was given it; with the old one revoked, the leader leads on: 0 restarts"
    ));
    Ok(())
}

/// A token of the operator's ServiceAccount.
async fn token(namespace: &Namespace, installation: &Installation, witness: &str) -> Result<String> {
    namespace.kubectl(&["create", "secret", "generic", witness]).await?;
    let account = installation.service_account();
    let bound = ["--bound-object-kind=Secret", "--bound-object-name", witness];
    let token = namespace.kubectl(&[&["create", "token", account][..], &bound].concat()).await?;
    Ok(token.trim().to_owned())
}

/// Lets the kubelet write a token into the operator's pod.
async fn give(namespace: &Namespace, token: &str) -> Result<()> {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": token}});
    namespace.apply(&secret.to_string()).await?;
    Ok(())
}

/// Gives the Deployment of the release one pod, in which the token comes from the Secret.
async fn start(namespace: &Namespace, installation: &Installation) -> Result<()> {
    let field = json!([{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]);
    let sources = json!([
        {"secret": {"name": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": field}},
    ]);
    let pod = json!({
        "automountServiceAccountToken": false,
        "volumes": [{"name": "token", "projected": {"sources": sources}}],
        "containers": [{"name": "controller", "volumeMounts": [{"name": "token", "mountPath": DIRECTORY, "readOnly": true}]}],
    });
    let patch = json!({"spec": {"replicas": 1, "template": {"spec": pod}}}).to_string();
    let deployment = format!("deployment/{}", installation.service_account());
    namespace.kubectl(&["patch", &deployment, "--patch", &patch]).await?;
    namespace.kubectl(&["rollout", "status", &deployment, "--timeout=90s"]).await?;
    Ok(())
}

/// Waits until the Lease is renewed once more; who holds it.
async fn renewed(node: &Node, namespace: &str) -> Result<String> {
    let leases: Api<Lease> = Api::namespaced(node.client().await?, namespace);
    let renewal = async || -> Result<_> {
        let lease = leases.list(&ListParams::default()).await?.items.pop().context("no Lease")?;
        let spec = lease.spec.context("an empty Lease")?;
        Ok((spec.renew_time.context("never renewed")?, spec.holder_identity.context("nobody holds it")?))
    };
    let (before, _) = wait_until("a Lease to be held", PATIENCE, &renewal).await?;
    wait_until("the Lease to be renewed", PATIENCE, async || {
        let (now, holder) = renewal().await?;
        ensure!(now != before, "{holder} has not renewed it");
        Ok(holder)
    })
    .await
}

/// Makes the first token worthless, and waits until the API server takes it no more.
async fn revoke(namespace: &Namespace, node: &Node, token: &str) -> Result<()> {
    namespace.kubectl(&["delete", "secret", WITNESSES[0]]).await?;
    let reviews: Api<TokenReview> = Api::all(node.client().await?);
    let spec = TokenReviewSpec { token: token.to_owned(), ..TokenReviewSpec::default() };
    let review = TokenReview { spec, ..TokenReview::default() };
    wait_until("the old token to be refused", PATIENCE, async || {
        let status = reviews.create(&PostParams::default(), &review).await?.status.unwrap_or_default();
        ensure!(!status.authenticated.unwrap_or_default(), "the API server takes it");
        Ok(())
    })
    .await
}

async fn ensure_same_process(namespace: &Namespace, node: &Node) -> Result<()> {
    let pods: Api<Pod> = namespace.api(&node.client().await?);
    let pods = pods.list(&ListParams::default()).await?.items;
    ensure!(pods.len() == 1, "{} pods", pods.len());
    ensure!(container(&pods[0])?.restart_count == 0, "{} was restarted", pods[0].name_any());
    Ok(())
}
