//! Number of pods by load: what is written, as a HorizontalPodAutoscaler spec.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricSource, CrossVersionObjectReference, ExternalMetricSource, HPAScalingPolicy,
    HPAScalingRules, HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, MetricIdentifier,
    MetricSpec, MetricTarget, ObjectMetricSource, PodsMetricSource, ResourceMetricSource,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Stored;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use msapp_crds::v1alpha1::{
    Autoscaling, ContainerResourceMetric, ExternalMetric, Metric, ObjectMetric, PodsMetric,
    Quantity as WrittenQuantity, ResourceName, ScalingPolicyType, ScalingRules, SelectPolicy,
};

use super::exclusive::exactly_one;
use super::inherit::Written;
use super::tags::{is_label_key, is_label_value};
use crate::name;
use crate::scalar::{Quantity, milliseconds};
use crate::violation::{Code, Violation, Violations, field_path};

/// Percent of the CPU request when no metric is given.
const USUAL_CPU: i32 = 80;
/// Longest stabilisation window, and longest period of a policy, in seconds (autoscaling/v2 validation).
const LONGEST_WINDOW: i64 = 3600;
const LONGEST_PERIOD: i64 = 1800;

/// The spec; its `scaleTargetRef` is filled in when the object is built.
pub(super) fn resolve(
    written: &Written<'_, Autoscaling>,
    violations: &mut Violations,
) -> HorizontalPodAutoscalerSpec {
    let (autoscaling, path) = (written.value, &written.path);
    let least = autoscaling.min_replicas.unwrap_or(1);
    if least > autoscaling.max_replicas {
        let message = format!("minReplicas {least} is more than maxReplicas {}", autoscaling.max_replicas);
        violations.push(Violation::new(format!("{path}.minReplicas"), Code::InvalidValue, message));
    }
    let mut metrics: Vec<MetricSpec> = resource_metrics(autoscaling);
    for (index, metric) in autoscaling.metrics.iter().enumerate() {
        metrics.extend(metric_spec(metric, &format!("{path}.metrics[{index}]"), violations));
    }
    let mut direction = |rules: &Option<ScalingRules>, field: &str| {
        rules.as_ref().map(|rules| rules_spec(rules, &format!("{path}.behavior.{field}"), violations))
    };
    let behavior = autoscaling.behavior.as_ref().map(|behavior| HorizontalPodAutoscalerBehavior {
        scale_up: direction(&behavior.scale_up, "scaleUp"),
        scale_down: direction(&behavior.scale_down, "scaleDown"),
    });
    HorizontalPodAutoscalerSpec {
        min_replicas: Some(least),
        max_replicas: autoscaling.max_replicas,
        metrics: Some(metrics),
        behavior: behavior.filter(|behavior| behavior.scale_up.is_some() || behavior.scale_down.is_some()),
        ..HorizontalPodAutoscalerSpec::default()
    }
}

fn resource_metrics(autoscaling: &Autoscaling) -> Vec<MetricSpec> {
    let nothing = autoscaling.cpu.is_none() && autoscaling.memory.is_none() && autoscaling.metrics.is_empty();
    let cpu = autoscaling.cpu.or(nothing.then_some(USUAL_CPU)).map(|percent| ("cpu", percent));
    let memory = autoscaling.memory.map(|percent| ("memory", percent));
    cpu.into_iter()
        .chain(memory)
        .map(|(name, percent)| MetricSpec {
            resource: Some(ResourceMetricSource { name: name.to_owned(), target: utilization(percent) }),
            ..of_type("Resource")
        })
        .collect()
}

fn metric_spec(metric: &Metric, path: &str, violations: &mut Violations) -> Option<MetricSpec> {
    let given = [
        ("containerResource", metric.container_resource.is_some()),
        ("pods", metric.pods.is_some()),
        ("object", metric.object.is_some()),
        ("external", metric.external.is_some()),
    ];
    if !exactly_one(&given, path, violations) {
        return None;
    }
    let (field, _) = given.into_iter().find(|(_, is_given)| *is_given)?;
    let path = format!("{path}.{field}");
    let container =
        metric.container_resource.as_ref().and_then(|written| container_metric(written, &path, violations));
    let pods = metric.pods.as_ref().map(|written| pods_metric(written, &path, violations));
    let object = metric.object.as_ref().and_then(|written| object_metric(written, &path, violations));
    let external = metric.external.as_ref().and_then(|written| external_metric(written, &path, violations));
    container.or(pods).or(object).or(external)
}

fn container_metric(
    written: &ContainerResourceMetric,
    path: &str,
    violations: &mut Violations,
) -> Option<MetricSpec> {
    if written.container != name::CONTAINER {
        let message = format!("the container of a service is called {:?}", name::CONTAINER);
        violations.push(Violation::new(format!("{path}.container"), Code::InvalidValue, message));
    }
    let (percent, value) = (written.average_utilization, written.average_value.as_ref());
    let given = [("averageUtilization", percent.is_some()), ("averageValue", value.is_some())];
    if !exactly_one(&given, path, violations) {
        return None;
    }
    let target = match value {
        Some(value) => average(positive(value, &format!("{path}.averageValue"), violations)),
        None => utilization(percent?),
    };
    let name = if written.resource == ResourceName::CPU { "cpu" } else { "memory" }.to_owned();
    let source = ContainerResourceMetricSource { container: written.container.clone(), name, target };
    Some(MetricSpec { container_resource: Some(source), ..of_type("ContainerResource") })
}

fn pods_metric(written: &PodsMetric, path: &str, violations: &mut Violations) -> MetricSpec {
    let metric = identifier(&written.name, &written.selector, path, violations);
    let value = positive(&written.average_value, &format!("{path}.averageValue"), violations);
    MetricSpec { pods: Some(PodsMetricSource { metric, target: average(value) }), ..of_type("Pods") }
}

fn object_metric(written: &ObjectMetric, path: &str, violations: &mut Violations) -> Option<MetricSpec> {
    let object = &written.object;
    let described_object = CrossVersionObjectReference {
        api_version: Some(object.api_version.clone()),
        kind: object.kind.clone(),
        name: object.name.clone(),
    };
    if object.api_version.matches('/').count() > 1 {
        let message = format!("{:?} is no apiVersion such as networking.k8s.io/v1", object.api_version);
        violations.push(Violation::new(format!("{path}.object.apiVersion"), Code::InvalidValue, message));
    }
    check_segment(&object.kind, &format!("{path}.object.kind"), violations);
    check_segment(&object.name, &format!("{path}.object.name"), violations);
    let metric = identifier(&written.name, &written.selector, path, violations);
    let target = either(written.value.as_ref(), written.average_value.as_ref(), path, violations)?;
    let source = ObjectMetricSource { described_object, metric, target };
    Some(MetricSpec { object: Some(source), ..of_type("Object") })
}

fn external_metric(written: &ExternalMetric, path: &str, violations: &mut Violations) -> Option<MetricSpec> {
    let metric = identifier(&written.name, &written.selector, path, violations);
    let target = either(written.value.as_ref(), written.average_value.as_ref(), path, violations)?;
    Some(MetricSpec { external: Some(ExternalMetricSource { metric, target }), ..of_type("External") })
}

fn of_type(name: &str) -> MetricSpec {
    MetricSpec { type_: name.to_owned(), ..MetricSpec::default() }
}

/// The API server does not look at the selector, and the autoscaler gives up over one that it cannot read.
fn identifier(
    name: &str,
    selector: &BTreeMap<String, String>,
    path: &str,
    violations: &mut Violations,
) -> MetricIdentifier {
    check_segment(name, &format!("{path}.name"), violations);
    for (key, value) in selector.iter().filter(|(key, value)| !is_label_key(key) || !is_label_value(value)) {
        let message = format!("{key}={value:?} is no legal label");
        let path = field_path(&format!("{path}.selector"), key);
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
    let selector = (!selector.is_empty())
        .then(|| LabelSelector { match_labels: Some(selector.clone()), ..LabelSelector::default() });
    MetricIdentifier { name: name.to_owned(), selector }
}

/// The name becomes a part of a URL's path (`IsValidPathSegmentName` of k8s.io/apimachinery).
fn check_segment(name: &str, path: &str, violations: &mut Violations) {
    if name.contains(['/', '%']) || name == "." || name == ".." {
        let message = format!("{name:?} is '.' or '..', or has '/' or '%' in it");
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
}

fn utilization(percent: i32) -> MetricTarget {
    MetricTarget {
        type_: "Utilization".to_owned(),
        average_utilization: Some(percent),
        ..MetricTarget::default()
    }
}

fn average(value: Stored) -> MetricTarget {
    MetricTarget { type_: "AverageValue".to_owned(), average_value: Some(value), ..MetricTarget::default() }
}

fn either(
    value: Option<&WrittenQuantity>,
    per_pod: Option<&WrittenQuantity>,
    path: &str,
    violations: &mut Violations,
) -> Option<MetricTarget> {
    let given = [("value", value.is_some()), ("averageValue", per_pod.is_some())];
    if !exactly_one(&given, path, violations) {
        return None;
    }
    let Some(value) = value else {
        return Some(average(positive(per_pod?, &format!("{path}.averageValue"), violations)));
    };
    Some(MetricTarget {
        type_: "Value".to_owned(),
        value: Some(positive(value, &format!("{path}.value"), violations)),
        ..MetricTarget::default()
    })
}

/// As it is stored; nobody can be scaled to meet nothing.
fn positive(written: &WrittenQuantity, path: &str, violations: &mut Violations) -> Stored {
    if Quantity::parse(&written.0).is_some_and(|quantity| quantity.nano() == 0) {
        violations.push(Violation::new(path, Code::InvalidValue, format!("{written} is not more than zero")));
    }
    stored(written)
}

/// The schema has checked the grammar; a value beyond the range of the parser is kept as written.
pub(super) fn stored(written: &WrittenQuantity) -> Stored {
    Stored(Quantity::parse(&written.0).map_or_else(|| written.0.clone(), Quantity::canonical))
}

fn rules_spec(rules: &ScalingRules, path: &str, violations: &mut Violations) -> HPAScalingRules {
    let policies: Vec<HPAScalingPolicy> = rules
        .policies
        .iter()
        .enumerate()
        .filter_map(|(index, policy)| {
            let path = format!("{path}.policies[{index}].period");
            Some(HPAScalingPolicy {
                type_: match policy.type_ {
                    ScalingPolicyType::Pods => "Pods".to_owned(),
                    ScalingPolicyType::Percent => "Percent".to_owned(),
                },
                value: policy.value,
                period_seconds: seconds(&policy.period.0, 1, LONGEST_PERIOD, &path, violations)?,
            })
        })
        .collect();
    let window = rules.stabilization_window.as_ref().and_then(|window| {
        seconds(&window.0, 0, LONGEST_WINDOW, &format!("{path}.stabilizationWindow"), violations)
    });
    HPAScalingRules {
        policies: (!policies.is_empty()).then_some(policies),
        select_policy: rules.select_policy.map(|policy| match policy {
            SelectPolicy::Max => "Max".to_owned(),
            SelectPolicy::Min => "Min".to_owned(),
            SelectPolicy::Disabled => "Disabled".to_owned(),
        }),
        stabilization_window_seconds: window,
        ..HPAScalingRules::default()
    }
}

/// Whole seconds between two bounds.
pub(super) fn seconds(
    text: &str,
    least: i64,
    most: i64,
    path: &str,
    violations: &mut Violations,
) -> Option<i32> {
    let milliseconds = milliseconds(text)?;
    let seconds = milliseconds / 1000;
    if milliseconds % 1000 != 0 || seconds < least || seconds > most {
        let message = format!("{text} is not a whole number of seconds between {least}s and {most}s");
        violations.push(Violation::new(path, Code::InvalidValue, message));
        return None;
    }
    i32::try_from(seconds).ok()
}
