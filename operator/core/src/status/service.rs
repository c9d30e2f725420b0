//! How each service is.

use msapp_crds::v1alpha1::ServiceStatus;

use super::cause::{self, Cause};
use super::{Failure, FailureKind, Reason};
use crate::desired::{ChildKey, ChildKind};
use crate::graph::{App, Service};
use crate::observed::{Observed, Pod, Workload};
use crate::plan::{Action, Awaited, Plan, Refusal, Step, waits_for};

/// A service: what the status says of it, and why.
pub(super) struct Seen {
    pub status: ServiceStatus,
    /// Nothing when it is ready.
    pub cause: Option<Cause>,
}

impl Seen {
    pub(super) fn name(&self) -> &str {
        &self.status.name
    }

    /// Nobody starts it, so it is not coming up either.
    fn leave_alone(&mut self) {
        self.cause = Some(Cause::new(Reason::Suspended, ""));
        self.status.reason = Some(Reason::Suspended.as_str().to_owned());
        self.status.message = None;
    }

    /// Whether it should have pods, and none of them is ready, of whatever version.
    pub(super) fn is_down(&self) -> bool {
        self.status.ready == 0 && self.status.desired > 0
    }
}

/// The services, sorted by name.
pub(super) fn services(app: &App, plan: &Plan, failures: &[Failure], observed: &Observed) -> Vec<Seen> {
    let mut services: Vec<Seen> =
        app.services.iter().map(|service| of_service(service, plan, failures, observed)).collect();
    for service in services.iter_mut().filter(|service| app.suspended && !service.status.started) {
        service.leave_alone();
    }
    services
}

fn of_service(service: &Service, plan: &Plan, failures: &[Failure], observed: &Observed) -> Seen {
    let key = ChildKey::new(ChildKind::Deployment, &service.name);
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.service == service.name).collect();
    let workload = observed.children.get(&key).and_then(|child| child.workload.as_ref());
    let awaited = awaited(&steps);
    let cause = refused(&steps)
        .or_else(|| failed(service, failures))
        .or_else(|| waiting(&awaited))
        .or_else(|| unready(service, workload, observed));
    let status = ServiceStatus {
        name: service.name.clone(),
        ready: workload.map(|workload| workload.ready).unwrap_or_default(),
        desired: service.settings.scaling.wanted(workload.map(|workload| workload.replicas)),
        image: service.image.clone(),
        reason: cause.as_ref().map(|cause| cause.reason.as_str().to_owned()),
        message: cause.as_ref().and_then(Cause::message),
        started: observed.started.contains(&service.name),
        waiting_for: awaited.iter().map(ToString::to_string).collect(),
    };
    Seen { status, cause }
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
        Action::Refuse(refusal) => {
            let reason = match refusal {
                Refusal::Foreign(_) | Refusal::OtherApp(_) => Reason::NameTaken,
                Refusal::Immutable(_) => Reason::ImmutableField,
            };
            Some(Cause::new(reason, refusal.told_of(&step.key)))
        }
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
    if awaited.is_empty() {
        return None;
    }
    let missing = awaited.iter().any(|awaited| matches!(awaited, Awaited::Reference(_)));
    let reason = if missing { Reason::MissingReference } else { Reason::WaitingForDependency };
    Some(Cause::new(reason, waits_for(awaited.iter().copied())))
}

/// Nothing when all its pods are up.
fn unready(service: &Service, workload: Option<&Workload>, observed: &Observed) -> Option<Cause> {
    let coming_up = Cause::new(Reason::RollingOut, "");
    let Some(workload) = workload else {
        return Some(coming_up);
    };
    if service.settings.scaling.is_met(workload) {
        return None;
    }
    let pods: Vec<&Pod> = observed.pods.iter().filter(|pod| pod.service == service.name).collect();
    Some(cause::of_workload(workload, &pods).unwrap_or(coming_up))
}
