//! A test enforcer of NetworkPolicy for a cluster of one node, and no more than that: it makes the traffic of the
//! end-to-end tests obey the policies that the API server holds.
//!
//! [`Rules::read`] reads policies as
//! [their specification](https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/) says
//! and shares no code with the evaluator of the operator's core, which it is there to check. [`Rules::script`] writes
//! them for nftables, [`Rules::lets_in`] and [`Rules::lets_out`] answer from the very same rules, so that a comparison
//! with an independent evaluator speaks for what is loaded. [`run`] keeps them true; [`Enforced`] tells tests when.
//!
//! It knows IPv4, TCP, UDP and SCTP, and ends with an error at everything that it does not know.

mod addresses;
mod places;
mod ports;
mod reading;
mod rules;
mod running;
mod script;
mod selector;
mod state;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;

pub use addresses::Ranges;
pub use ports::Protocol;
pub use rules::{Question, Rules};
pub use running::{Settings, run};
pub use state::{Enforced, State};

/// What of a cluster decides who may reach whom.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// A policy may select them by their labels.
    pub namespaces: Vec<Arc<Namespace>>,
    /// All of them, wherever they are in their life.
    pub pods: Vec<Arc<Pod>>,
    /// As the API server stores them.
    pub policies: Vec<Arc<NetworkPolicy>>,
}
