//! Does what a plan says: server-side apply and deletes, a few side by side, in the order of the plan.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream;
use futures::{FutureExt, StreamExt};
use kube::Client;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::observed::{Observed, Owner};
use msapp_core::plan::{Action, Plan, Step};
use msapp_core::status::{Failure, FailureKind};
use msapp_core::{digest, fields};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::backoff::Attempts;
use super::events::few;
use super::failure::{Complaint, Refused, classify};
use super::ports;
use crate::cluster::{Fenced, Object, StoredApp, View, child_from};
use crate::telemetry::{Metrics, WriteVerb};

/// Writes of one app that are under way at the same time.
const SIDE_BY_SIDE: usize = 4;
/// After so many failures that nobody can mend the API server is left in peace.
const HICCUPS: usize = 3;
/// No object has this version: an apply that carries it creates, or fails when there is something already.
const NO_PREDECESSOR: &str = "1";

/// What a pass wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Applied {
    /// Objects that did not exist.
    pub created: Vec<ChildKey>,
    /// Objects that differed.
    pub updated: Vec<ChildKey>,
    /// Objects that nobody wants any more.
    pub pruned: Vec<ChildKey>,
}

impl Applied {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && self.pruned.is_empty()
    }

    /// In one sentence that names a few objects of each kind of change.
    pub fn summary(&self, named: usize) -> Option<String> {
        let parts = [("created", &self.created), ("updated", &self.updated), ("deleted", &self.pruned)];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, keys)| !keys.is_empty())
            .map(|(verb, keys)| format!("{verb} {}", few(keys, named)))
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn note(&mut self, verb: WriteVerb, key: ChildKey) {
        match verb {
            WriteVerb::Create => self.created.push(key),
            WriteVerb::Update => self.updated.push(key),
            WriteVerb::Prune => self.pruned.push(key),
        }
    }
}

/// What writing needs.
pub(super) struct Writer<'a> {
    /// The client for writes.
    pub client: &'a Client,
    /// Where answers are put.
    pub view: &'a View,
    /// Counts the writes.
    pub metrics: &'a Metrics,
    /// The app whose children are written.
    pub app: &'a Object<StoredApp>,
    /// What was seen before.
    pub observed: &'a Observed,
}

/// How far a pass has come.
struct Progress<'a> {
    applied: Applied,
    attempts: &'a mut Attempts,
    /// Services whose pods must not be made or changed: something they need could not be written.
    blocked: BTreeSet<String>,
    /// Children that are not as they should be.
    unsettled: BTreeSet<ChildKey>,
    hiccups: usize,
    stopped: bool,
    fenced: bool,
}

/// Never held while something is awaited.
fn lock<'a, 'b>(progress: &'a Mutex<Progress<'b>>) -> MutexGuard<'a, Progress<'b>> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer<'_> {
    /// Does what the plan says. What failed stands in the attempts afterwards.
    ///
    /// # Errors
    /// When this process does not lead any more.
    pub async fn apply(&self, plan: &Plan, attempts: &mut Attempts) -> Result<Applied, Fenced> {
        let closed = attempts.closed(Instant::now());
        let progress = Mutex::new(Progress {
            applied: Applied::default(),
            attempts,
            blocked: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            hiccups: 0,
            stopped: closed,
            fenced: false,
        });
        for batch in plan.steps.chunk_by(|left, right| left.key.kind == right.key.kind) {
            let performed: Vec<_> = batch.iter().map(|step| self.perform(step, &progress).boxed()).collect();
            stream::iter(performed).buffer_unordered(SIDE_BY_SIDE).collect::<()>().await;
        }
        let Progress { applied, attempts, unsettled, fenced, .. } =
            progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        attempts.settled(|key| unsettled.contains(key));
        if fenced { Err(Fenced) } else { Ok(applied) }
    }

    /// Whether a step writes something now.
    fn is_due(&self, step: &Step, progress: &Mutex<Progress<'_>>) -> bool {
        let mut progress = lock(progress);
        let writes = match &step.action {
            Action::Create(_) | Action::Update { .. } | Action::Prune { .. } => true,
            Action::Keep | Action::Hold(_) => false,
            Action::Refuse(_) | Action::AwaitDeletion => {
                progress.block(step);
                false
            }
        };
        if !writes || self.is_bent(step, &progress) {
            return false;
        }
        let standing = progress.attempts.standing(&step.key, &self.signature(step), Instant::now()).is_some();
        if standing {
            progress.block(step);
        }
        let waits = step.key.kind == ChildKind::Deployment
            && !matches!(step.action, Action::Prune { .. })
            && progress.blocked.contains(&step.service);
        let due = !standing && !waits && !progress.stopped;
        if !due {
            progress.unsettled.insert(step.key.clone());
        }
        due
    }

    async fn perform(&self, step: &Step, progress: &Mutex<Progress<'_>>) {
        if !self.is_due(step, progress) {
            return;
        }
        let result = self.write(step).await;
        let mut progress = lock(progress);
        match result {
            Ok(verb) => {
                self.metrics.wrote(step.key.kind.as_str(), verb);
                tracing::info!(child = %step.key, verb = ?verb, "wrote");
                self.note_stored(step, &mut progress);
                progress.applied.note(verb, step.key.clone());
            }
            Err(error) => match classify(&error) {
                Refused::Fenced => {
                    progress.fenced = true;
                    progress.stopped = true;
                }
                Refused::Because(complaint) => {
                    let Complaint { kind, message, wait } = complaint;
                    tracing::warn!(child = %step.key, ?kind, error = message, "could not be written");
                    let (key, service) = (step.key.clone(), step.service.clone());
                    let failure = Failure { key, service, kind, message };
                    progress.failed(step, failure, self.signature(step), wait);
                }
            },
        }
    }

    fn is_bent(&self, step: &Step, progress: &Progress<'_>) -> bool {
        let live = self.observed.children.get(&step.key);
        match (&step.action, live) {
            (Action::Update { manifest, .. }, Some(live))
                if matches!(live.owner, Owner::App { uid: Some(_), .. }) =>
            {
                progress.attempts.is_bent(&step.key, &fields::digest_of(manifest), &live.fields.digest)
            }
            _ => false,
        }
    }

    /// Compares what was sent with what is stored now.
    fn note_stored(&self, step: &Step, progress: &mut Progress<'_>) {
        let (Action::Create(manifest) | Action::Update { manifest, .. }) = &step.action else {
            return;
        };
        if let Some(stored) = self.view.child(&self.app.namespace, &step.key) {
            let stored = &stored.value.child.fields.digest;
            progress.attempts.stored(&step.key, fields::digest_of(manifest), stored);
        }
    }

    /// What would be written over what: the same write is not tried again before its time.
    fn signature(&self, step: &Step) -> String {
        let live = self.observed.children.get(&step.key);
        let rivals = live.map(|child| format!("{:?}", child.rivals)).unwrap_or_default();
        let live = live.map(|child| child.fields.digest.clone()).unwrap_or_default();
        let wanted = match &step.action {
            Action::Create(manifest) | Action::Update { manifest, .. } => fields::digest_of(manifest),
            _ => String::new(),
        };
        digest::plain([wanted.as_bytes(), live.as_bytes(), rivals.as_bytes()])
    }

    async fn write(&self, step: &Step) -> kube::Result<WriteVerb> {
        match &step.action {
            Action::Create(manifest) => {
                let body = self.body(manifest, "resourceVersion", NO_PREDECESSOR);
                self.patch(&step.key, &body, false).await.map(|()| WriteVerb::Create)
            }
            Action::Update { manifest, force } => {
                let uid = self.observed.children.get(&step.key).map(|child| child.uid.as_str());
                self.update(&step.key, manifest, uid.unwrap_or_default(), *force)
                    .await
                    .map(|()| WriteVerb::Update)
            }
            Action::Prune { uid, resource_version, dependents_first } => {
                let seen = Preconditions {
                    uid: Some(uid.clone()),
                    resource_version: Some(resource_version.clone()),
                };
                self.delete(&step.key, seen, *dependents_first).await.map(|()| WriteVerb::Prune)
            }
            Action::Keep | Action::Hold(_) | Action::Refuse(_) | Action::AwaitDeletion => {
                unreachable!("only steps that write are performed")
            }
        }
    }

    async fn update(&self, key: &ChildKey, manifest: &Value, uid: &str, force: bool) -> kube::Result<()> {
        let body = self.body(manifest, "uid", uid);
        let outcome = self.patch(key, &body, force).await;
        match (&outcome, ports::put_back(key.kind, manifest, uid)) {
            (Err(kube::Error::Api(status)), Some(patch)) if force && ports::are_taken(status) => {
                let parameters = PatchParams {
                    field_manager: Some(msapp_crds::MANAGER.to_owned()),
                    ..PatchParams::default()
                };
                let request = self.requests(key.kind).patch(&key.name, &parameters, &Patch::Strategic(patch));
                self.client.request::<Value>(request.map_err(kube::Error::BuildRequest)?).await?;
                self.patch(key, &body, force).await
            }
            _ => outcome,
        }
    }

    /// The manifest as it is sent: in its namespace, owned by the app, for exactly the object that was seen (or none).
    ///
    /// The reference does not block the owner's deletion: garbage collection needs it not, it would cost a permission
    /// (`OwnerReferencesPermissionEnforcement`), and that admission plugin does not know a kind that has just been
    /// installed for up to half a minute.
    fn body(&self, manifest: &Value, precondition: &str, value: &str) -> Value {
        let mut body = manifest.clone();
        body["metadata"]["namespace"] = json!(self.app.namespace);
        body["metadata"][precondition] = json!(value);
        body["metadata"]["ownerReferences"] = json!([{
            "apiVersion": format!("{}/v1alpha1", msapp_crds::GROUP),
            "kind": "MicroserviceApp",
            "name": self.app.name,
            "uid": self.app.uid,
            "controller": true,
        }]);
        body
    }

    fn requests(&self, kind: ChildKind) -> kube::core::Request {
        let version = kind.api_version();
        let root = if version.contains('/') { "apis" } else { "api" };
        kube::core::Request::new(format!(
            "/{root}/{version}/namespaces/{}/{}",
            self.app.namespace,
            kind.plural()
        ))
    }

    async fn patch(&self, key: &ChildKey, body: &Value, force: bool) -> kube::Result<()> {
        let parameters = PatchParams { force, ..PatchParams::apply(msapp_crds::MANAGER) };
        let request = self.requests(key.kind).patch(&key.name, &parameters, &Patch::Apply(body));
        let answer: Value = self.client.request(request.map_err(kube::Error::BuildRequest)?).await?;
        self.view.child_written(key.kind, child_from(key.kind, &answer));
        Ok(())
    }

    async fn delete(&self, key: &ChildKey, seen: Preconditions, dependents_first: bool) -> kube::Result<()> {
        let uid = seen.uid.clone().unwrap_or_default();
        let propagation =
            if dependents_first { PropagationPolicy::Foreground } else { PropagationPolicy::Background };
        let parameters = DeleteParams {
            propagation_policy: Some(propagation),
            preconditions: Some(seen),
            ..DeleteParams::default()
        };
        let request =
            self.requests(key.kind).delete(&key.name, &parameters).map_err(kube::Error::BuildRequest)?;
        match self.client.request::<Value>(request).await {
            // Finalizers or its dependents hold it back: it is still there, being deleted.
            Ok(object) if object["metadata"]["deletionTimestamp"].is_string() => {
                self.view.child_written(key.kind, child_from(key.kind, &object));
            }
            Ok(_) => self.view.child_deleted(&self.app.namespace, key, &uid),
            Err(kube::Error::Api(status)) if status.code == 404 => {
                self.view.child_deleted(&self.app.namespace, key, &uid);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Progress<'_> {
    /// Holds back the pods of a service when what could not be written is something they need.
    fn block(&mut self, step: &Step) {
        let needed = [ChildKind::ServiceAccount, ChildKind::ConfigMap, ChildKind::NetworkPolicy];
        if needed.contains(&step.key.kind) && !matches!(step.action, Action::Prune { .. }) {
            self.blocked.insert(step.service.clone());
        }
    }

    fn failed(&mut self, step: &Step, failure: Failure, signature: String, wait: Duration) {
        match failure.kind {
            FailureKind::NamespaceTerminating => self.stopped = true,
            FailureKind::Transient => self.hiccups += 1,
            _ => {}
        }
        self.stopped |= self.hiccups >= HICCUPS;
        self.block(step);
        self.unsettled.insert(step.key.clone());
        self.attempts.failed(failure, signature, Instant::now(), wait);
    }
}
