//! Settings that a service has, and that `spec.defaults` and profiles can give to many.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Autoscaling, Duration, EnvVar, IntOrPercent, Probes, Quantity, Retries};

/// Settings of a service that can be inherited. The nearest wins, field by field: the service, its profile, the
/// defaults. `env`, `labels` and `annotations` are merged by name instead.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Environment variables, in this order. Example: `[{name: LOG_FORMAT, value: json}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,
    /// CPU, memory and other resources of the container. Example: `{requests: {cpu: 100m}, limits: {memory: 256Mi}}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How the kubelet asks whether the container is well. Example: `{path: /healthz}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probes: Option<Probes>,
    /// Fixed number of pods; 1 when there is no autoscaling either. Example: `3`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub replicas: Option<i32>,
    /// Number of pods by load. Example: `{minReplicas: 2, maxReplicas: 6, cpu: 70}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// How many pods a node drain may take at once; one when there are at least two. Example: `{maxUnavailable: 1}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption_budget: Option<DisruptionBudget>,
    /// How pods are spread over zones and nodes; preferred when absent. Example: `{zones: Required}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// How a new version replaces the old one. Example: `{maxSurge: 1, maxUnavailable: 0}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// How a pod is stopped. Example: `{drain: 5s, period: 60s}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graceful_stop: Option<GracefulStop>,
    /// User and capabilities, within the Pod Security Standard "restricted". Example: `{runAsUser: 10001}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// How addresses reach the program. Example: `{environment: Disabled}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
    /// How calls end; a dependency can say otherwise. Example: `{timeout: 2s}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resilience: Option<Resilience>,
    /// Names of Secrets with registry credentials. Example: `[registry]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)))]
    pub image_pull_secrets: Vec<String>,
    /// Labels on every object of the service and its pods. Example: `{team.example/name: checkout}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    /// Annotations on the pods. Example: `{prometheus.io/scrape: "true"}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
}

/// How the addresses of dependencies reach the program, besides the discovery file.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Discovery {
    /// Variables `<NAME>_URL`, `_HOST` and `_PORT` of dependencies. Example: `Disabled`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Switch>,
    /// Directories of backing services in `$SERVICE_BINDING_ROOT`. Example: `Disabled`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bindings: Option<Switch>,
}

/// Whether something is done.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum Switch {
    /// It is.
    #[default]
    Enabled,
    /// It is not.
    Disabled,
}

/// How calls end. It is told in the discovery file, and the checks add it up along every path.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Resilience {
    /// Longest time of one call, its retries included. Example: `2s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How often a failed call is tried again. Example: `{attempts: 2}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
}

/// A named set of settings.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Name that services pick it by. Example: `worker`
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The settings.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Resources of the container.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// What the scheduler sets aside. Example: `{cpu: 100m, memory: 128Mi}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub requests: BTreeMap<String, Quantity>,
    /// What the container may not pass. Example: `{memory: 256Mi}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub limits: BTreeMap<String, Quantity>,
}

/// How many pods may be missing while nodes are drained. At most one of the two.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.minAvailable) != has(self.maxUnavailable)").message("exactly one of minAvailable and maxUnavailable is given"))]
pub struct DisruptionBudget {
    /// Pods that stay. Example: `50%`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<IntOrPercent>,
    /// Pods that may go. Example: `1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrPercent>,
}

/// Spread of the pods.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// Over zones (`topology.kubernetes.io/zone`). Example: `Required`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zones: Option<SpreadRule>,
    /// Over nodes (`kubernetes.io/hostname`). Example: `Preferred`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<SpreadRule>,
}

/// How firmly pods are spread.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum SpreadRule {
    /// Evenly where possible.
    #[default]
    Preferred,
    /// Evenly, or the pod waits.
    Required,
    /// Wherever the scheduler likes.
    Disabled,
}

/// How a new version replaces the old one.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// RollingUpdate when absent. Example: `Recreate`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<RolloutStrategy>,
    /// Pods above the wanted number during a rollout; 25% when absent. Example: `1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrPercent>,
    /// Pods below the wanted number during a rollout; 0 when absent. Example: `25%`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrPercent>,
    /// Time without progress after which the rollout counts as failed; 10m when absent. Example: `5m`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline: Option<Duration>,
    /// Time a new pod has to stay ready before it counts as available. Example: `10s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ready: Option<Duration>,
    /// Old ReplicaSets kept for `kubectl rollout undo`; 10 when absent. Example: `3`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub revision_history: Option<i32>,
}

/// Deployment strategy.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum RolloutStrategy {
    /// New pods come up before old ones go.
    #[default]
    RollingUpdate,
    /// All old pods go before the first new one comes.
    Recreate,
}

/// How a pod is stopped.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct GracefulStop {
    /// Time between leaving the Service and SIGTERM, so that callers notice; 5s with ports, else 0s. Example: `10s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
    /// Time from the start of the stop to SIGKILL, drain included; 30s when absent. Example: `60s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Duration>,
}

/// Identity of the processes. Whatever the standard "restricted" forbids cannot be written here.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// User id; the image's own when absent, and root is refused by the kubelet. Example: `10001`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2147483647))]
    pub run_as_user: Option<i64>,
    /// Group id. Example: `10001`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2147483647))]
    pub run_as_group: Option<i64>,
    /// Group that owns mounted volumes. Example: `10001`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2147483647))]
    pub fs_group: Option<i64>,
    /// Capabilities on top of none. Example: `[NET_BIND_SERVICE]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub add_capabilities: Vec<Capability>,
    /// False lets the process write to the image's filesystem; true when absent. Example: `false`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only_root_filesystem: Option<bool>,
}

/// The capabilities that "restricted" admits.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(transform = super::scalar::field_describes)]
pub enum Capability {
    /// Bind ports below 1024.
    #[serde(rename = "NET_BIND_SERVICE")]
    NetBindService,
}
