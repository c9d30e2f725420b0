//! How the system is: one function from facts to the status that the user reads.

mod cause;
mod conditions;
mod first_cause;
mod reason;
mod service;
mod size;
mod words;

use msapp_crds::v1alpha1::{MicroserviceAppStatus, ServiceStatus};

use crate::desired::ChildKey;
use crate::graph::App;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::source::Source;
use crate::violation::Violations;

pub use conditions::ConditionType;
pub use reason::Reason;
use service::Seen;

/// Everything a status is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The resource.
    pub source: &'a Source,
    /// What came of this pass.
    pub outcome: Outcome<'a>,
    /// What is there, read after the writes of this pass.
    pub observed: &'a Observed,
    /// The status before.
    pub previous: Option<&'a MicroserviceAppStatus>,
    /// Now, for transition times; only used where a condition changes. RFC 3339.
    pub now: jiff::Timestamp,
}

/// What came of a pass.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// The resource is wrong; nothing was written.
    Invalid(&'a Violations),
    /// The resource is right.
    Valid {
        /// The app.
        app: &'a App,
        /// What was to be done; empty when suspended.
        plan: &'a Plan,
        /// What of it failed.
        failures: &'a [Failure],
    },
}

/// A write that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The child.
    pub key: ChildKey,
    /// The service it belongs to.
    pub service: String,
    /// Who must act.
    pub kind: FailureKind,
    /// What the API server said.
    pub message: String,
}

/// Why a write failed, by who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// Another field manager applies the same fields (409 of an apply).
    FieldConflict,
    /// A quota is used up (403 with `exceeded quota`).
    QuotaExceeded,
    /// The operator may not (403).
    Forbidden,
    /// The API server, or an admission rule, does not take the object (400, 422).
    Rejected,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// Time-outs, overload, connection loss: nobody must act.
    Transient,
}

/// The status that these facts make. Equal facts make an equal status, transition times included.
pub fn status(facts: &Facts<'_>) -> MicroserviceAppStatus {
    let seen = match facts.outcome {
        Outcome::Valid { app, plan, failures } => service::services(app, plan, failures, facts.observed),
        Outcome::Invalid(_) => Vec::new(),
    };
    size::bounded(MicroserviceAppStatus {
        observed_generation: Some(facts.source.generation),
        summary: Some(summary(facts, &seen)),
        url: url(facts),
        conditions: conditions::conditions(facts, &seen),
        services: services(facts, seen),
    })
}

/// Of a resource that is wrong stands what was known before: what ran keeps running.
fn services(facts: &Facts<'_>, seen: Vec<Seen>) -> Vec<ServiceStatus> {
    match (facts.outcome, facts.previous) {
        (Outcome::Invalid(_), Some(previous)) => previous.services.clone(),
        _ => seen.into_iter().map(|service| service.status).collect(),
    }
}

fn summary(facts: &Facts<'_>, seen: &[Seen]) -> String {
    let before = facts.previous.and_then(|previous| previous.summary.clone());
    before.filter(|_| matches!(facts.outcome, Outcome::Invalid(_))).unwrap_or_else(|| summary_of(seen))
}

/// `11/12`
fn summary_of(seen: &[Seen]) -> String {
    format!("{}/{}", seen.iter().filter(|service| service.cause.is_none()).count(), seen.len())
}

fn url(facts: &Facts<'_>) -> Option<String> {
    match facts.outcome {
        Outcome::Valid { app, .. } => {
            app.services.iter().find_map(|service| service.exposure.as_ref()).map(crate::graph::Exposure::url)
        }
        Outcome::Invalid(_) => facts.previous.and_then(|previous| previous.url.clone()),
    }
}
