//! What happens to the pods of each service.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reason::{Reason, reasons};
use super::{ChildDifference, Facts, NEEDED_BY_PODS, Verdict};
use crate::desired::{ChildKey, ChildKind};
use crate::graph::{Scaling, Service};
use crate::plan::Awaited;

/// What happens to the pods of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The service.
    pub service: String,
    /// What happens.
    pub effect: Effect,
    /// How many pods are wanted now; 0 when there is no Deployment.
    pub pods_before: i32,
    /// How many pods will be wanted.
    pub pods_after: i32,
}

/// What happens to pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// There are none yet.
    Starts,
    /// They are replaced by new ones, as the rollout of the service says.
    Restarts(Vec<Reason>),
    /// The service is no longer declared: they end.
    Stops,
    /// They start, or are replaced, once what they wait for is there.
    Waits(Vec<Awaited>),
    /// They would start or be replaced, but these objects stand in the way.
    Blocked(Vec<ChildKey>),
    /// None is replaced.
    Stays,
}

/// What happens to the pods of every service that has some, or should have, sorted by name.
pub(super) fn forecast(facts: Facts<'_>, children: &[ChildDifference]) -> Vec<Forecast> {
    let mut forecasts: BTreeMap<&str, Forecast> = BTreeMap::new();
    for child in children.iter().filter(|child| child.key.kind == ChildKind::Deployment) {
        let scene = Scene { facts, children, child };
        let (pods_before, effect) = (scene.pods_before(), scene.effect());
        let pods_after = scene.pods_after(pods_before, &effect);
        let service = child.service.clone();
        forecasts.insert(&child.service, Forecast { service, effect, pods_before, pods_after });
    }
    forecasts.into_values().collect()
}

/// One Deployment and what there is around it.
pub(super) struct Scene<'a> {
    pub facts: Facts<'a>,
    pub children: &'a [ChildDifference],
    pub child: &'a ChildDifference,
}

impl<'a> Scene<'a> {
    /// The Deployment that is there; null when there is none.
    pub fn live(&self) -> &'a Value {
        self.facts.live.get(&self.child.key).unwrap_or(&Value::Null)
    }

    /// The service as it is declared; none when it no longer is.
    pub fn service(&self) -> Option<&'a Service> {
        self.facts.app.service(&self.child.service)
    }

    fn effect(&self) -> Effect {
        match &self.child.verdict {
            Verdict::Keep => Effect::Stays,
            Verdict::Delete => Effect::Stops,
            Verdict::Hold(awaited) => Effect::Waits(awaited.clone()),
            Verdict::Create => self.blocked().unwrap_or(Effect::Starts),
            Verdict::Refuse(_) | Verdict::AwaitDeletion => Effect::Blocked(vec![self.child.key.clone()]),
            Verdict::Update { changes, .. } => {
                let is_template = changes.iter().any(|change| change.path.starts_with(&["spec", "template"]));
                let restarts = || Effect::Restarts(reasons(self, changes));
                self.blocked().unwrap_or_else(|| if is_template { restarts() } else { Effect::Stays })
            }
        }
    }

    /// Objects without which the operator does not touch the pods, and that cannot be written.
    fn blocked(&self) -> Option<Effect> {
        let needed = |child: &&ChildDifference| {
            let belongs = child.service == self.child.service && NEEDED_BY_PODS.contains(&child.key.kind);
            (belongs || child.key == self.child.key) && child.verdict.is_obstacle()
        };
        let keys: Vec<ChildKey> =
            self.children.iter().filter(needed).map(|child| child.key.clone()).collect();
        (!keys.is_empty()).then_some(Effect::Blocked(keys))
    }

    fn pods_before(&self) -> i32 {
        let is_ours = !matches!(self.child.verdict, Verdict::Refuse(_) | Verdict::AwaitDeletion);
        if !is_ours || self.live().is_null() {
            return 0;
        }
        // The API server writes the one pod that it takes for granted.
        let replicas = self.live()["spec"]["replicas"].as_i64();
        replicas.and_then(|replicas| i32::try_from(replicas).ok()).unwrap_or(1)
    }

    fn pods_after(&self, before: i32, effect: &Effect) -> i32 {
        let Some(service) = self.service() else {
            return 0;
        };
        match (&service.settings.scaling, effect) {
            (_, Effect::Waits(_) | Effect::Blocked(_)) => before,
            (Scaling::Fixed(replicas), _) => *replicas,
            (Scaling::Auto(_), Effect::Restarts(_) | Effect::Stays) if before == 0 => 0,
            (Scaling::Auto(spec), _) => {
                let least = spec.min_replicas.unwrap_or(1);
                before.clamp(least, spec.max_replicas.max(least))
            }
            (Scaling::Unset, Effect::Starts) => 1,
            (Scaling::Unset, _) => before,
        }
    }
}
