//! How a new version replaces the old one, and how a pod is stopped.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_crds::v1alpha1::{Duration, GracefulStop, IntOrPercent, Rollout, RolloutStrategy};

use super::autoscaling::seconds;
use super::inherit::Written;
use super::{Port, Stop, Strategy};
use crate::violation::{Code, Violation, Violations};

/// Longest of any duration that ends up as seconds in a Deployment: a day.
const LONGEST: i64 = 86_400;
const USUAL_DEADLINE: i32 = 600;
const USUAL_HISTORY: i32 = 10;
const USUAL_STOP: i32 = 30;
const USUAL_DRAIN: i32 = 5;

fn int_or_string(written: &IntOrPercent) -> IntOrString {
    written.0.parse().map_or_else(|_| IntOrString::String(written.0.clone()), IntOrString::Int)
}

/// As it is stored; more than all of the pods is reported, which the API server takes of additional pods only.
pub(super) fn of_all_pods(written: &IntOrPercent, path: &str, violations: &mut Violations) -> IntOrString {
    let percent = written.0.strip_suffix('%').and_then(|percent| percent.parse::<u32>().ok());
    if percent.is_some_and(|percent| percent > 100) {
        let message = format!("{written} is more than all pods");
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
    int_or_string(written)
}

pub(super) fn strategy(written: Option<Written<'_, Rollout>>, violations: &mut Violations) -> Strategy {
    let usual = Rollout::default();
    let (rollout, path) = written.map_or((&usual, String::new()), |written| (written.value, written.path));
    let surge = rollout.max_surge.as_ref().map_or(IntOrString::String("25%".to_owned()), int_or_string);
    let unavailable = rollout.max_unavailable.as_ref().map_or(IntOrString::Int(0), |written| {
        of_all_pods(written, &format!("{path}.maxUnavailable"), violations)
    });
    let recreate = rollout.strategy == Some(RolloutStrategy::Recreate);
    if recreate && (rollout.max_surge.is_some() || rollout.max_unavailable.is_some()) {
        let message = "maxSurge and maxUnavailable belong to RollingUpdate, not to Recreate";
        violations.push(Violation::new(format!("{path}.strategy"), Code::Exclusive, message));
    } else if !recreate && is_zero(&surge) && is_zero(&unavailable) {
        let message = "with maxSurge and maxUnavailable both 0 no pod could ever be replaced";
        violations.push(Violation::new(format!("{path}.maxSurge"), Code::InvalidValue, message));
    }
    let mut whole = |duration: &Option<Duration>, least: i64, field: &str| {
        duration
            .as_ref()
            .and_then(|text| seconds(&text.0, least, LONGEST, &format!("{path}.{field}"), violations))
    };
    let min_ready = whole(&rollout.min_ready, 0, "minReady").unwrap_or(0);
    let progress_deadline =
        whole(&rollout.progress_deadline, 1, "progressDeadline").unwrap_or(USUAL_DEADLINE);
    if progress_deadline <= min_ready {
        let message = format!("{progress_deadline}s is not longer than minReady, {min_ready}s");
        violations.push(Violation::new(format!("{path}.progressDeadline"), Code::InvalidValue, message));
    }
    Strategy {
        rolling: (!recreate).then_some((surge, unavailable)),
        progress_deadline,
        min_ready,
        revision_history: rollout.revision_history.unwrap_or(USUAL_HISTORY),
    }
}

fn is_zero(amount: &IntOrString) -> bool {
    match amount {
        IntOrString::Int(number) => *number == 0,
        IntOrString::String(text) => text.trim_start_matches('0') == "%",
    }
}

pub(super) fn stop(
    written: Option<Written<'_, GracefulStop>>,
    ports: &[Port],
    violations: &mut Violations,
) -> Stop {
    let usual = GracefulStop::default();
    let (stop, path) = written.map_or((&usual, String::new()), |written| (written.value, written.path));
    let mut whole = |duration: &Option<Duration>, field: &str| {
        duration
            .as_ref()
            .and_then(|text| seconds(&text.0, 0, LONGEST, &format!("{path}.{field}"), violations))
    };
    let period = whole(&stop.period, "period").unwrap_or(USUAL_STOP);
    let usual_drain = if ports.is_empty() { 0 } else { USUAL_DRAIN.min(period / 2) };
    let drain = whole(&stop.drain, "drain").unwrap_or(usual_drain);
    if drain > 0 && drain >= period {
        let message = format!("a drain of {drain}s leaves nothing of the {period}s until the pod is killed");
        violations.push(Violation::new(format!("{path}.drain"), Code::InvalidValue, message));
    }
    Stop { drain: drain.into(), period: period.into() }
}
