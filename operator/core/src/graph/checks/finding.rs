//! What a check finds, and the closed list of checks.

use crate::graph::{Edge, Service};
use crate::violation::{Code, Severity, Violation};

/// Every graph check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// An autoscaler that measures CPU or memory in percent of a request that is missing.
    AutoscalingWithoutRequest,
    /// A disruption budget that lets no pod go, so that no node can ever be drained.
    BlockedDrain,
    /// A call into another domain past the entries that the domain declares.
    BypassedBoundary,
    /// A caller that gives up before the service it calls does.
    DeadlineInversion,
    /// More calls in a row, one waiting for the next, than the bound.
    DeepCallChain,
    /// Services that can only be deployed together, by calls and shared data.
    DistributedMonolith,
    /// No network policies at all.
    IsolationDisabled,
    /// A container that may take all memory of its node.
    MissingMemoryLimit,
    /// A service with ports that gets traffic whether it is ready or not.
    MissingProbes,
    /// A target of which only a name is known, and a policy cannot hold a name.
    NameWithoutAddress,
    /// What looks like a credential, written as text.
    PlainTextCredential,
    /// A service that is internal and exposed.
    PublicInternalService,
    /// A path on which retries of retries multiply beyond the bound.
    RetryAmplification,
    /// One database with two owners, or used past its owner.
    SharedDatabase,
    /// A waiver that accepts nothing.
    StaleWaiver,
    /// Services that wait for each other's answers in a circle.
    SynchronousCycle,
    /// A domain of very many tiny services.
    TinyServices,
    /// An event that is published, or declared, and that nobody consumes.
    UnconsumedEvent,
    /// An image without a tag, or with the tag latest.
    UnpinnedImage,
    /// An event that is consumed and that nobody publishes.
    UnpublishedEvent,
    /// A backing service that no service depends on.
    UnusedBackingService,
    /// An external service that no service depends on.
    UnusedExternalService,
    /// A service that calls more services than the bound.
    WideFanOut,
}

impl Check {
    /// All checks, sorted by code.
    pub const ALL: [Check; 23] = [
        Check::AutoscalingWithoutRequest,
        Check::BlockedDrain,
        Check::BypassedBoundary,
        Check::DeadlineInversion,
        Check::DeepCallChain,
        Check::DistributedMonolith,
        Check::IsolationDisabled,
        Check::MissingMemoryLimit,
        Check::MissingProbes,
        Check::NameWithoutAddress,
        Check::PlainTextCredential,
        Check::PublicInternalService,
        Check::RetryAmplification,
        Check::SharedDatabase,
        Check::StaleWaiver,
        Check::SynchronousCycle,
        Check::TinyServices,
        Check::UnconsumedEvent,
        Check::UnpinnedImage,
        Check::UnpublishedEvent,
        Check::UnusedBackingService,
        Check::UnusedExternalService,
        Check::WideFanOut,
    ];

    /// The code as it is printed and waived; never changed.
    pub fn as_str(self) -> &'static str {
        match self {
            Check::AutoscalingWithoutRequest => "autoscaling-without-request",
            Check::BlockedDrain => "blocked-drain",
            Check::BypassedBoundary => "bypassed-boundary",
            Check::DeadlineInversion => "deadline-inversion",
            Check::DeepCallChain => "deep-call-chain",
            Check::DistributedMonolith => "distributed-monolith",
            Check::IsolationDisabled => "isolation-disabled",
            Check::MissingMemoryLimit => "missing-memory-limit",
            Check::MissingProbes => "missing-probes",
            Check::NameWithoutAddress => "name-without-address",
            Check::PlainTextCredential => "plain-text-credential",
            Check::PublicInternalService => "public-internal-service",
            Check::RetryAmplification => "retry-amplification",
            Check::SharedDatabase => "shared-database",
            Check::StaleWaiver => "stale-waiver",
            Check::SynchronousCycle => "synchronous-cycle",
            Check::TinyServices => "tiny-services",
            Check::UnconsumedEvent => "unconsumed-event",
            Check::UnpinnedImage => "unpinned-image",
            Check::UnpublishedEvent => "unpublished-event",
            Check::UnusedBackingService => "unused-backing-service",
            Check::UnusedExternalService => "unused-external-service",
            Check::WideFanOut => "wide-fan-out",
        }
    }

    /// How much its findings weigh.
    pub fn severity(self) -> Severity {
        match self {
            Check::PublicInternalService | Check::SharedDatabase | Check::UnpublishedEvent => Severity::Error,
            Check::MissingMemoryLimit | Check::TinyServices => Severity::Advice,
            _ => Severity::Warning,
        }
    }

    /// The check of a code.
    pub fn parse(code: &str) -> Option<Check> {
        Check::ALL.into_iter().find(|check| check.as_str() == code)
    }
}

/// Something that a check found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub check: Check,
    /// Where in the resource.
    pub path: String,
    /// What it is about: names that a waiver can give.
    pub subjects: Vec<String>,
    /// One sentence without a full stop.
    pub message: String,
}

impl Finding {
    /// A finding about one thing.
    pub(super) fn new(check: Check, path: &str, subject: &str, message: String) -> Self {
        Self { check, path: path.to_owned(), subjects: vec![subject.to_owned()], message }
    }

    /// The finding as everything else that is wrong is told.
    pub(super) fn into_violation(self) -> Violation {
        Violation::new(self.path, Code::Check(self.check), self.message)
    }
}

/// Names that a message gives all of.
const MOST_NAMED: usize = 10;
/// Names that it gives from each end of a longer list.
const FROM_EACH_END: usize = 3;

/// Names in their order; of very many the first and the last few.
pub(super) fn listed(names: &[impl AsRef<str>], between: &str) -> String {
    let mut told: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let more = format!("… ({} more) …", told.len().saturating_sub(2 * FROM_EACH_END));
    if told.len() > MOST_NAMED {
        told.splice(FROM_EACH_END..told.len() - FROM_EACH_END, [more.as_str()]);
    }
    told.join(between)
}

/// Where an edge is written: its dependency, or the first event that needs it.
pub(super) fn written_at(edge: &Edge) -> String {
    edge.origins.first().cloned().unwrap_or_default()
}

/// The names of services, in their order.
pub(super) fn names_of(services: &[&Service]) -> Vec<String> {
    services.iter().map(|service| service.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_names_the_first_and_the_last_are_told() {
        let names = |count: usize| (1..=count).map(|at| at.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(&names(10), ","), "1,2,3,4,5,6,7,8,9,10");
        assert_eq!(listed(&names(11), " → "), "1 → 2 → 3 → … (5 more) … → 9 → 10 → 11");
        assert_eq!(listed(&names(100), ", "), "1, 2, 3, … (94 more) …, 98, 99, 100");
    }
}
