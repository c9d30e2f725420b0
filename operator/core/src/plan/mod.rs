//! Desired against observed: what is to be done about every child, and why.

mod prune;
mod rotation;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::{ChildKey, ChildKind, DesiredObject, DesiredSet};
use crate::fields;
use crate::graph::{App, Service};
use crate::observed::{Child, Observed, Owner};

/// What is to be done, in the order of doing it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// One step for every desired object and for every object of ours that is no longer desired.
    pub steps: Vec<Step>,
}

/// One child and what is to be done about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The child.
    pub key: ChildKey,
    /// The service it belongs to; the child's own name when it is no longer declared.
    pub service: String,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done about a child.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It does not exist: apply the manifest.
    Create(Value),
    /// It differs: apply the manifest. `force` takes back fields from managers that wrote them once; it is off when
    /// another manager applies the same fields, so that the API server names the conflict.
    Update {
        /// What is applied.
        manifest: Value,
        /// Whether conflicts are overridden.
        force: bool,
    },
    /// It is as it should be.
    Keep,
    /// Its turn has not come.
    Hold(Vec<Awaited>),
    /// It is ours and no longer wanted: delete exactly this one.
    Prune {
        /// `metadata.uid` precondition.
        uid: String,
        /// `metadata.resourceVersion` precondition.
        resource_version: String,
        /// Whether it goes only once everything that it has made is gone.
        dependents_first: bool,
    },
    /// It will not be written.
    Refuse(Refusal),
    /// A predecessor of the same name is being deleted: wait until it is gone.
    AwaitDeletion,
}

/// What a service waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    /// Another service, by `startAfter`.
    Service(String),
    /// A ConfigMap or Secret, or keys of it, that does not exist.
    Reference(String),
    /// Another service, which takes up a changed ConfigMap or Secret first.
    Rotation(String),
    /// The last pod of a service that is no longer declared: its policy stays until then.
    PodsGone(String),
}

impl std::fmt::Display for Awaited {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Awaited::Service(name) | Awaited::Reference(name) | Awaited::Rotation(name) => {
                formatter.write_str(name)
            }
            Awaited::PodsGone(name) => write!(formatter, "the last pod of {name} to end"),
        }
    }
}

/// What is waited for, in one sentence: `waits for cart, which takes up a changed Secret or ConfigMap first`.
pub fn waits_for<'a>(awaited: impl IntoIterator<Item = &'a Awaited>) -> String {
    let (rotating, others): (Vec<_>, Vec<_>) =
        awaited.into_iter().partition(|awaited| matches!(awaited, Awaited::Rotation(_)));
    let listed = |awaited: &[&Awaited]| {
        let names: Vec<String> = awaited.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let take = if rotating.len() > 1 { "take" } else { "takes" };
    let sentences = [
        (!others.is_empty()).then(|| format!("waits for {}", listed(&others))),
        (!rotating.is_empty()).then(|| {
            format!("waits for {}, which {take} up a changed Secret or ConfigMap first", listed(&rotating))
        }),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Why a child will not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else's object has the name: never adopted, never overwritten.
    Foreign(String),
    /// Another app of the namespace has the name.
    OtherApp(String),
    /// A field that cannot change differs.
    Immutable(String),
}

impl Refusal {
    /// Why this child will not be written, and what to do about it, in one sentence.
    pub fn told_of(&self, key: &ChildKey) -> String {
        match self {
            Refusal::Foreign(whose) => format!(
                "{key} exists already and belongs to {whose}; it is never adopted: rename the service or remove the object"
            ),
            Refusal::OtherApp(app) => {
                format!(
                    "{key} belongs to the MicroserviceApp {app} of the same namespace; rename the service"
                )
            }
            Refusal::Immutable(field) => {
                format!("{field} of {key} cannot change: delete the {} and it is made anew", key.kind)
            }
        }
    }
}

/// Decides about every desired object and every object of ours that is no longer desired.
///
/// `uid` is the app's; a child of a former app of the same name is left to garbage collection, never adopted.
pub fn plan(app: &App, uid: &str, desired: &DesiredSet, observed: &Observed) -> Plan {
    let planner = Planner { app, uid, observed };
    let (prune_first, prune_last): (Vec<_>, Vec<_>) = planner
        .prunes(desired)
        .into_iter()
        .partition(|step| step.key.kind == ChildKind::HorizontalPodAutoscaler);
    let written = desired.iter().map(|object| Step {
        key: object.key.clone(),
        service: object.service.clone(),
        action: planner.action(object),
    });
    let mut written: Vec<Step> = written.collect();
    rotation::callees_first(app, observed, &mut written);
    // An autoscaler that goes must not fight over the number that its Deployment gets next.
    let mut steps = prune_first;
    steps.extend(written);
    steps.extend(prune_last);
    Plan { steps }
}

struct Planner<'a> {
    app: &'a App,
    uid: &'a str,
    observed: &'a Observed,
}

impl Planner<'_> {
    fn action(&self, object: &DesiredObject) -> Action {
        if let Some(other) = self.observed.claims.get(&object.service) {
            return Action::Refuse(Refusal::OtherApp(other.clone()));
        }
        let Some(child) = self.observed.children.get(&object.key) else {
            return self.create(object);
        };
        match &child.owner {
            Owner::Foreign(whose) => return Action::Refuse(Refusal::Foreign(whose.clone())),
            Owner::App { name, .. } if *name != self.app.name => {
                return Action::Refuse(Refusal::OtherApp(name.clone()));
            }
            Owner::App { uid: Some(uid), .. } if uid != self.uid => return Action::AwaitDeletion,
            Owner::App { .. } if child.deleting => return Action::AwaitDeletion,
            Owner::App { .. } => {}
        }
        self.update(object, child)
    }

    fn create(&self, object: &DesiredObject) -> Action {
        let awaited = self.awaited(object, true);
        if awaited.is_empty() { Action::Create(object.manifest.clone()) } else { Action::Hold(awaited) }
    }

    fn update(&self, object: &DesiredObject, child: &Child) -> Action {
        let manifest = with_live_replicas(object, child);
        let adopted = matches!(&child.owner, Owner::App { uid: Some(_), .. });
        if adopted && fields::digest_of(&manifest) == child.fields.digest {
            return Action::Keep;
        }
        if let Some(field) = immutable_difference(&manifest, child) {
            return Action::Refuse(Refusal::Immutable(field));
        }
        let awaited = self.awaited(object, false);
        if !awaited.is_empty() {
            return Action::Hold(awaited);
        }
        let force = !child.rivals.iter().any(|rival| rival.applies && !rival.overlap(&manifest).is_empty());
        Action::Update { manifest, force }
    }

    /// What a Deployment waits for: missing references always (what runs keeps running), other services only before
    /// its first creation.
    fn awaited(&self, object: &DesiredObject, creating: bool) -> Vec<Awaited> {
        let Some(service) =
            self.app.service(&object.service).filter(|_| object.key.kind == ChildKind::Deployment)
        else {
            return Vec::new();
        };
        let mut awaited: BTreeSet<Awaited> =
            service.missing.iter().cloned().map(Awaited::Reference).collect();
        if creating && !self.observed.started.contains(&service.name) {
            awaited.extend(self.unready_predecessors(service).map(Awaited::Service));
        }
        awaited.into_iter().collect()
    }

    fn unready_predecessors<'b>(&'b self, service: &'b Service) -> impl Iterator<Item = String> + 'b {
        service.start_after.iter().filter(|name| !self.is_ready(name)).cloned()
    }

    /// Ready by the rule of the status, so that nothing starts after a service that is still told to be coming up.
    fn is_ready(&self, name: &str) -> bool {
        let key = ChildKey::new(ChildKind::Deployment, name);
        let workload = self.observed.children.get(&key).and_then(|child| child.workload.as_ref());
        let service = self.app.service(name);
        service.zip(workload).is_some_and(|(service, workload)| service.settings.scaling.is_met(workload))
    }
}

/// The manifest with the live number of pods when it names none and the number is ours: dropping the field would
/// make the API server reset it to 1 (kubernetes/kubernetes#94585), and whoever scales takes it over by writing it.
fn with_live_replicas(object: &DesiredObject, child: &Child) -> Value {
    let mut manifest = object.manifest.clone();
    if object.key.kind == ChildKind::Deployment
        && manifest["spec"]["replicas"].is_null()
        && let Some(replicas) = child.fields.replicas
    {
        manifest["spec"]["replicas"] = replicas.into();
    }
    manifest
}

/// The selector is the one immutable field that a manifest of ours holds.
fn immutable_difference(manifest: &Value, child: &Child) -> Option<String> {
    let live = &child.workload.as_ref()?.selector;
    let wanted: BTreeMap<String, String> =
        serde_json::from_value(manifest["spec"]["selector"]["matchLabels"].clone()).unwrap_or_default();
    (*live != wanted).then(|| "spec.selector".to_owned())
}
