//! How each service is.

use msapp_crds::v1alpha1::ServiceStatus;

use super::cause::{self, Cause};
use super::{Failure, FailureKind, Reason};
use crate::desired::{ChildKey, ChildKind};
use crate::graph::{App, Scaling, Service};
use crate::observed::{Observed, Pod, Workload};
use crate::plan::{Action, Awaited, Plan, Refusal, Step};

/// Whether a service is up: a service that is has no reason to tell.
pub(super) fn is_ready(service: &ServiceStatus) -> bool {
    service.reason.is_none()
}

/// The services, sorted by name.
pub(super) fn services(
    app: &App,
    plan: &Plan,
    failures: &[Failure],
    observed: &Observed,
) -> Vec<ServiceStatus> {
    app.services.iter().map(|service| of_service(service, plan, failures, observed)).collect()
}

fn of_service(service: &Service, plan: &Plan, failures: &[Failure], observed: &Observed) -> ServiceStatus {
    let key = ChildKey::new(ChildKind::Deployment, &service.name);
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.service == service.name).collect();
    let workload = observed.children.get(&key).and_then(|child| child.workload.as_ref());
    let pods: Vec<&Pod> = observed.pods.iter().filter(|pod| pod.service == service.name).collect();
    let awaited = awaited(&steps);
    let wanted = desired(service, workload);
    let cause = refused(&steps)
        .or_else(|| failed(service, failures))
        .or_else(|| waiting(&awaited))
        .or_else(|| workload.and_then(|workload| unready(workload, wanted, &pods)))
        .or_else(|| workload.is_none().then(|| Cause::new(Reason::RollingOut, "")));
    ServiceStatus {
        name: service.name.clone(),
        ready: workload.map(|workload| workload.ready).unwrap_or_default(),
        desired: wanted,
        image: service.image.clone(),
        reason: cause.as_ref().map(|cause| cause.reason.as_str().to_owned()),
        message: cause.map(|cause| cause.message).filter(|message| !message.is_empty()),
        waiting_for: awaited.iter().map(std::string::ToString::to_string).collect(),
    }
}

fn desired(service: &Service, workload: Option<&Workload>) -> i32 {
    let live = workload.map(|workload| workload.replicas);
    match &service.settings.scaling {
        Scaling::Fixed(replicas) => *replicas,
        Scaling::Unset => live.unwrap_or(1),
        // The autoscaler raises a new Deployment to its minimum at once, and leaves one of no pods alone.
        Scaling::Auto(spec) => match live {
            Some(0) => 0,
            live => live.unwrap_or_default().max(spec.min_replicas.unwrap_or(1)),
        },
    }
}

fn awaited<'a>(steps: &[&'a Step]) -> Vec<&'a Awaited> {
    steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Hold(awaited) => Some(awaited),
            _ => None,
        })
        .flatten()
        .collect()
}

fn refused(steps: &[&Step]) -> Option<Cause> {
    steps.iter().find_map(|step| match &step.action {
        Action::Refuse(Refusal::Foreign(whose)) => Some(Cause::new(
            Reason::NameTaken,
            format!("{} exists already and belongs to {whose}; it is never adopted: rename the service or remove the object", step.key),
        )),
        Action::Refuse(Refusal::OtherApp(app)) => Some(Cause::new(
            Reason::NameTaken,
            format!("{} belongs to the MicroserviceApp {app} of the same namespace; rename the service", step.key),
        )),
        Action::Refuse(Refusal::Immutable(field)) => Some(Cause::new(
            Reason::ImmutableField,
            format!("{field} of {} cannot change: delete the {} and it is made anew", step.key, step.key.kind),
        )),
        Action::AwaitDeletion => Some(Cause::new(
            Reason::AwaitingDeletion,
            format!("{} of a predecessor is still being deleted", step.key),
        )),
        _ => None,
    })
}

fn failed(service: &Service, failures: &[Failure]) -> Option<Cause> {
    let of_service = failures.iter().filter(|failure| failure.service == service.name);
    of_service.min_by_key(|failure| (failure.kind, failure.key.clone())).map(|failure| {
        let reason = match failure.kind {
            FailureKind::FieldConflict => Reason::FieldConflict,
            FailureKind::QuotaExceeded => Reason::QuotaExceeded,
            FailureKind::Forbidden => Reason::Forbidden,
            FailureKind::Rejected => Reason::Rejected,
            FailureKind::NamespaceTerminating => Reason::NamespaceTerminating,
            FailureKind::Transient => Reason::ApiUnavailable,
        };
        Cause::new(reason, format!("{}: {}", failure.key, failure.message))
    })
}

fn waiting(awaited: &[&Awaited]) -> Option<Cause> {
    let names: Vec<String> = awaited.iter().map(std::string::ToString::to_string).collect();
    if awaited.iter().any(|awaited| matches!(awaited, Awaited::Reference(_))) {
        return Some(Cause::new(Reason::MissingReference, format!("waits for {}", names.join(", "))));
    }
    (!names.is_empty())
        .then(|| Cause::new(Reason::WaitingForDependency, format!("waits for {}", names.join(", "))))
}

/// Nothing when all pods of this version, and no others, are up. The Deployment controller's own rule
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#complete-deployment>).
fn unready(workload: &Workload, wanted: i32, pods: &[&Pod]) -> Option<Cause> {
    let seen = workload.observed_generation >= workload.generation;
    let complete = workload.updated >= workload.replicas
        && workload.current <= workload.updated
        && workload.available >= workload.replicas
        // The autoscaler has not come to it yet.
        && workload.replicas >= wanted;
    if seen && complete {
        return None;
    }
    cause::of_workload(workload, pods).or_else(|| Some(Cause::new(Reason::RollingOut, "")))
}
