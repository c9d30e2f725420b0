//! Operations: probes, drains, memory, autoscaling, images.

use k8s_openapi::api::autoscaling::v2::{MetricSpec, MetricTarget};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::System;
use super::finding::{Check, Finding};
use crate::graph::{Budget, Image, Scaling, Service};

/// Every service, by what can go wrong with it.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    let checks: [fn(&Service) -> Option<Finding>; 5] =
        [unpinned_image, missing_probes, blocked_drain, missing_memory_limit, autoscaling_without_request];
    let services = system.app.services.iter();
    services.flat_map(|service| checks.into_iter().filter_map(move |check| check(service))).collect()
}

/// Where a setting comes from, or the service when nobody wrote it.
fn origin<'a>(service: &'a Service, field: &str) -> &'a str {
    service.settings.origins.get(field).unwrap_or(&service.path)
}

fn unpinned_image(service: &Service) -> Option<Finding> {
    let image = Image::parse(&service.image).ok().filter(|image| image.digest.is_none())?;
    let why = match image.tag {
        None => "has no tag, which means latest",
        Some("latest") => "can be another version after every restart",
        Some(_) => return None,
    };
    let message = format!("{:?} {why}; name a version or a digest", service.image);
    Some(Finding::new(Check::UnpinnedImage, &format!("{}.image", service.path), &service.name, message))
}

fn missing_probes(service: &Service) -> Option<Finding> {
    let missing = !service.ports.is_empty() && service.settings.probes.readiness.is_none();
    missing.then(|| {
        let message = format!(
            "{} has ports and no readiness probe, so it gets traffic before it is ready; give probes",
            service.name
        );
        Finding::new(Check::MissingProbes, origin(service, "probes"), &service.name, message)
    })
}

/// A budget that lets no pod go at the smallest number of pods.
fn blocked_drain(service: &Service) -> Option<Finding> {
    let pods = i64::from(match &service.settings.scaling {
        Scaling::Unset => 1,
        Scaling::Fixed(replicas) => *replicas,
        Scaling::Auto(spec) => spec.min_replicas.unwrap_or(1),
    });
    let blocks = match service.settings.budget.as_ref()? {
        Budget::MaxUnavailable(most) => of_pods(most, pods) == 0,
        Budget::MinAvailable(least) => of_pods(least, pods) >= pods,
    };
    let told = match pods {
        ..1 => return None,
        1 => "its only pod; run two, or leave out the budget".to_owned(),
        _ => format!("all of its {pods} pods; let one go (maxUnavailable: 1)"),
    };
    blocks.then(|| {
        let message = format!("no node that runs {} can be drained: the budget keeps {told}", service.name);
        Finding::new(Check::BlockedDrain, origin(service, "disruptionBudget"), &service.name, message)
    })
}

/// Kubernetes rounds percentages of a budget up
/// (<https://kubernetes.io/docs/tasks/run-application/configure-pdb/#rounding-logic-when-specifying-percentages>).
fn of_pods(amount: &IntOrString, pods: i64) -> i64 {
    match amount {
        IntOrString::Int(number) => i64::from(*number),
        IntOrString::String(text) => {
            let percent: i32 = text.trim_end_matches('%').parse().unwrap_or_default();
            (i64::from(percent) * pods + 99) / 100
        }
    }
}

fn missing_memory_limit(service: &Service) -> Option<Finding> {
    let limits = service.settings.resources.limits.as_ref();
    let limited = limits.is_some_and(|limits| limits.contains_key("memory"));
    (!limited).then(|| {
        let message = format!("{} may take all memory of its node; give limits.memory", service.name);
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
    let mut missing: Vec<&str> =
        spec.metrics.iter().flatten().filter_map(measured_in_percent).filter(|name| !known(name)).collect();
    missing.sort_unstable();
    missing.dedup();
    (!missing.is_empty()).then(|| {
        let what = missing.join(" and ");
        let fields: Vec<String> = missing.iter().map(|name| format!("requests.{name}")).collect();
        let message = format!(
            "{} scales by {what} in percent of a request that it does not make; give {}",
            service.name,
            fields.join(" and ")
        );
        Finding::new(Check::AutoscalingWithoutRequest, origin(service, "autoscaling"), &service.name, message)
    })
}

/// The resource whose use a metric measures in percent of the request.
fn measured_in_percent(metric: &MetricSpec) -> Option<&str> {
    let of_pod = metric.resource.as_ref().map(|one| (one.name.as_str(), &one.target));
    let of_container = metric.container_resource.as_ref().map(|one| (one.name.as_str(), &one.target));
    let in_percent = |target: &MetricTarget| target.average_utilization.is_some();
    of_pod.or(of_container).filter(|(_, target)| in_percent(target)).map(|(name, _)| name)
}
