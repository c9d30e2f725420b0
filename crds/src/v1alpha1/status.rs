//! How the system is, as the operator reports it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How the system is. No timestamps but those of the conditions, so that it is written only when it changes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MicroserviceAppStatus {
    /// Generation of the spec that this status speaks of; -1 before the operator has seen the resource. Example: `7`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready services of all services. Example: `11/12`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Address of the first exposed service. Example: `https://shop.example.com/`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Ready, Available, Progressing, Degraded and GraphValid always; Reconciling or Stalled only while true.
    /// Example: `[{type: Ready, status: "False", reason: RollingOut, message: "11/12: cart: RollingOut", observedGeneration: 7}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
    /// The services, sorted by name. Example: `[{name: cart, ready: 2, desired: 2, image: "registry.example/cart:1.4.2"}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 100))]
    pub services: Vec<ServiceStatus>,
}

/// How one service is.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Name of the service. Example: `cart`
    pub name: String,
    /// Pods that are ready. Example: `1`
    pub ready: i32,
    /// Pods that should be. Example: `2`
    pub desired: i32,
    /// Image of this generation. Example: `registry.example/cart:1.4.2`
    pub image: String,
    /// One word for how it is. Example: `CrashLoopBackOff`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The cause in one sentence. Example: `pod cart-7d9f-x2: exit 1, "connection refused"`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether its pods were ever started, so that `startAfter` does not hold it again. Example: `true`
    #[serde(default, skip_serializing_if = "is_false")]
    pub started: bool,
    /// What its first start, or its next version, waits for. Example: `[catalog, Secret cart-cache]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}
