//! Who takes up a changed ConfigMap or Secret, and when: callees first, so that nobody restarts against a service that
//! is just restarting, and a credential that does not work stops at the first service that uses it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Action, Awaited, Step};
use crate::desired::{ChildKey, ChildKind};
use crate::fields;
use crate::graph::{App, reachable};
use crate::labels;
use crate::observed::{Child, Observed, Workload};

/// Holds back restarts for the sake of a changed reference until those are through that the service calls. Whatever
/// else changes in a Deployment is written at once, and the reference with it.
pub(super) fn callees_first(app: &App, observed: &Observed, steps: &mut [Step]) {
    let rotating: Vec<usize> =
        (0..steps.len()).filter(|at| changes_references_alone(&steps[*at], observed)).collect();
    if rotating.is_empty() {
        return;
    }
    let rotation = Rotation { app, unsettled: unsettled(app, observed, steps) };
    for at in rotating {
        let awaited = rotation.awaited_by(&steps[at].service);
        if !awaited.is_empty() {
            steps[at].action = Action::Hold(awaited);
        }
    }
}

struct Rotation<'a> {
    app: &'a App,
    /// Services that have not come through a change of what they refer to.
    unsettled: BTreeSet<&'a str>,
}

impl Rotation<'_> {
    /// The first on every way down that is not through. Services that call each other in a circle go together.
    fn awaited_by(&self, service: &str) -> Vec<Awaited> {
        let mut awaited = BTreeSet::new();
        let mut seen = BTreeSet::from([service]);
        let mut open = vec![service];
        while let Some(name) = open.pop() {
            for callee in callees(self.app, name) {
                if !seen.insert(callee) {
                    continue;
                }
                let calls_back = || reachable(callee, |name| callees(self.app, name)).contains(service);
                if self.unsettled.contains(callee) && !calls_back() {
                    awaited.insert(callee);
                } else {
                    open.push(callee);
                }
            }
        }
        awaited.into_iter().map(|name| Awaited::Rotation(name.to_owned())).collect()
    }
}

fn callees<'a>(app: &'a App, name: &str) -> impl Iterator<Item = &'a str> {
    let edges = app.service(name).into_iter().flat_map(|service| &service.edges);
    edges.filter(|edge| edge.is_call()).map(|edge| edge.name.as_str())
}

/// Services whose pods are still to take up what changed, or are just doing so. One that will not be written, or whose
/// rollout has come to nothing, holds nobody.
fn unsettled<'a>(app: &'a App, observed: &Observed, steps: &[Step]) -> BTreeSet<&'a str> {
    let written = |step: &&Step| matches!(step.action, Action::Update { .. });
    let written: BTreeSet<&ChildKey> = steps.iter().filter(written).map(|step| &step.key).collect();
    let services = app.services.iter().filter(|service| {
        let key = ChildKey::new(ChildKind::Deployment, &service.name);
        let live = workload(observed, &key);
        let digests =
            live.and_then(|live| live.reference_digest.as_ref().zip(service.reference_digest.as_ref()));
        let changes = digests.is_some_and(|(before, after)| before != after) && written.contains(&key);
        changes || (digests.is_some() && live.is_some_and(Workload::is_rolling_out))
    });
    services.map(|service| service.name.as_str()).collect()
}

fn workload<'a>(observed: &'a Observed, key: &ChildKey) -> Option<&'a Workload> {
    observed.children.get(key)?.workload.as_ref()
}

/// Whether a Deployment changes in nothing but the digest of what its pods refer to.
fn changes_references_alone(step: &Step, observed: &Observed) -> bool {
    let Action::Update { manifest, .. } = &step.action else {
        return false;
    };
    observed.children.get(&step.key).is_some_and(|child| differs_in_references_alone(manifest, child))
}

fn differs_in_references_alone(manifest: &Value, child: &Child) -> bool {
    let live = child.workload.as_ref().and_then(|workload| workload.reference_digest.as_ref());
    let Some(live) = live else {
        return false;
    };
    let mut before = manifest.clone();
    let digest = &mut before["spec"]["template"]["metadata"]["annotations"][labels::REFERENCE_DIGEST];
    let changed = digest.as_str().is_some_and(|wanted| wanted != live);
    *digest = live.as_str().into();
    changed && fields::digest_of(&before) == child.fields.digest
}
