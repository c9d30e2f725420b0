//! Pods around an app: those that its policies speak of, and those that only look like it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{ResourceExt, api::ListParams};
use msapp_core::{labels::SERVICE, policy::NAMESPACE_NAME};
use msapp_e2e::{Namespace, Node};
use serde_json::json;

/// A namespace that nothing names.
const ELSEWHERE: &str = "elsewhere";
const DNS: &str = "kube-system";

type Labels = BTreeMap<String, String>;

/// Pods that run the workload and belong to nothing.
pub(crate) struct Places {
    /// Namespace and name.
    pub pods: Vec<(String, String)>,
}

impl Places {
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.pods.iter().map(|(namespace, _)| namespace.as_str()).collect::<BTreeSet<_>>().into_iter()
    }

    /// Nobody waits until they are gone.
    pub async fn remove(self, node: &Node) -> Result<()> {
        for (namespace, name) in &self.pods {
            node.kubectl(["delete", "pod", name, "-n", namespace, "--wait=false"]).await?;
        }
        Ok(())
    }
}

/// Starts a pod for every selector in any rule of the app's policies, one without labels here and elsewhere, and one
/// elsewhere that has the labels of a service.
pub(crate) async fn around(node: &Node, home: &Namespace) -> Result<Places> {
    let client = node.client().await?;
    let own = home.api::<Pod>(&client).list(&ListParams::default()).await?.items;
    let service = own.iter().find(|pod| pod.labels().contains_key(SERVICE)).context("a service has a pod")?;
    let image =
        service.spec.as_ref().and_then(|spec| spec.containers[0].image.clone()).context("an image")?;
    let policies = home.api::<NetworkPolicy>(&client).list(&ListParams::default()).await?;
    let mut wanted: BTreeSet<(String, Labels)> =
        policies.iter().flat_map(peers).filter_map(|peer| example(peer, home.name())).collect();
    // A pod with the labels of a service would be one of its pods.
    wanted.retain(|(namespace, labels)| namespace != DNS && !labels.contains_key(SERVICE));
    wanted.extend([home.name(), ELSEWHERE].map(|namespace| (namespace.to_owned(), Labels::new())));
    wanted.insert((ELSEWHERE.to_owned(), service.labels().clone()));
    let pods = wanted.into_iter().enumerate().map(async |(number, (namespace, labels))| {
        let name = format!("{}-around-{number}", home.name());
        start(node, &namespace, &name, &labels, &image).await?;
        Ok::<_, anyhow::Error>((namespace, name))
    });
    Ok(Places { pods: try_join_all(pods).await? })
}

fn peers(policy: &NetworkPolicy) -> impl Iterator<Item = &NetworkPolicyPeer> {
    let spec = policy.spec.iter();
    let ingress = spec.clone().flat_map(|spec| spec.ingress.iter().flatten()).flat_map(|rule| &rule.from);
    let egress = spec.flat_map(|spec| spec.egress.iter().flatten()).flat_map(|rule| &rule.to);
    ingress.chain(egress).flatten()
}

/// Namespace and labels of a pod that a rule speaks of.
fn example(peer: &NetworkPolicyPeer, home: &str) -> Option<(String, Labels)> {
    if peer.ip_block.is_some() {
        return None;
    }
    let labels =
        |selector: &Option<LabelSelector>| selector.as_ref().and_then(|one| one.match_labels.clone());
    let namespace = match &peer.namespace_selector {
        None => home.to_owned(),
        selector => labels(selector)?.get(NAMESPACE_NAME)?.clone(),
    };
    Some((namespace, labels(&peer.pod_selector).unwrap_or_default()))
}

async fn start(node: &Node, namespace: &str, name: &str, labels: &Labels, image: &str) -> Result<()> {
    let place = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let apply = async |object: &serde_json::Value| {
        node.kubectl_with(["apply", "--server-side", "-f", "-"], &object.to_string()).await
    };
    apply(&place).await?;
    let account = ["wait", "serviceaccount/default", "--for=create", "--timeout=90s", "-n", namespace];
    node.kubectl(account).await?;
    apply(&json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            // As a namespace demands that enforces `restricted`.
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "workload",
                "image": image,
                "imagePullPolicy": "Never",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    }))
    .await?;
    let pod = format!("pod/{name}");
    node.kubectl(["wait", &pod, "--for=condition=Ready", "--timeout=90s", "-n", namespace]).await?;
    Ok(())
}
