//! Events: what changed, told once. They follow from the difference of two statuses and from what a pass wrote, so a
//! restart without a change tells nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use msapp_core::desired::ChildKey;
use msapp_core::status::Reason;
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use tokio::sync::mpsc;

use super::apply::Applied;
use crate::cluster::{Object, StoredApp};

/// Bytes of a note; an API server takes 1024.
const LONGEST: usize = 1000;
/// Objects that are named one by one.
const NAMED: usize = 6;
/// Events that wait to be sent; more are dropped.
const WAITING: usize = 512;

/// Reasons of a service that are worth an event.
const TOLD: [Reason; 6] = [
    Reason::NameTaken,
    Reason::ImmutableField,
    Reason::FieldConflict,
    Reason::Rejected,
    Reason::Forbidden,
    Reason::QuotaExceeded,
];

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    warning: bool,
    reason: &'static str,
    action: &'static str,
    text: String,
}

/// What is new between two statuses, and what was written.
pub(super) fn notes(
    before: Option<&MicroserviceAppStatus>,
    after: &MicroserviceAppStatus,
    applied: &Applied,
) -> Vec<Note> {
    let written = applied.summary(NAMED);
    let mut notes: Vec<Note> =
        written.map(|text| Note::normal("Applied", "Apply", text)).into_iter().collect();
    let (was, is) = (ready(before), ready(Some(after)));
    match is {
        Some(("False", reason, message)) if reason == Reason::InvalidSpec.as_str() && was != is => {
            notes.push(Note::warning(Reason::InvalidSpec.as_str(), "Resolve", message.to_owned()));
        }
        Some(("True", _, message)) if was.is_none_or(|(status, ..)| status != "True") => {
            notes.push(Note::normal("Ready", "Observe", message.to_owned()));
        }
        _ => {}
    }
    notes.extend(troubles(before, after));
    notes
}

fn ready(status: Option<&MicroserviceAppStatus>) -> Option<(&str, &str, &str)> {
    let condition = status?.conditions.iter().find(|condition| condition.type_ == "Ready")?;
    Some((&condition.status, &condition.reason, &condition.message))
}

/// Services that cannot be written for a new reason.
fn troubles<'a>(
    before: Option<&'a MicroserviceAppStatus>,
    after: &'a MicroserviceAppStatus,
) -> impl Iterator<Item = Note> + 'a {
    let known: BTreeMap<&str, Option<&str>> = before
        .into_iter()
        .flat_map(|status| &status.services)
        .map(|service| (service.name.as_str(), service.reason.as_deref()))
        .collect();
    after.services.iter().filter_map(move |service| {
        let reason = TOLD.into_iter().find(|reason| service.reason.as_deref() == Some(reason.as_str()))?;
        let is_new = known.get(service.name.as_str()).copied().flatten() != service.reason.as_deref();
        let text = format!("{}: {}", service.name, service.message.as_deref().unwrap_or_default());
        is_new.then(|| Note::warning(reason.as_str(), "Apply", text))
    })
}

impl Note {
    fn normal(reason: &'static str, action: &'static str, text: String) -> Self {
        Self { warning: false, reason, action, text }
    }

    fn warning(reason: &'static str, action: &'static str, text: String) -> Self {
        Self { warning: true, reason, action, text }
    }
}

/// Names a few objects, or counts many by their kind.
pub(super) fn few(keys: &[ChildKey], named: usize) -> String {
    if keys.len() <= named {
        let mut names: Vec<String> = keys.iter().map(ToString::to_string).collect();
        names.sort();
        return names.join(", ");
    }
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for key in keys {
        *counts.entry(key.kind).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    format!("{} objects: {}", keys.len(), counts.join(", "))
}

/// Sends events in the background: a slow or full API server never holds up a reconcile because of them.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    instance: String,
    queue: mpsc::Sender<Event>,
}

impl Reporter {
    /// A reporter, and what sends its events until the reporter is dropped.
    pub fn new(client: Client, instance: String) -> (Self, impl Future<Output = ()>) {
        let (queue, waiting) = mpsc::channel(WAITING);
        (Self { instance, queue }, send_all(client, waiting))
    }

    /// Tells about an app.
    pub fn tell(&self, app: &Object<StoredApp>, notes: Vec<Note>) {
        for note in notes {
            let dropped = self.queue.try_send(self.event(app, note)).is_err();
            if dropped {
                tracing::debug!(app = app.name, "an event was dropped");
            }
        }
    }

    fn event(&self, app: &Object<StoredApp>, note: Note) -> Event {
        let now = jiff::Timestamp::now();
        let unique = format!("{}.{:x}{:04x}", app.name, now.as_nanosecond(), fastrand::u16(..));
        Event {
            metadata: ObjectMeta {
                name: Some(unique),
                namespace: Some(app.namespace.clone()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now)),
            action: Some(note.action.to_owned()),
            reason: Some(note.reason.to_owned()),
            note: Some(note.text[..note.text.floor_char_boundary(LONGEST)].to_owned()),
            type_: Some(if note.warning { "Warning" } else { "Normal" }.to_owned()),
            reporting_controller: Some(format!("{}/controller", msapp_crds::GROUP)),
            reporting_instance: Some(self.instance.clone()),
            regarding: Some(ObjectReference {
                api_version: Some(format!("{}/v1alpha1", msapp_crds::GROUP)),
                kind: Some("MicroserviceApp".to_owned()),
                name: Some(app.name.clone()),
                namespace: Some(app.namespace.clone()),
                uid: Some(app.uid.clone()),
                resource_version: Some(app.resource_version.clone()),
                ..ObjectReference::default()
            }),
            ..Event::default()
        }
    }
}

async fn send_all(client: Client, mut waiting: mpsc::Receiver<Event>) {
    while let Some(event) = waiting.recv().await {
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        if let Err(error) = api.create(&PostParams::default(), &event).await {
            tracing::debug!(%error, namespace, "an event could not be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use msapp_core::desired::ChildKind;
    use msapp_crds::v1alpha1::ServiceStatus;

    use super::*;

    fn status(ready: &str, reason: &str, service: Option<&str>) -> MicroserviceAppStatus {
        let condition = Condition {
            type_: "Ready".into(),
            status: ready.into(),
            reason: reason.into(),
            message: "m".into(),
            observed_generation: None,
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        let cart = ServiceStatus {
            name: "cart".into(),
            reason: service.map(str::to_owned),
            message: Some("why".into()),
            ..ServiceStatus::default()
        };
        MicroserviceAppStatus {
            conditions: vec![condition],
            services: vec![cart],
            ..MicroserviceAppStatus::default()
        }
    }

    fn told(
        before: Option<&MicroserviceAppStatus>,
        after: &MicroserviceAppStatus,
    ) -> Vec<(&'static str, String)> {
        notes(before, after, &Applied::default()).into_iter().map(|note| (note.reason, note.text)).collect()
    }

    #[test]
    fn equal_statuses_tell_nothing() {
        for status in
            [status("True", "AllServicesReady", None), status("False", "NameTaken", Some("NameTaken"))]
        {
            assert!(told(Some(&status), &status).is_empty());
        }
    }

    #[test]
    fn becoming_ready_invalid_or_stuck_is_told_once() {
        let coming_up = status("False", "RollingOut", Some("RollingOut"));
        let up = status("True", "AllServicesReady", None);
        assert_eq!(told(Some(&coming_up), &up), [("Ready", "m".to_owned())]);
        let invalid = status("False", "InvalidSpec", None);
        assert_eq!(told(Some(&up), &invalid), [("InvalidSpec", "m".to_owned())]);
        let taken = status("False", "NameTaken", Some("NameTaken"));
        assert_eq!(told(Some(&coming_up), &taken), [("NameTaken", "cart: why".to_owned())]);
        assert!(told(Some(&up), &coming_up).is_empty());
    }

    #[test]
    fn what_was_written_is_one_bounded_sentence() {
        let created = (0..9).map(|index| ChildKey::new(ChildKind::Service, format!("s{index}"))).collect();
        let applied = Applied { created, ..Applied::default() };
        let up = status("True", "AllServicesReady", None);
        let notes = notes(Some(&up), &up, &applied);
        let text = "created 9 objects: 9 Service";
        assert_eq!(notes, [Note::normal("Applied", "Apply", text.to_owned())]);
    }
}
