//! The conditions of the resource.
//!
//! Ready, Available, Progressing, Degraded and GraphValid are always there; Reconciling and Stalled only while they
//! are true, and never both, as kstatus reads them
//! (<https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus>).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use msapp_crds::v1alpha1::ServiceStatus;

use super::service::is_ready;
use super::{Facts, Outcome, Reason};
use crate::graph::App;
use crate::violation::Violations;

/// Longest message of a condition.
const LONGEST: usize = 2000;
/// Mistakes that are told one by one.
const TOLD: usize = 20;
/// Blocked services that are named.
const NAMED: usize = 5;

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
pub(super) fn conditions(facts: &Facts<'_>, services: &[ServiceStatus]) -> Vec<Condition> {
    match facts.outcome {
        Outcome::Invalid(violations) => invalid(facts, violations),
        Outcome::Valid { app, .. } => dated(facts, valid(app, services)),
    }
}

/// The resource is wrong: what runs keeps running, so what was said of it stands.
fn invalid(facts: &Facts<'_>, violations: &Violations) -> Vec<Condition> {
    let told: Vec<String> = violations.iter().take(TOLD).map(ToString::to_string).collect();
    let more = violations.len().saturating_sub(TOLD);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    let message = format!("{}{rest}", told.join("; "));
    let kept = |kind: ConditionType| {
        let previous = facts.previous.and_then(|previous| find(&previous.conditions, kind));
        previous
            .cloned()
            .map(|condition| Condition { observed_generation: Some(facts.source.generation), ..condition })
    };
    use ConditionType::{Available, Degraded, GraphValid, Progressing, Ready, Stalled};
    let unknown = |kind| Verdict::new(kind, "False", Reason::InvalidSpec, "nothing was written");
    let available =
        kept(Available).map_or_else(|| dated(facts, vec![unknown(Available)]), |condition| vec![condition]);
    let mut conditions = dated(facts, vec![Verdict::new(Ready, "False", Reason::InvalidSpec, &message)]);
    conditions.extend(available);
    conditions.extend(dated(
        facts,
        vec![
            unknown(Progressing),
            Verdict::new(Degraded, "True", Reason::InvalidSpec, &message),
            Verdict::new(GraphValid, "False", Reason::InvalidSpec, &message),
            Verdict::new(Stalled, "True", Reason::InvalidSpec, &message),
        ],
    ));
    conditions
}

fn valid(app: &App, services: &[ServiceStatus]) -> Vec<Verdict> {
    use ConditionType::{Degraded, GraphValid, Progressing, Reconciling, Stalled};
    let unread =
        if app.secrets_unread { "Secrets are not read, so a changed one restarts nothing" } else { "" };
    let graph = Verdict::new(GraphValid, "True", Reason::Resolved, unread);
    let first = first_cause(app, services);
    let mut verdicts = vec![ready(app, services, first.as_ref()), available(services)];
    let broken = first.as_ref().filter(|cause| cause.reason.is_broken());
    let moving: Vec<&str> = services
        .iter()
        .filter(|service| reason_of(service).is_some_and(|reason| !reason.is_broken()))
        .map(|service| service.name.as_str())
        .collect();
    verdicts.push(if moving.is_empty() || app.suspended {
        Verdict::new(Progressing, "False", Reason::Complete, "")
    } else {
        Verdict::new(Progressing, "True", Reason::RollingOut, format!("coming up: {}", few(&moving)))
    });
    verdicts.push(match broken {
        Some(cause) => Verdict::new(Degraded, "True", cause.reason, &cause.sentence),
        None => Verdict::new(Degraded, "False", Reason::AsExpected, ""),
    });
    verdicts.push(graph);
    if let Some(cause) = first.filter(|_| !app.suspended) {
        let kind = if cause.reason.is_stalled() { Stalled } else { Reconciling };
        verdicts.push(Verdict::new(kind, "True", cause.reason, cause.sentence));
    }
    verdicts
}

fn ready(app: &App, services: &[ServiceStatus], first: Option<&FirstCause>) -> Verdict {
    let (count, total) = (services.iter().filter(|service| is_ready(service)).count(), services.len());
    match first {
        _ if app.suspended => {
            let message = "suspended: the operator leaves every object of this app alone";
            Verdict::new(ConditionType::Ready, "Unknown", Reason::Suspended, message)
        }
        None => {
            let message = format!("{count}/{total} services are ready");
            Verdict::new(ConditionType::Ready, "True", Reason::AllServicesReady, message)
        }
        Some(cause) => {
            let message = format!("{count}/{total}: {}", cause.sentence);
            Verdict::new(ConditionType::Ready, "False", cause.reason, message)
        }
    }
}

fn available(services: &[ServiceStatus]) -> Verdict {
    let down: Vec<&str> = services
        .iter()
        .filter(|service| service.ready == 0 && service.desired > 0)
        .map(|service| service.name.as_str())
        .collect();
    if down.is_empty() {
        return Verdict::new(ConditionType::Available, "True", Reason::MinimumReplicasAvailable, "");
    }
    let message = format!("no pod is up: {}", few(&down));
    Verdict::new(ConditionType::Available, "False", Reason::ServiceUnavailable, message)
}

fn reason_of(service: &ServiceStatus) -> Option<Reason> {
    service.reason.as_deref().and_then(Reason::parse)
}

/// The first broken thing, or else the first that is on its way.
struct FirstCause {
    reason: Reason,
    sentence: String,
}

/// Among the services with a cause of their own the one that depends on no other such; symptoms downstream are what
/// it blocks.
fn first_cause(app: &App, services: &[ServiceStatus]) -> Option<FirstCause> {
    let unready: BTreeMap<&str, (Reason, &ServiceStatus)> = services
        .iter()
        .filter_map(|service| reason_of(service).map(|reason| (service.name.as_str(), (reason, service))))
        .collect();
    let any_broken = unready.values().any(|(reason, _)| reason.is_broken());
    let candidates = unready.iter().filter(|(_, (reason, _))| reason.is_broken() == any_broken);
    let (name, (reason, service)) = candidates.min_by_key(|(name, (reason, _))| {
        let needs = reachable(app, name, needs).into_iter().filter(|needed| {
            unready.get(needed.as_str()).is_some_and(|(reason, _)| reason.is_broken() == any_broken)
        });
        (needs.count(), reason.rank(), **name)
    })?;
    let what = service
        .message
        .as_ref()
        .map_or_else(|| reason.as_str().to_owned(), |message| format!("{}: {message}", reason.as_str()));
    let blocked: Vec<String> = reachable(app, name, needed_by).into_iter().collect();
    let blocked: Vec<&str> = blocked.iter().map(String::as_str).collect();
    // While pods of an older version serve, nobody is blocked.
    let is_down = reason.is_broken() && service.ready == 0;
    let blocks =
        if blocked.is_empty() || !is_down { String::new() } else { format!("; blocks {}", few(&blocked)) };
    Some(FirstCause { reason: *reason, sentence: format!("{name}: {what}{blocks}") })
}

/// Everything that can be reached over edges that are not optional, the start itself apart.
fn reachable(app: &App, start: &str, next: fn(&App, &str) -> Vec<String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(name) = open.pop() {
        for other in next(app, &name) {
            if other != start && seen.insert(other.clone()) {
                open.push(other);
            }
        }
    }
    seen
}

fn needs(app: &App, name: &str) -> Vec<String> {
    let edges = app.service(name).into_iter().flat_map(|service| &service.edges);
    edges
        .filter(|edge| !edge.optional && app.service(&edge.name).is_some())
        .map(|edge| edge.name.clone())
        .collect()
}

fn needed_by(app: &App, name: &str) -> Vec<String> {
    let needing =
        |caller: &&crate::graph::Caller| needs(app, &caller.service).iter().any(|needed| needed == name);
    let callers = app.service(name).into_iter().flat_map(|service| &service.callers);
    callers.filter(needing).map(|caller| caller.service.clone()).collect()
}

fn few(names: &[&str]) -> String {
    let named = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{named} and {} more", names.len() - NAMED) } else { named }
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
                message: verdict.message.chars().take(LONGEST).collect(),
                observed_generation: Some(facts.source.generation),
                last_transition_time: since
                    .map_or_else(|| Time(facts.now), |previous| previous.last_transition_time.clone()),
            }
        })
        .collect()
}
