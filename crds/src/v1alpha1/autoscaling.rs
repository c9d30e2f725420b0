//! Number of pods by load (HorizontalPodAutoscaler, autoscaling/v2).

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Quantity};

/// Number of pods by load. The metric that asks for most pods wins.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.minReplicas) || self.minReplicas <= self.maxReplicas").message("minReplicas is at most maxReplicas").reason(Reason::FieldValueInvalid))]
pub struct Autoscaling {
    /// Fewest pods; 1 when absent. Example: `2`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub min_replicas: Option<i32>,
    /// Most pods. Example: `6`
    #[schemars(range(min = 1, max = 10000))]
    pub max_replicas: i32,
    /// Wanted CPU use in percent of the request; 80 when no metric is given. Example: `70`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub cpu: Option<i32>,
    /// Wanted memory use in percent of the request. Example: `80`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub memory: Option<i32>,
    /// Other metrics. Example: `[{external: {name: queue_length, averageValue: 30}}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub metrics: Vec<Metric>,
    /// How fast the number changes. Example: `{scaleDown: {stabilizationWindow: 5m}}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<ScalingBehavior>,
}

/// One metric, of exactly one kind.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.containerResource), has(self.pods), has(self.object), has(self.external)].exists_one(set, set)").message("exactly one of containerResource, pods, object and external is given").reason(Reason::FieldValueInvalid))]
pub struct Metric {
    /// CPU or memory of one container of the pod. Example: `{container: app, resource: CPU, averageUtilization: 60}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_resource: Option<ContainerResourceMetric>,
    /// A metric of the pods (custom.metrics.k8s.io). Example: `{name: requests_per_second, averageValue: 100}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsMetric>,
    /// A metric of one object of the namespace (custom.metrics.k8s.io).
    /// Example: `{name: hits, object: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: web}, value: 2k}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectMetric>,
    /// A metric from outside the cluster (external.metrics.k8s.io). Example: `{name: queue_length, averageValue: 30}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalMetric>,
}

/// A resource that every container has.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum ResourceName {
    /// Processor time.
    CPU,
    /// Working set.
    Memory,
}

/// CPU or memory of one container. Exactly one target.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.averageUtilization) != has(self.averageValue)").message("exactly one of averageUtilization and averageValue is given").reason(Reason::FieldValueInvalid))]
pub struct ContainerResourceMetric {
    /// Name of the container: that of a service is `app`. Example: `app`
    #[schemars(length(max = 63))]
    pub container: String,
    /// CPU or Memory. Example: `CPU`
    pub resource: ResourceName,
    /// Percent of the request. Example: `60`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub average_utilization: Option<i32>,
    /// Amount per pod. Example: `500m`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
}

/// A metric of the pods, averaged.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PodsMetric {
    /// Name of the metric. Example: `requests_per_second`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Labels that choose the series. Example: `{method: GET}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
    /// Amount per pod. Example: `100`
    pub average_value: Quantity,
}

/// A metric of one object. Exactly one target.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.value) != has(self.averageValue)").message("exactly one of value and averageValue is given").reason(Reason::FieldValueInvalid))]
pub struct ObjectMetric {
    /// Name of the metric. Example: `hits_per_second`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Labels that choose the series. Example: `{method: GET}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
    /// The object. Example: `{apiVersion: networking.k8s.io/v1, kind: Ingress, name: web}`
    pub object: ObjectReference,
    /// Amount in all. Example: `2k`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// Amount per pod. Example: `100`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
}

/// An object of the namespace.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// Example: `networking.k8s.io/v1`
    #[schemars(length(min = 1, max = 253))]
    pub api_version: String,
    /// Example: `Ingress`
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Example: `web`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A metric from outside the cluster. Exactly one target.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.value) != has(self.averageValue)").message("exactly one of value and averageValue is given").reason(Reason::FieldValueInvalid))]
pub struct ExternalMetric {
    /// Name of the metric. Example: `queue_length`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Labels that choose the series. Example: `{queue: orders}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
    /// Amount in all. Example: `100`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// Amount per pod. Example: `30`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
}

/// How fast the number of pods changes.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ScalingBehavior {
    /// Up. Example: `{policies: [{type: Pods, value: 4, period: 15s}]}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<ScalingRules>,
    /// Down. Example: `{stabilizationWindow: 5m}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScalingRules>,
}

/// Rules for one direction.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ScalingRules {
    /// Time whose recommendations are considered, at most 1h. Example: `5m`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stabilization_window: Option<Duration>,
    /// Which policy counts; Max when absent. Example: `Min`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<SelectPolicy>,
    /// Steps. Example: `[{type: Percent, value: 100, period: 15s}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub policies: Vec<ScalingPolicy>,
}

/// Which of several policies counts.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum SelectPolicy {
    /// The one that changes most.
    Max,
    /// The one that changes least.
    Min,
    /// No change in this direction.
    Disabled,
}

/// One step.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ScalingPolicy {
    /// What `value` counts. Example: `Pods`
    #[serde(rename = "type")]
    pub type_: ScalingPolicyType,
    /// How many. Example: `4`
    #[schemars(range(min = 1, max = 10000))]
    pub value: i32,
    /// In what time, at most 30m. Example: `15s`
    pub period: Duration,
}

/// What a step counts.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum ScalingPolicyType {
    /// Pods.
    Pods,
    /// Percent of the current number.
    Percent,
}
