//! Why something is as it is: the words that conditions and services use.

/// Closed vocabulary of reasons; each has a paragraph in docs/troubleshooting.md. The order is the order in which
/// causes are told: what somebody must mend first, what passes by itself last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "docs/troubleshooting.md explains each")]
pub enum Reason {
    InvalidSpec,
    NameTaken,
    ImmutableField,
    FieldConflict,
    Rejected,
    Forbidden,
    QuotaExceeded,
    PodsNotCreated,
    ImagePullBackOff,
    CrashLoopBackOff,
    OutOfMemory,
    ContainerNotStarted,
    FailedMount,
    Unschedulable,
    ProbeFailing,
    MissingReference,
    ProgressDeadlineExceeded,
    NamespaceTerminating,
    ApiUnavailable,
    AwaitingDeletion,
    RollingOut,
    WaitingForDependency,
    Suspended,
    AllServicesReady,
    MinimumReplicasAvailable,
    ServiceUnavailable,
    Complete,
    AsExpected,
    Resolved,
    ResolvedWithWarnings,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Reason; 30] = [
        Reason::InvalidSpec,
        Reason::NameTaken,
        Reason::ImmutableField,
        Reason::FieldConflict,
        Reason::Rejected,
        Reason::Forbidden,
        Reason::QuotaExceeded,
        Reason::PodsNotCreated,
        Reason::ImagePullBackOff,
        Reason::CrashLoopBackOff,
        Reason::OutOfMemory,
        Reason::ContainerNotStarted,
        Reason::FailedMount,
        Reason::Unschedulable,
        Reason::ProbeFailing,
        Reason::MissingReference,
        Reason::ProgressDeadlineExceeded,
        Reason::NamespaceTerminating,
        Reason::ApiUnavailable,
        Reason::AwaitingDeletion,
        Reason::RollingOut,
        Reason::WaitingForDependency,
        Reason::Suspended,
        Reason::AllServicesReady,
        Reason::MinimumReplicasAvailable,
        Reason::ServiceUnavailable,
        Reason::Complete,
        Reason::AsExpected,
        Reason::Resolved,
        Reason::ResolvedWithWarnings,
    ];

    /// The reason as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::InvalidSpec => "InvalidSpec",
            Reason::NameTaken => "NameTaken",
            Reason::ImmutableField => "ImmutableField",
            Reason::FieldConflict => "FieldConflict",
            Reason::Rejected => "Rejected",
            Reason::Forbidden => "Forbidden",
            Reason::QuotaExceeded => "QuotaExceeded",
            Reason::PodsNotCreated => "PodsNotCreated",
            Reason::ImagePullBackOff => "ImagePullBackOff",
            Reason::CrashLoopBackOff => "CrashLoopBackOff",
            Reason::OutOfMemory => "OutOfMemory",
            Reason::ContainerNotStarted => "ContainerNotStarted",
            Reason::FailedMount => "FailedMount",
            Reason::Unschedulable => "Unschedulable",
            Reason::ProbeFailing => "ProbeFailing",
            Reason::MissingReference => "MissingReference",
            Reason::ProgressDeadlineExceeded => "ProgressDeadlineExceeded",
            Reason::NamespaceTerminating => "NamespaceTerminating",
            Reason::ApiUnavailable => "ApiUnavailable",
            Reason::AwaitingDeletion => "AwaitingDeletion",
            Reason::RollingOut => "RollingOut",
            Reason::WaitingForDependency => "WaitingForDependency",
            Reason::Suspended => "Suspended",
            Reason::AllServicesReady => "AllServicesReady",
            Reason::MinimumReplicasAvailable => "MinimumReplicasAvailable",
            Reason::ServiceUnavailable => "ServiceUnavailable",
            Reason::Complete => "Complete",
            Reason::AsExpected => "AsExpected",
            Reason::Resolved => "Resolved",
            Reason::ResolvedWithWarnings => "ResolvedWithWarnings",
        }
    }

    /// Place in the order in which causes are told.
    pub(super) fn rank(self) -> usize {
        Reason::ALL.iter().position(|reason| *reason == self).unwrap_or(usize::MAX)
    }

    /// Whether something is broken, rather than on its way.
    pub(super) fn is_broken(self) -> bool {
        self.rank() < Reason::NamespaceTerminating.rank()
    }

    /// Whether nothing gets better until somebody acts.
    pub(super) fn is_stalled(self) -> bool {
        use Reason::{
            FieldConflict, Forbidden, ImmutableField, InvalidSpec, NameTaken, ProgressDeadlineExceeded,
            QuotaExceeded, Rejected,
        };
        matches!(
            self,
            InvalidSpec
                | NameTaken
                | ImmutableField
                | FieldConflict
                | Rejected
                | Forbidden
                | QuotaExceeded
                | ProgressDeadlineExceeded
        )
    }
}
