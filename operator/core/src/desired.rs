//! What should exist: a sorted, comparable, printable value.

use std::fmt;

use serde_json::Value;

/// Every kind the operator makes. The order is the order of writing: what a pod needs stands before the pod, and
/// the policy that protects it stands before it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChildKind {
    /// v1 ServiceAccount
    ServiceAccount,
    /// v1 ConfigMap
    ConfigMap,
    /// networking.k8s.io/v1 NetworkPolicy
    NetworkPolicy,
    /// v1 Service
    Service,
    /// apps/v1 Deployment
    Deployment,
    /// autoscaling/v2 HorizontalPodAutoscaler
    HorizontalPodAutoscaler,
    /// policy/v1 PodDisruptionBudget
    PodDisruptionBudget,
    /// networking.k8s.io/v1 Ingress
    Ingress,
}

impl ChildKind {
    /// All kinds, in the order of writing.
    pub const ALL: [ChildKind; 8] = [
        ChildKind::ServiceAccount,
        ChildKind::ConfigMap,
        ChildKind::NetworkPolicy,
        ChildKind::Service,
        ChildKind::Deployment,
        ChildKind::HorizontalPodAutoscaler,
        ChildKind::PodDisruptionBudget,
        ChildKind::Ingress,
    ];

    /// The kind as manifests write it.
    pub fn as_str(self) -> &'static str {
        match self {
            ChildKind::ServiceAccount => "ServiceAccount",
            ChildKind::ConfigMap => "ConfigMap",
            ChildKind::NetworkPolicy => "NetworkPolicy",
            ChildKind::Service => "Service",
            ChildKind::Deployment => "Deployment",
            ChildKind::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            ChildKind::PodDisruptionBudget => "PodDisruptionBudget",
            ChildKind::Ingress => "Ingress",
        }
    }

    /// The API version as manifests write it.
    pub fn api_version(self) -> &'static str {
        match self {
            ChildKind::ServiceAccount | ChildKind::ConfigMap | ChildKind::Service => "v1",
            ChildKind::Deployment => "apps/v1",
            ChildKind::HorizontalPodAutoscaler => "autoscaling/v2",
            ChildKind::PodDisruptionBudget => "policy/v1",
            ChildKind::NetworkPolicy | ChildKind::Ingress => "networking.k8s.io/v1",
        }
    }

    /// The resource name in URLs and RBAC rules.
    pub fn plural(self) -> &'static str {
        match self {
            ChildKind::ServiceAccount => "serviceaccounts",
            ChildKind::ConfigMap => "configmaps",
            ChildKind::NetworkPolicy => "networkpolicies",
            ChildKind::Service => "services",
            ChildKind::Deployment => "deployments",
            ChildKind::HorizontalPodAutoscaler => "horizontalpodautoscalers",
            ChildKind::PodDisruptionBudget => "poddisruptionbudgets",
            ChildKind::Ingress => "ingresses",
        }
    }
}

impl fmt::Display for ChildKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Identity of a child within the namespace of its app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildKey {
    /// Its kind.
    pub kind: ChildKind,
    /// `metadata.name`.
    pub name: String,
}

impl ChildKey {
    /// The key of a child.
    pub fn new(kind: ChildKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for ChildKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)
    }
}

/// An object that should exist.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredObject {
    /// Its identity.
    pub key: ChildKey,
    /// The service it belongs to.
    pub service: String,
    /// The whole manifest as it is applied, but for the owner reference, which carries the app's UID.
    pub manifest: Value,
}

/// Everything that should exist for one app, sorted by (order of writing, name), without duplicates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DesiredSet(Vec<DesiredObject>);

impl DesiredSet {
    /// Sorts the objects.
    pub fn new(mut objects: Vec<DesiredObject>) -> Self {
        objects.sort_by(|left, right| left.key.cmp(&right.key));
        Self(objects)
    }

    /// The objects in the order of writing.
    pub fn iter(&self) -> impl Iterator<Item = &DesiredObject> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object of that key.
    pub fn find(&self, key: &ChildKey) -> Option<&DesiredObject> {
        self.0.binary_search_by(|object| object.key.cmp(key)).ok().map(|index| &self.0[index])
    }
}
