//! How many pods there are, and how many may be missing.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_crds::v1alpha1::DisruptionBudget;

use super::autoscaling;
use super::exclusive::exactly_one;
use super::inherit::{Levels, Written, WrittenScaling};
use super::rollout::of_all_pods;
use super::{Budget, Scaling};
use crate::observed::Workload;
use crate::violation::Violations;

pub(super) fn scaling(levels: &Levels<'_>, violations: &mut Violations) -> Scaling {
    match levels.scaling() {
        None => Scaling::Unset,
        Some(WrittenScaling::Fixed(replicas)) => Scaling::Fixed(replicas),
        Some(WrittenScaling::Auto(written)) => {
            Scaling::Auto(Box::new(autoscaling::resolve(&written, violations)))
        }
    }
}

impl Scaling {
    /// How many pods there should be, while the Deployment asks for `live`.
    pub(crate) fn wanted(&self, live: Option<i32>) -> i32 {
        match self {
            Scaling::Fixed(replicas) => *replicas,
            Scaling::Unset => live.unwrap_or(1),
            // The autoscaler raises a new Deployment to its minimum at once, and leaves one of no pods alone.
            Scaling::Auto(spec) => match live {
                Some(0) => 0,
                live => live.unwrap_or_default().max(spec.min_replicas.unwrap_or(1)),
            },
        }
    }

    /// Whether a Deployment is complete, with as many pods as there should be.
    pub(crate) fn is_met(&self, workload: &Workload) -> bool {
        // The autoscaler may not have come to it yet.
        workload.is_complete() && workload.replicas >= self.wanted(Some(workload.replicas))
    }
}

/// What was asked for, or one pod at a time as soon as there are always at least two.
pub(super) fn budget(
    written: Option<Written<'_, DisruptionBudget>>,
    scaling: &Scaling,
    violations: &mut Violations,
) -> Option<Budget> {
    let Some(Written { value, path }) = written else {
        let least = match scaling {
            Scaling::Unset => 1,
            Scaling::Fixed(replicas) => *replicas,
            Scaling::Auto(spec) => spec.min_replicas.unwrap_or(1),
        };
        return (least >= 2).then_some(Budget::MaxUnavailable(IntOrString::Int(1)));
    };
    let given = [
        ("minAvailable", value.min_available.is_some()),
        ("maxUnavailable", value.max_unavailable.is_some()),
    ];
    if !exactly_one(&given, &path, violations) {
        return None;
    }
    let least = value
        .min_available
        .as_ref()
        .map(|least| Budget::MinAvailable(of_all_pods(least, &format!("{path}.minAvailable"), violations)));
    least.or_else(|| {
        let most = value.max_unavailable.as_ref()?;
        Some(Budget::MaxUnavailable(of_all_pods(most, &format!("{path}.maxUnavailable"), violations)))
    })
}
