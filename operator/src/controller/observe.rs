//! What is there, for one app: read from the view, never from the API server (but for the content of Secrets).

use std::collections::{BTreeMap, BTreeSet};

use msapp_core::claim::{Claimant, better_claims};
use msapp_core::desired::{ChildKey, ChildKind, DesiredSet};
use msapp_core::observed::{Child, Observed, Owner, Pod, Warning};
use msapp_core::reference::{ReferenceKey, ReferenceKind, ReferenceState, References};

use crate::cluster::{Object, SecretDigests, StoredApp, View};

/// Everything that plan and status need to know of the app.
pub(super) fn observe(view: &View, app: &Object<StoredApp>, desired: &DesiredSet) -> Observed {
    Observed {
        children: children(view, app, desired),
        pods: pods(view, app),
        claims: claims(view, app),
        started: started(view, app),
    }
}

/// Whatever carries the name of a wanted child, and whatever belongs to the app.
fn children(view: &View, app: &Object<StoredApp>, desired: &DesiredSet) -> BTreeMap<ChildKey, Child> {
    let named = desired.iter().filter_map(|object| {
        let found = view.child(&app.namespace, &object.key)?;
        Some((object.key.clone(), found.value.child.clone()))
    });
    let owned = ChildKind::ALL.into_iter().flat_map(|kind| {
        let owned = view.owned(&app.namespace, kind, &app.uid);
        owned.into_iter().map(move |object| (ChildKey::new(kind, &object.name), object.value.child.clone()))
    });
    named.chain(owned).collect()
}

fn pods(view: &View, app: &Object<StoredApp>) -> Vec<Pod> {
    let pods = view.pods(&app.namespace, &app.name);
    pods.iter()
        .map(|pod| Pod { warnings: warnings(view, &app.namespace, &pod.name), ..pod.value.pod.clone() })
        .collect()
}

/// The warnings about a pod, oldest first.
fn warnings(view: &View, namespace: &str, pod: &str) -> Vec<Warning> {
    let mut notes = view.notes(namespace, pod);
    notes.sort_by_key(|note| note.resource_version.parse::<u64>().unwrap_or_default());
    notes.iter().map(|note| note.value.warning.clone()).collect()
}

/// Services that another app of the namespace has a better claim to.
fn claims(view: &View, app: &Object<StoredApp>) -> BTreeMap<String, String> {
    let mut others = view.apps_in(&app.namespace);
    others.retain(|other| other.name != app.name);
    let claimant = |of: &Object<StoredApp>| {
        let shared = of.value.services.intersection(&app.value.services);
        let services = shared.map(|service| (service.clone(), holds(view, of, service))).collect();
        Claimant { app: of.name.clone(), created: Some(of.value.created.clone()), services }
    };
    let others: Vec<Claimant> = others.iter().map(|other| claimant(other)).collect();
    if others.is_empty() { BTreeMap::new() } else { better_claims(&claimant(app), &others) }
}

/// Whether an app has made an object of that name.
fn holds(view: &View, app: &Object<StoredApp>, service: &str) -> bool {
    ChildKind::ALL.into_iter().any(|kind| {
        let child = view.child(&app.namespace, &ChildKey::new(kind, service));
        child.is_some_and(
            |child| matches!(&child.value.child.owner, Owner::App { uid: Some(uid), .. } if *uid == app.uid),
        )
    })
}

/// Services that have a Deployment of this app, or had one by the previous status, which survives the operator.
fn started(view: &View, app: &Object<StoredApp>) -> BTreeSet<String> {
    let living = view.owned(&app.namespace, ChildKind::Deployment, &app.uid);
    let told = app.value.status.iter().flat_map(|status| &status.services);
    let told = told.filter(|service| service.started).map(|service| service.name.clone());
    told.chain(living.iter().map(|deployment| deployment.name.clone())).collect()
}

/// What is known of the ConfigMaps and Secrets that an app refers to.
///
/// # Errors
/// When a Secret must be read for the first time and cannot.
pub(super) async fn references(
    view: &View,
    digests: Option<&SecretDigests>,
    namespace: &str,
    keys: &BTreeSet<ReferenceKey>,
) -> kube::Result<References> {
    let mut references = References::new();
    for key in keys {
        let entries = match (key.kind, digests) {
            (ReferenceKind::ConfigMap, _) => {
                let map = ChildKey::new(ChildKind::ConfigMap, &key.name);
                view.child(namespace, &map).map(|map| map.value.entries.clone())
            }
            (ReferenceKind::Secret, Some(digests)) => secret(view, digests, namespace, &key.name).await?,
            // Unknown, so nothing is concluded.
            (ReferenceKind::Secret, None) => continue,
        };
        references.insert(key.clone(), entries.map_or(ReferenceState::Missing, ReferenceState::Present));
    }
    Ok(references)
}

async fn secret(
    view: &View,
    digests: &SecretDigests,
    namespace: &str,
    name: &str,
) -> kube::Result<Option<BTreeMap<String, String>>> {
    let Some(secret) = view.secret(namespace, name) else {
        return Ok(None);
    };
    match digests.entries(namespace, name, (&secret.uid, &secret.resource_version)).await {
        Ok(entries) => Ok(entries),
        // What runs keeps running with what was known; the next pass asks again.
        Err(error) => digests.last_known(namespace, name).map(Some).ok_or(error),
    }
}
