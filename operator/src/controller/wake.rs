//! Which app a change wakes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use msapp_core::desired::ChildKind;
use msapp_core::observed::Owner;
use msapp_core::reference::{ReferenceKey, ReferenceKind};

use super::queue::{AppKey, Queue};
use crate::cluster::{
    Change, Listener, Object, PodNote, SecretDigests, StoredApp, StoredChild, StoredPod, StoredSecret, View,
};

/// One reconcile sees what comes within this time.
const BURST: Duration = Duration::from_millis(80);

/// Who is interested in what.
#[derive(Debug, Default)]
struct Index {
    /// Namespace and name of a service → apps that declare it.
    wanted: HashMap<(String, String), BTreeSet<String>>,
    /// Namespace and reference → apps that use it.
    references: HashMap<(String, ReferenceKey), BTreeSet<String>>,
    /// What stands in `references` of an app.
    referring: HashMap<AppKey, BTreeSet<ReferenceKey>>,
}

/// Wakes apps when something changes that matters to them.
pub(super) struct Wake {
    view: Arc<View>,
    queue: Arc<Queue<AppKey>>,
    index: Mutex<Index>,
    digests: OnceLock<Arc<SecretDigests>>,
}

impl Wake {
    pub fn new(view: Arc<View>, queue: Arc<Queue<AppKey>>) -> Self {
        Self { view, queue, index: Mutex::default(), digests: OnceLock::new() }
    }

    /// From now on what is known of Secrets that are gone is forgotten there.
    pub fn forget_secrets_in(&self, digests: Arc<SecretDigests>) {
        let _ = self.digests.set(digests);
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what an app refers to.
    pub fn refers(&self, key: &AppKey, references: BTreeSet<ReferenceKey>) {
        self.lock().refers(key, references);
    }

    /// Wakes every app there is.
    pub fn all(&self) {
        for app in self.view.all_apps() {
            self.queue.add(&AppKey::new(&app.namespace, &app.name), Duration::ZERO);
        }
    }

    fn wake<'a>(&self, namespace: &str, names: impl IntoIterator<Item = &'a String>) {
        for name in names {
            if self.view.app(namespace, name).is_some() {
                self.queue.add(&AppKey::new(namespace, name), BURST);
            }
        }
    }

    fn wake_referring(&self, namespace: &str, kind: ReferenceKind, name: &str) {
        let key = (namespace.to_owned(), ReferenceKey { kind, name: name.to_owned() });
        let apps = self.lock().references.get(&key).cloned().unwrap_or_default();
        self.wake(namespace, &apps);
    }
}

impl Index {
    fn refers(&mut self, key: &AppKey, references: BTreeSet<ReferenceKey>) {
        let before = self.referring.get(key).cloned().unwrap_or_default();
        for gone in before.difference(&references) {
            remove(&mut self.references, (key.namespace.clone(), gone.clone()), &key.name);
        }
        for new in references.difference(&before) {
            self.references.entry((key.namespace.clone(), new.clone())).or_default().insert(key.name.clone());
        }
        if references.is_empty() {
            self.referring.remove(key)
        } else {
            self.referring.insert(key.clone(), references)
        };
    }

    /// Notes the services of an app; gives the other apps of the namespace that share names with it, before or now.
    fn declares(&mut self, change: &Change<StoredApp>) -> BTreeSet<String> {
        let mut sharing = BTreeSet::new();
        for (app, declared) in [(&change.before, false), (&change.after, true)] {
            let Some(app) = app else { continue };
            for service in &app.value.services {
                let place = (app.namespace.clone(), service.clone());
                sharing.extend(
                    self.wanted.get(&place).into_iter().flatten().filter(|name| **name != app.name).cloned(),
                );
                if declared {
                    self.wanted.entry(place).or_default().insert(app.name.clone());
                } else {
                    remove(&mut self.wanted, place, &app.name);
                }
            }
        }
        sharing
    }
}

fn remove<K: std::hash::Hash + Eq>(map: &mut HashMap<K, BTreeSet<String>>, key: K, name: &str) {
    if let Some(names) = map.get_mut(&key) {
        names.remove(name);
        if names.is_empty() {
            map.remove(&key);
        }
    }
}

/// Whether anything of an app changed that a reconcile looks at. Its own status belongs to it: whoever edits that is
/// corrected.
fn app_matters(change: &Change<StoredApp>) -> bool {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => before.uid != after.uid || before.value != after.value,
        _ => true,
    }
}

/// Whether anything of a child changed that plan or status look at.
fn child_matters(before: &Object<StoredChild>, after: &Object<StoredChild>) -> bool {
    let (left, right) = (&before.value.child, &after.value.child);
    before.uid != after.uid
        || left.deleting != right.deleting
        || left.owner != right.owner
        || left.fields != right.fields
        || left.workload != right.workload
        || left.rivals != right.rivals
}

impl Listener for Wake {
    fn app(&self, change: &Change<StoredApp>) {
        let Some(app) = change.object() else { return };
        let shares = match (&change.before, &change.after) {
            (Some(before), Some(after)) => {
                before.uid != after.uid || before.value.services != after.value.services
            }
            _ => true,
        };
        if shares {
            let sharing = self.lock().declares(change);
            self.wake(&app.namespace, &sharing);
        }
        if app_matters(change) {
            self.queue.add(&AppKey::new(&app.namespace, &app.name), BURST);
        }
    }

    fn child(&self, kind: ChildKind, change: &Change<StoredChild>) {
        let Some(object) = change.object() else { return };
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        let matters = before.zip(after).is_none_or(|(before, after)| child_matters(before, after));
        if matters {
            let owner = |object: &Arc<Object<StoredChild>>| match &object.value.child.owner {
                Owner::App { name, .. } => Some(name.clone()),
                Owner::Foreign(_) => None,
            };
            let mut apps: BTreeSet<String> = before.into_iter().chain(after).filter_map(owner).collect();
            let place = (object.namespace.clone(), object.name.clone());
            apps.extend(self.lock().wanted.get(&place).into_iter().flatten().cloned());
            self.wake(&object.namespace, &apps);
        }
        let entries =
            |object: Option<&Arc<Object<StoredChild>>>| object.map(|object| object.value.entries.clone());
        if kind == ChildKind::ConfigMap && entries(before) != entries(after) {
            self.wake_referring(&object.namespace, ReferenceKind::ConfigMap, &object.name);
        }
    }

    fn pod(&self, change: &Change<StoredPod>) {
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        let same = before.zip(after).is_some_and(|(before, after)| before.value == after.value);
        if same {
            return;
        }
        for pod in before.into_iter().chain(after) {
            self.wake(&pod.namespace, [&pod.value.app]);
        }
    }

    fn secret(&self, change: &Change<StoredSecret>) {
        let Some(secret) = change.object() else { return };
        if let (None, Some(digests)) = (&change.after, self.digests.get()) {
            digests.forget(&secret.namespace, &secret.name);
        }
        self.wake_referring(&secret.namespace, ReferenceKind::Secret, &secret.name);
    }

    fn note(&self, change: &Change<PodNote>) {
        let Some(note) = change.object() else { return };
        if let Some(pod) = self.view.pod(&note.namespace, &note.value.pod) {
            self.wake(&note.namespace, [&pod.value.app]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::app_from;

    fn app(name: &str, services: &[&str]) -> Arc<Object<StoredApp>> {
        let services: Vec<_> = services.iter().map(|service| json!({"name": service})).collect();
        let object = json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"services": services}});
        Arc::new(app_from(object).expect("an app"))
    }

    fn added(app: &Arc<Object<StoredApp>>) -> Change<StoredApp> {
        Change { before: None, after: Some(app.clone()) }
    }

    #[test]
    fn whoever_shares_a_name_is_woken_when_it_is_taken_or_given_up() {
        let mut index = Index::default();
        let (first, second) = (app("first", &["cart", "search"]), app("second", &["cart"]));
        assert!(index.declares(&added(&first)).is_empty());
        assert_eq!(index.declares(&added(&second)), BTreeSet::from(["first".to_owned()]));
        let given_up = Change { before: Some(first), after: Some(app("first", &["search"])) };
        assert_eq!(index.declares(&given_up), BTreeSet::from(["second".to_owned()]));
        assert_eq!(
            index.wanted[&("shop".to_owned(), "cart".to_owned())],
            BTreeSet::from(["second".to_owned()])
        );
    }

    #[test]
    fn references_follow_what_an_app_says_last() {
        let mut index = Index::default();
        let key = AppKey::new("shop", "first");
        let secret = |name: &str| ReferenceKey { kind: ReferenceKind::Secret, name: name.into() };
        index.refers(&key, BTreeSet::from([secret("a"), secret("b")]));
        index.refers(&key, BTreeSet::from([secret("b")]));
        let names: Vec<_> = index.references.keys().map(|(_, reference)| reference.name.as_str()).collect();
        assert_eq!(names, ["b"]);
        index.refers(&key, BTreeSet::new());
        assert!(index.references.is_empty() && index.referring.is_empty());
    }
}
