//! Settings of a service after inheritance, in the types of Kubernetes where there are such.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerSpec;
use k8s_openapi::api::core::v1::{Probe, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_crds::v1alpha1::{Security, SpreadRule};

/// Settings of a service after inheritance.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where each field comes from: `probes` → `spec.defaults.probes`; absent for what nobody wrote.
    pub origins: BTreeMap<&'static str, String>,
    /// Labels of the user, reserved ones excluded.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the user for the pods, reserved ones excluded.
    pub annotations: BTreeMap<String, String>,
    /// Resources of the container.
    pub resources: ResourceRequirements,
    /// Probes of the container.
    pub probes: ProbeSet,
    /// How many pods.
    pub scaling: Scaling,
    /// How many pods a drain may take.
    pub budget: Option<Budget>,
    /// How pods are spread.
    pub spread: Spread,
    /// How a new version replaces the old one.
    pub strategy: Strategy,
    /// How a pod is stopped.
    pub stop: Stop,
    /// User and capabilities.
    pub security: Security,
    /// Secrets with registry credentials, sorted.
    pub image_pull_secrets: Vec<String>,
}

/// The three probes of a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeSet {
    /// Until it succeeds the others wait.
    pub startup: Option<Probe>,
    /// While it fails the pod gets no traffic.
    pub readiness: Option<Probe>,
    /// When it fails the container is restarted.
    pub liveness: Option<Probe>,
}

/// How many pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// Nobody said: one at first, then whatever somebody scales it to.
    Unset,
    /// This many.
    Fixed(i32),
    /// By load. `scale_target_ref` is filled in when it is built.
    Auto(Box<HorizontalPodAutoscalerSpec>),
}

/// How many pods may be missing while nodes are drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Budget {
    /// This many stay.
    MinAvailable(IntOrString),
    /// This many may go.
    MaxUnavailable(IntOrString),
}

/// How pods are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Over zones.
    pub zones: SpreadRule,
    /// Over nodes.
    pub nodes: SpreadRule,
}

/// How a new version replaces the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// Pods above and below the wanted number during a rollout; `None` is Recreate.
    pub rolling: Option<(IntOrString, IntOrString)>,
    /// Seconds.
    pub progress_deadline: i32,
    /// Seconds.
    pub min_ready: i32,
    /// Old ReplicaSets kept.
    pub revision_history: i32,
}

/// How a pod is stopped, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Before SIGTERM.
    pub drain: i64,
    /// Until SIGKILL, drain included.
    pub period: i64,
}
