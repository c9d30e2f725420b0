//! Entry from outside the cluster.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PortReference;

/// Entry from outside the cluster, as an Ingress.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Expose {
    /// Host name of the requests. Example: `shop.example.com`
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Path of the requests; `/` when absent. Example: `/cart`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^/"))]
    pub path: Option<String>,
    /// How the path is compared; Prefix when absent. Example: `Exact`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_type: Option<PathType>,
    /// IngressClass; the cluster's default one when absent. Example: `nginx`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class: Option<String>,
    /// Secret (type kubernetes.io/tls) with the certificate. Example: `shop-tls`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret: Option<String>,
    /// Port by name or number; the first HTTP one when absent. Example: `http`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortReference>,
    /// Namespace of the ingress controller, the only one that network policy admits;
    /// `spec.network.ingressNamespace` when absent. Example: `ingress-nginx`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub controller_namespace: Option<String>,
}

/// How a path is compared.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum PathType {
    /// By whole path elements.
    #[default]
    Prefix,
    /// Character by character.
    Exact,
}
