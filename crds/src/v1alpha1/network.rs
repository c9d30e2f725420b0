//! Network isolation of the app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PeerPods;

/// Who may talk to the pods besides the declared dependencies.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Strict denies everything that is not declared; Strict when absent. Example: `Disabled`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Namespace whose pods may reach every declared port, to scrape metrics. Example: `monitoring`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub monitoring_namespace: Option<String>,
    /// Namespace of the ingress controller, for services with `expose`. Example: `ingress-nginx`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub ingress_namespace: Option<String>,
    /// Addresses of the nodes, for network plugins that filter the kubelet's probes too. Kubernetes itself always
    /// lets a pod's own node through, so most clusters need none. Example: `[10.0.0.0/16]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 49)))]
    pub node_cidrs: Vec<String>,
    /// DNS servers of the cluster, where they are none of kube-dns, CoreDNS, NodeLocal DNSCache and OpenShift's; port
    /// 53 when absent. Example: `[{namespace: dns, labels: {app: resolver}}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub dns: Vec<PeerPods>,
}

/// How strictly the pods are cut off.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum Isolation {
    /// Exactly the declared edges, DNS, monitoring and the ingress controller. To a target of which only a name is
    /// known nothing is opened, because a NetworkPolicy cannot hold a name.
    #[default]
    Strict,
    /// As Strict, but a target of which only a name is known opens its port to every address.
    Lenient,
    /// No NetworkPolicy at all.
    Disabled,
}
