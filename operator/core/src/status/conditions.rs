//! The conditions of the resource.
//!
//! Ready, Available, Progressing, Degraded and GraphValid are always there; Reconciling and Stalled only while they
//! are true, and never both, as kstatus reads them
//! (<https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus>).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::first_cause::{FirstCause, few, first_cause};
use super::service::Seen;
use super::{Facts, Outcome, Reason};
use crate::graph::App;
use crate::violation::{Code, Severity, Violation, Violations};

/// Longest message of a condition.
const LONGEST: usize = 2000;
/// Letters of a message that are kept for how many mistakes more there are.
const COUNT: usize = 20;

/// Type of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// Everything the app declares is up at this generation.
    Ready,
    /// Every service has a pod that is up, of whatever version.
    Available,
    /// Something is still coming up.
    Progressing,
    /// Something is broken.
    Degraded,
    /// The resource makes sense.
    GraphValid,
    /// The operator or the cluster is at work (kstatus).
    Reconciling,
    /// Nothing will get better until somebody acts (kstatus).
    Stalled,
}

impl ConditionType {
    /// The type as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ConditionType::Ready => "Ready",
            ConditionType::Available => "Available",
            ConditionType::Progressing => "Progressing",
            ConditionType::Degraded => "Degraded",
            ConditionType::GraphValid => "GraphValid",
            ConditionType::Reconciling => "Reconciling",
            ConditionType::Stalled => "Stalled",
        }
    }
}

/// A condition before its time of transition is known.
struct Verdict {
    kind: ConditionType,
    status: &'static str,
    reason: Reason,
    message: String,
}

impl Verdict {
    fn new(kind: ConditionType, status: &'static str, reason: Reason, message: impl Into<String>) -> Self {
        Self { kind, status, reason, message: message.into() }
    }
}

/// All conditions, in a fixed order.
pub(super) fn conditions(facts: &Facts<'_>, services: &[Seen]) -> Vec<Condition> {
    match facts.outcome {
        Outcome::Invalid(violations) => invalid(facts, violations),
        Outcome::Valid { app, .. } => dated(facts, valid(app, services)),
    }
}

/// The resource is wrong: what runs keeps running, so what was said of it stands.
fn invalid(facts: &Facts<'_>, violations: &Violations) -> Vec<Condition> {
    let errors = violations.errors().cloned().collect();
    let message = as_many_as_fit(&errors);
    let kept = |kind: ConditionType| {
        let previous = facts.previous.and_then(|previous| find(&previous.conditions, kind));
        previous
            .cloned()
            .map(|condition| Condition { observed_generation: Some(facts.source.generation), ..condition })
    };
    use ConditionType::{Available, Degraded, GraphValid, Progressing, Ready, Stalled};
    let nothing_written = |kind| Verdict::new(kind, "False", Reason::InvalidSpec, "nothing was written");
    let available = kept(Available)
        .map_or_else(|| dated(facts, vec![nothing_written(Available)]), |condition| vec![condition]);
    let mut conditions = dated(facts, vec![Verdict::new(Ready, "False", Reason::InvalidSpec, &message)]);
    conditions.extend(available);
    conditions.extend(dated(
        facts,
        vec![
            nothing_written(Progressing),
            Verdict::new(Degraded, "True", Reason::InvalidSpec, &message),
            Verdict::new(GraphValid, "False", Reason::InvalidSpec, &message),
            Verdict::new(Stalled, "True", Reason::InvalidSpec, &message),
        ],
    ));
    conditions
}

/// The mistakes in full, as many as a message holds, and how many more there are; at least one.
fn as_many_as_fit(violations: &Violations) -> String {
    let mut message = String::new();
    for (told, violation) in violations.iter().map(ToString::to_string).enumerate() {
        if told > 0 && message.chars().count() + violation.chars().count() > LONGEST - COUNT {
            return format!("{message}; and {} more", violations.len() - told);
        }
        let separator = if told > 0 { "; " } else { "" };
        message = format!("{message}{separator}{violation}");
    }
    message
}

fn valid(app: &App, services: &[Seen]) -> Vec<Verdict> {
    let broken = first_cause(app, services, Reason::is_broken);
    let first = broken.clone().or_else(|| first_cause(app, services, |_| true));
    let mut verdicts = vec![
        ready(app, services, first.as_ref()),
        available(services),
        progressing(app, services),
        match broken {
            Some(cause) => Verdict::new(ConditionType::Degraded, "True", cause.reason, cause.sentence),
            None => Verdict::new(ConditionType::Degraded, "False", Reason::AsExpected, ""),
        },
        graph_valid(app),
    ];
    if let Some(first) = first.filter(|_| !app.suspended) {
        verdicts.push(stalled(app, services).unwrap_or_else(|| {
            Verdict::new(ConditionType::Reconciling, "True", first.reason, first.sentence)
        }));
    }
    verdicts
}

/// The graph makes sense; what the checks warn of, and what the operator may not look at, is said.
fn graph_valid(app: &App) -> Verdict {
    let warns = |violation: &&Violation| violation.code.severity() == Severity::Warning;
    let warnings: Violations = app.findings.iter().filter(warns).cloned().collect();
    let unread = app.secrets_unread.then_some("Secrets are not read, so a changed one restarts nothing");
    let mut told: Vec<String> = unread.into_iter().map(str::to_owned).collect();
    if warnings.is_empty() {
        return Verdict::new(ConditionType::GraphValid, "True", Reason::Resolved, told.concat());
    }
    told.extend(one_of_each(&warnings));
    Verdict::new(ConditionType::GraphValid, "True", Reason::ResolvedWithWarnings, told.join("; "))
}

/// The first warning of each kind, and how many more there are of it.
fn one_of_each(warnings: &Violations) -> Vec<String> {
    let mut kinds: BTreeMap<Code, Vec<&Violation>> = BTreeMap::new();
    for warning in warnings.iter() {
        kinds.entry(warning.code).or_default().push(warning);
    }
    let told = kinds.into_iter().map(|(code, all)| {
        let more = if all.len() > 1 { format!(" (and {} more)", all.len() - 1) } else { String::new() };
        format!("{}{more}: {}", code.as_str(), all[0])
    });
    told.collect()
}

/// One service that nobody but a person can mend is enough, whatever else is broken or on its way.
fn stalled(app: &App, services: &[Seen]) -> Option<Verdict> {
    let cause = first_cause(app, services, Reason::is_stalled)?;
    Some(Verdict::new(ConditionType::Stalled, "True", cause.reason, cause.sentence))
}

fn ready(app: &App, services: &[Seen], first: Option<&FirstCause>) -> Verdict {
    let count = super::summary_of(services);
    match first {
        _ if app.suspended => {
            let message = "suspended: the operator leaves every object of this app alone";
            Verdict::new(ConditionType::Ready, "Unknown", Reason::Suspended, message)
        }
        None => {
            let message = format!("{count} services are ready");
            Verdict::new(ConditionType::Ready, "True", Reason::AllServicesReady, message)
        }
        Some(cause) => {
            let message = format!("{count}: {}", cause.sentence);
            Verdict::new(ConditionType::Ready, "False", cause.reason, message)
        }
    }
}

fn available(services: &[Seen]) -> Verdict {
    let down = named(services, Seen::is_down);
    if down.is_empty() {
        return Verdict::new(ConditionType::Available, "True", Reason::MinimumReplicasAvailable, "");
    }
    let message = format!("no pod is up: {}", few(&down));
    Verdict::new(ConditionType::Available, "False", Reason::ServiceUnavailable, message)
}

fn progressing(app: &App, services: &[Seen]) -> Verdict {
    let moving =
        named(services, |service| service.cause.as_ref().is_some_and(|cause| !cause.reason.is_broken()));
    if moving.is_empty() || app.suspended {
        return Verdict::new(ConditionType::Progressing, "False", Reason::Complete, "");
    }
    let message = format!("coming up: {}", few(&moving));
    Verdict::new(ConditionType::Progressing, "True", Reason::RollingOut, message)
}

fn named(services: &[Seen], choose: impl Fn(&Seen) -> bool) -> Vec<String> {
    services.iter().filter(|service| choose(service)).map(|service| service.name().to_owned()).collect()
}

fn find(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// The time of transition is that of the last change of `status`, so equal facts make equal conditions.
fn dated(facts: &Facts<'_>, verdicts: Vec<Verdict>) -> Vec<Condition> {
    verdicts
        .into_iter()
        .map(|verdict| {
            let previous = facts.previous.and_then(|previous| find(&previous.conditions, verdict.kind));
            let since = previous.filter(|previous| previous.status == verdict.status);
            Condition {
                type_: verdict.kind.as_str().to_owned(),
                status: verdict.status.to_owned(),
                reason: verdict.reason.as_str().to_owned(),
                message: shortened(verdict.message),
                observed_generation: Some(facts.source.generation),
                last_transition_time: since
                    .map_or_else(|| Time(facts.now), |previous| previous.last_transition_time.clone()),
            }
        })
        .collect()
}

fn shortened(message: String) -> String {
    if message.chars().count() <= LONGEST {
        return message;
    }
    message.chars().take(LONGEST - 1).chain(['…']).collect()
}
