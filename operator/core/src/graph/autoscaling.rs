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

use super::inherit::Written;
use crate::scalar::{Quantity, milliseconds};
use crate::violation::{Code, Violation, Violations};

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
        metric.container_resource.is_some(),
        metric.pods.is_some(),
        metric.object.is_some(),
        metric.external.is_some(),
    ];
    if given.iter().filter(|set| **set).count() != 1 {
        let message = "exactly one of containerResource, pods, object and external is given";
        violations.push(Violation::new(path, Code::Exclusive, message));
        return None;
    }
    let container =
        metric.container_resource.as_ref().map(|written| (container_metric(written), "containerResource"));
    let pods = metric.pods.as_ref().map(|written| (Some(pods_metric(written)), "pods"));
    let object = metric.object.as_ref().map(|written| (object_metric(written), "object"));
    let external = metric.external.as_ref().map(|written| (external_metric(written), "external"));
    let (spec, field) = container.or(pods).or(object).or(external)?;
    if spec.is_none() {
        let targets = if field == "containerResource" {
            "averageUtilization and averageValue"
        } else {
            "value and averageValue"
        };
        let message = format!("exactly one of {targets} is given");
        violations.push(Violation::new(format!("{path}.{field}"), Code::Exclusive, message));
    }
    spec
}

fn container_metric(written: &ContainerResourceMetric) -> Option<MetricSpec> {
    let target = match (written.average_utilization, &written.average_value) {
        (Some(percent), None) => utilization(percent),
        (None, Some(value)) => average(value),
        _ => return None,
    };
    let name = if written.resource == ResourceName::CPU { "cpu" } else { "memory" }.to_owned();
    let source = ContainerResourceMetricSource { container: written.container.clone(), name, target };
    Some(MetricSpec { container_resource: Some(source), ..of_type("ContainerResource") })
}

fn pods_metric(written: &PodsMetric) -> MetricSpec {
    let metric = identifier(&written.name, &written.selector);
    let source = PodsMetricSource { metric, target: average(&written.average_value) };
    MetricSpec { pods: Some(source), ..of_type("Pods") }
}

fn object_metric(written: &ObjectMetric) -> Option<MetricSpec> {
    let described_object = CrossVersionObjectReference {
        api_version: Some(written.object.api_version.clone()),
        kind: written.object.kind.clone(),
        name: written.object.name.clone(),
    };
    let target = either(written.value.as_ref(), written.average_value.as_ref())?;
    let source =
        ObjectMetricSource { described_object, metric: identifier(&written.name, &written.selector), target };
    Some(MetricSpec { object: Some(source), ..of_type("Object") })
}

fn external_metric(written: &ExternalMetric) -> Option<MetricSpec> {
    let target = either(written.value.as_ref(), written.average_value.as_ref())?;
    let source = ExternalMetricSource { metric: identifier(&written.name, &written.selector), target };
    Some(MetricSpec { external: Some(source), ..of_type("External") })
}

fn of_type(name: &str) -> MetricSpec {
    MetricSpec { type_: name.to_owned(), ..MetricSpec::default() }
}

fn identifier(name: &str, selector: &BTreeMap<String, String>) -> MetricIdentifier {
    let selector = (!selector.is_empty())
        .then(|| LabelSelector { match_labels: Some(selector.clone()), ..LabelSelector::default() });
    MetricIdentifier { name: name.to_owned(), selector }
}

fn utilization(percent: i32) -> MetricTarget {
    MetricTarget {
        type_: "Utilization".to_owned(),
        average_utilization: Some(percent),
        ..MetricTarget::default()
    }
}

fn average(value: &WrittenQuantity) -> MetricTarget {
    MetricTarget {
        type_: "AverageValue".to_owned(),
        average_value: Some(stored(value)),
        ..MetricTarget::default()
    }
}

fn either(value: Option<&WrittenQuantity>, per_pod: Option<&WrittenQuantity>) -> Option<MetricTarget> {
    match (value, per_pod) {
        (Some(value), None) => Some(MetricTarget {
            type_: "Value".to_owned(),
            value: Some(stored(value)),
            ..MetricTarget::default()
        }),
        (None, Some(per_pod)) => Some(average(per_pod)),
        _ => None,
    }
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
