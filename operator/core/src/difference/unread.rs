//! Content that the pods of a service refer to, seen by somebody who may not read Secrets.
//!
//! The operator digests Secrets with a key of its own, so nobody else can compute the annotation that restarts pods
//! when one of them changes. What can be known is whether a ConfigMap changes; otherwise the annotation stays.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::{ChildKey, ChildKind};
use crate::graph::{App, Service};
use crate::labels;
use crate::reference::{ReferenceKey, ReferenceState, References};

/// Entries whose content differs between two moments, of everything that is known at both.
pub fn reference_changes(
    before: &References,
    after: &References,
) -> BTreeMap<ReferenceKey, BTreeSet<String>> {
    let none = BTreeMap::new();
    let entries = |state: &'_ ReferenceState| match state {
        ReferenceState::Present(entries) => entries.clone(),
        ReferenceState::Missing => none.clone(),
    };
    let changed = after.iter().filter_map(|(key, state)| {
        let (before, after) = (entries(before.get(key)?), entries(state));
        let differs = |entry: &&String| before.get(*entry) != after.get(*entry);
        let names: BTreeSet<String> = before.keys().chain(after.keys()).filter(differs).cloned().collect();
        (!names.is_empty()).then(|| (key.clone(), names))
    });
    changed.collect()
}

/// Keeps the digest of the running pods where nothing that can be seen would change it: `known` are the references
/// that were read, `changed` those of them that get another content.
pub fn keep_unread_digests(
    app: &mut App,
    known: &References,
    changed: &BTreeMap<ReferenceKey, BTreeSet<String>>,
    live: &BTreeMap<ChildKey, Value>,
) {
    for service in &mut app.services {
        let is_read = service.references.iter().all(|used| known.contains_key(&used.key));
        if is_read || changes(service, changed).next().is_some() {
            continue;
        }
        if let Some(deployment) = live.get(&ChildKey::new(ChildKind::Deployment, &service.name)) {
            let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
            service.reference_digest = annotations[labels::REFERENCE_DIGEST].as_str().map(str::to_owned);
        }
    }
}

/// The references of a service with the entries of them that it uses and that get another content.
pub(super) fn changes<'a>(
    service: &'a Service,
    changed: &'a BTreeMap<ReferenceKey, BTreeSet<String>>,
) -> impl Iterator<Item = (&'a ReferenceKey, BTreeSet<String>)> {
    service.references.iter().filter_map(|used| {
        let entries = changed.get(&used.key)?;
        let used_ones =
            entries.iter().filter(|entry| used.entries.as_ref().is_none_or(|keys| keys.contains(*entry)));
        let used_ones: BTreeSet<String> = used_ones.cloned().collect();
        (!used_ones.is_empty()).then_some((&used.key, used_ones))
    })
}
