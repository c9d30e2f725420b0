//! What a resource would change in a cluster, told before anything is written: per object the fields, per service
//! what happens to its pods and why.

pub mod credential;
mod forecast;
mod reason;
mod unread;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::{ChildKey, ChildKind};
use crate::fields;
use crate::graph::App;
use crate::observed::{Child, Observed, Owner};
use crate::plan::{Action, Awaited, Plan, Refusal, Step};
use crate::reference::ReferenceKey;

pub use forecast::{Effect, Forecast};
pub use reason::{Alteration, Reason};
pub use unread::{keep_unread_digests, reference_changes};
pub use walk::{Comparison, FieldChange, Path, Step as PathStep, compare};

/// What a difference is made from.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The app as it would be, bound to what it refers to.
    pub app: &'a App,
    /// What the operator would do.
    pub plan: &'a Plan,
    /// What is there, as the plan saw it.
    pub observed: &'a Observed,
    /// The same objects whole, with their managedFields.
    pub live: &'a BTreeMap<ChildKey, Value>,
    /// Entries of referenced ConfigMaps that get another content.
    pub changed: &'a BTreeMap<ReferenceKey, BTreeSet<String>>,
}

/// What a resource would change.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Every child, in the order of writing.
    pub children: Vec<ChildDifference>,
    /// What happens to the pods of every service, sorted by name.
    pub services: Vec<Forecast>,
}

/// What happens to one child.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildDifference {
    /// The child.
    pub key: ChildKey,
    /// The service it belongs to.
    pub service: String,
    /// What happens to it.
    pub verdict: Verdict,
}

/// What happens to a child.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is new.
    Create,
    /// It changes.
    Update {
        /// The fields that change; none when only the book-keeping of the API server does.
        changes: Vec<FieldChange>,
        /// Fields that somebody else wrote once and that become the operator's again.
        taken_over: Vec<Path>,
        /// Managers that keep applying the same fields, with these: the API server will refuse the write.
        contested: Vec<(String, Vec<String>)>,
    },
    /// It is as it should be.
    Keep,
    /// It is no longer wanted.
    Delete,
    /// Its turn has not come.
    Hold(Vec<Awaited>),
    /// It will not be written.
    Refuse(Refusal),
    /// A predecessor of the same name is still being deleted.
    AwaitDeletion,
}

/// How many children there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// New ones.
    pub create: usize,
    /// Changed ones.
    pub update: usize,
    /// Unwanted ones.
    pub delete: usize,
    /// Those whose turn has not come.
    pub held: usize,
    /// Those that will not be written, or that the API server will refuse.
    pub refused: usize,
    /// Those that stay as they are.
    pub unchanged: usize,
}

/// Tells what a plan changes.
pub fn difference(facts: Facts<'_>) -> Difference {
    let children: Vec<ChildDifference> = facts.plan.steps.iter().map(|step| child(facts, step)).collect();
    let services = forecast::forecast(facts, &children);
    Difference { children, services }
}

impl Difference {
    /// How many children there are of each verdict.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for child in &self.children {
            *match &child.verdict {
                Verdict::Create => &mut totals.create,
                Verdict::Update { contested, .. } if !contested.is_empty() => &mut totals.refused,
                Verdict::Update { .. } => &mut totals.update,
                Verdict::Delete => &mut totals.delete,
                Verdict::Hold(_) | Verdict::AwaitDeletion => &mut totals.held,
                Verdict::Refuse(_) => &mut totals.refused,
                Verdict::Keep => &mut totals.unchanged,
            } += 1;
        }
        totals
    }

    /// Whether everything is as it should be.
    pub fn is_empty(&self) -> bool {
        self.children.iter().all(|child| child.verdict == Verdict::Keep)
    }
}

impl Verdict {
    /// Whether the object will not be what the resource asks for.
    pub fn is_obstacle(&self) -> bool {
        match self {
            Verdict::Update { contested, .. } => !contested.is_empty(),
            Verdict::Refuse(_) | Verdict::AwaitDeletion => true,
            Verdict::Create | Verdict::Keep | Verdict::Delete | Verdict::Hold(_) => false,
        }
    }
}

fn child(facts: Facts<'_>, step: &Step) -> ChildDifference {
    let verdict = match &step.action {
        Action::Create(_) => Verdict::Create,
        Action::Update { manifest, force } => update(facts, step, manifest, *force),
        Action::Keep => Verdict::Keep,
        // It goes by itself once the pods are gone that it protects.
        Action::Hold(_) if facts.app.service(&step.service).is_none() => Verdict::Delete,
        Action::Hold(awaited) => Verdict::Hold(awaited.clone()),
        Action::Prune { .. } => Verdict::Delete,
        Action::Refuse(refusal) => Verdict::Refuse(refusal.clone()),
        Action::AwaitDeletion => Verdict::AwaitDeletion,
    };
    ChildDifference { key: step.key.clone(), service: step.service.clone(), verdict }
}

fn update(facts: Facts<'_>, step: &Step, manifest: &Value, force: bool) -> Verdict {
    let live = facts.live.get(&step.key).unwrap_or(&Value::Null);
    let Comparison { mut changes, taken_over } = compare(manifest, &fields::owned(live), live);
    let child = facts.observed.children.get(&step.key);
    if matches!(child, Some(Child { owner: Owner::App { uid: None, .. }, .. })) {
        changes.push(owner_reference(&facts.app.name));
    }
    let rivals = child.iter().flat_map(|child| &child.rivals).filter(|rival| rival.applies && !force);
    let contested = rivals.map(|rival| (rival.manager.clone(), rival.overlap(manifest)));
    let contested = contested.filter(|(_, paths)| !paths.is_empty()).collect();
    Verdict::Update { changes, taken_over, contested }
}

/// The owner reference that somebody removed comes back.
fn owner_reference(app: &str) -> FieldChange {
    let path = ["metadata", "ownerReferences"].map(|field| PathStep::Field(field.to_owned()));
    FieldChange {
        path: Path(path.to_vec()),
        before: None,
        after: Some(format!("MicroserviceApp {app}").into()),
        is_hidden: false,
    }
}

/// The kinds without which pods are neither made nor changed: what fails here holds the Deployment of the service.
const NEEDED_BY_PODS: [ChildKind; 3] =
    [ChildKind::ServiceAccount, ChildKind::ConfigMap, ChildKind::NetworkPolicy];
