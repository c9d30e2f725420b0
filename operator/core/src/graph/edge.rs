//! Edges of the graph, resolved.

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::Protocol;
use serde::Serialize;
use serde_json::Value;

/// One edge: what a service calls, stores in, or exchanges events through.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Name of the target.
    pub name: String,
    /// What the target is.
    pub target: TargetKind,
    /// Whether the caller works without it.
    pub optional: bool,
    /// How policy opens to the target.
    pub reach: Reach,
    /// Its ports that the caller uses, the one that addresses tell first; never empty.
    pub ports: Vec<EdgePort>,
    /// What the discovery file says of it.
    pub discovery: Value,
    /// Where the resource declares it: a dependency, or the events that need it.
    pub origins: Vec<String>,
    /// Longest time of one call in milliseconds, its retries included.
    pub timeout: Option<i64>,
    /// Tries after the first one.
    pub retries: Option<i32>,
}

impl Edge {
    /// Whether the caller waits for an answer of another service of this app.
    pub fn is_call(&self) -> bool {
        self.target == TargetKind::Service
    }
}

/// What an edge leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum TargetKind {
    /// A service of this app.
    Service,
    /// A database, cache or broker.
    BackingService,
    /// A service of somebody else.
    ExternalService,
}

impl TargetKind {
    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            TargetKind::Service => "service",
            TargetKind::BackingService => "backing service",
            TargetKind::ExternalService => "external service",
        }
    }
}

/// A port of the far end of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgePort {
    /// Its name at a service of this app; empty elsewhere.
    pub name: String,
    /// The port that the caller connects to.
    pub port: i32,
    /// The port that policy sees: it is applied behind the translation of a Service.
    pub target_port: i32,
    /// What is spoken on it.
    pub protocol: Protocol,
}

impl EdgePort {
    /// `TCP` or `UDP`, as Kubernetes names transports.
    pub fn transport(&self) -> &'static str {
        transport(self.protocol)
    }
}

/// The far end of an edge, as network policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The pods of a service of this app.
    Service,
    /// Pods of another application.
    Pods {
        /// Their namespace; the app's own when `None`.
        namespace: Option<String>,
        /// Their labels; all pods of the namespace when empty.
        labels: BTreeMap<String, String>,
    },
    /// Address ranges, sorted.
    Cidrs(Vec<String>),
    /// Only a name is known, and a policy cannot hold a name: every address, on these ports.
    AnyAddress,
    /// Only a name is known, and isolation is strict: nothing is opened.
    Nowhere,
}

/// Who calls a service, and on which port of the container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// Name of the calling service.
    pub service: String,
    /// Port of the container.
    pub target_port: i32,
    /// `TCP` or `UDP`.
    pub transport: &'static str,
}

/// `TCP` or `UDP`, as Kubernetes names transports.
pub(super) fn transport(protocol: Protocol) -> &'static str {
    if protocol == Protocol::UDP { "UDP" } else { "TCP" }
}
