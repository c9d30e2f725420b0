//! What is wrong with a NetworkPolicy, so that nobody can say what it means.

use std::fmt;

/// Something that Kubernetes does not take as a NetworkPolicy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The policy as `namespace/name`.
    pub policy: String,
    /// Where in it: `spec.ingress[0].from[1].ipBlock.cidr`.
    pub place: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}: {}", self.policy, self.place, self.message)
    }
}

/// The faults of one policy.
#[derive(Debug)]
pub(super) struct Faults {
    policy: String,
    found: Vec<Fault>,
}

impl Faults {
    /// None yet.
    pub fn of(policy: String) -> Self {
        Self { policy, found: Vec::new() }
    }

    /// Adds one.
    pub fn push(&mut self, place: &str, message: impl Into<String>) {
        let policy = self.policy.clone();
        self.found.push(Fault { policy, place: place.to_owned(), message: message.into() });
    }

    /// All of them.
    pub fn found(self) -> Vec<Fault> {
        self.found
    }
}
