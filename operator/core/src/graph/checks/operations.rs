//! Operations: probes, drains, memory, autoscaling, images.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Limits;
use super::finding::{Check, Finding};
use crate::graph::{App, Budget, Image, Scaling, Service};

/// Every service, by what can go wrong with it.
pub(super) fn findings(app: &App, _: &Limits) -> Vec<Finding> {
    let checks: [fn(&Service) -> Option<Finding>; 5] =
        [unpinned_image, missing_probes, blocked_drain, missing_memory_limit, autoscaling_without_request];
    app.services
        .iter()
        .flat_map(|service| checks.into_iter().filter_map(move |check| check(service)))
        .collect()
}

/// Where a setting comes from, or the service when nobody wrote it.
fn origin<'a>(service: &'a Service, field: &str) -> &'a str {
    service.settings.origins.get(field).unwrap_or(&service.path)
}

fn unpinned_image(service: &Service) -> Option<Finding> {
    let image = Image::parse(&service.image).ok().filter(|image| image.digest.is_none())?;
    let message = match image.tag {
        None => format!("{:?} has no tag, so nobody knows which version runs", service.image),
        Some("latest") => format!("{:?} can be another version after every restart", service.image),
        Some(_) => return None,
    };
    Some(Finding::new(Check::UnpinnedImage, &format!("{}.image", service.path), &service.name, message))
}

fn missing_probes(service: &Service) -> Option<Finding> {
    let missing = !service.ports.is_empty() && service.settings.probes.readiness.is_none();
    missing.then(|| {
        let message = format!(
            "{} has ports and no readiness probe, so it gets traffic before it is ready",
            service.name
        );
        Finding::new(Check::MissingProbes, origin(service, "probes"), &service.name, message)
    })
}

/// A budget that lets no pod go at the smallest number of pods.
fn blocked_drain(service: &Service) -> Option<Finding> {
    let pods = match &service.settings.scaling {
        Scaling::Unset => 1,
        Scaling::Fixed(replicas) => *replicas,
        Scaling::Auto(spec) => spec.min_replicas.unwrap_or(1),
    };
    let blocks = match service.settings.budget.as_ref()? {
        Budget::MaxUnavailable(most) => of_pods(most, pods) == 0,
        Budget::MinAvailable(least) => of_pods(least, pods) >= pods,
    };
    (blocks && pods > 0).then(|| {
        let message = format!(
            "with {pods} of its pods {} the budget lets none go, so no node it runs on can be drained",
            if pods == 1 { "there is one, and" } else { "wanted," }
        );
        Finding::new(Check::BlockedDrain, origin(service, "disruptionBudget"), &service.name, message)
    })
}

/// Kubernetes rounds percentages of a budget up
/// (<https://kubernetes.io/docs/tasks/run-application/configure-pdb/#rounding-logic-when-specifying-percentages>).
fn of_pods(amount: &IntOrString, pods: i32) -> i32 {
    match amount {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i32 = text.trim_end_matches('%').parse().unwrap_or_default();
            (percent * pods + 99) / 100
        }
    }
}

fn missing_memory_limit(service: &Service) -> Option<Finding> {
    let limits = service.settings.resources.limits.as_ref();
    let limited = limits.is_some_and(|limits| limits.contains_key("memory"));
    (!limited).then(|| {
        let message = format!("{} may take all memory of its node", service.name);
        Finding::new(Check::MissingMemoryLimit, origin(service, "resources"), &service.name, message)
    })
}

/// The autoscaler measures in percent of the request; a limit alone becomes the request.
fn autoscaling_without_request(service: &Service) -> Option<Finding> {
    let Scaling::Auto(spec) = &service.settings.scaling else { return None };
    let resources = &service.settings.resources;
    let known = |name: &str| {
        [&resources.requests, &resources.limits]
            .iter()
            .any(|list| list.as_ref().is_some_and(|list| list.contains_key(name)))
    };
    let metrics = spec.metrics.iter().flatten();
    let measured = metrics
        .filter_map(|metric| metric.resource.as_ref())
        .filter(|metric| metric.target.average_utilization.is_some());
    let missing: Vec<&str> =
        measured.map(|metric| metric.name.as_str()).filter(|name| !known(name)).collect();
    (!missing.is_empty()).then(|| {
        let what = missing.join(" and ");
        let message =
            format!("{} scales by {what} in percent of a request that it does not make", service.name);
        Finding::new(Check::AutoscalingWithoutRequest, origin(service, "autoscaling"), &service.name, message)
    })
}
