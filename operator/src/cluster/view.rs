//! What is known of the cluster: one cache for each resource, and how well each of them is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use msapp_core::desired::{ChildKey, ChildKind};
use tokio::time::Instant;

use super::cache::{Cache, Change, Object, Part};
use super::projection::{PodNote, StoredApp, StoredChild, StoredPod, StoredSecret};

/// Who hears of changes.
pub trait Listener: Send + Sync + 'static {
    /// A resource.
    fn app(&self, change: &Change<StoredApp>);
    /// An object of a kind that the operator makes.
    fn child(&self, kind: ChildKind, change: &Change<StoredChild>);
    /// A pod of an app.
    fn pod(&self, change: &Change<StoredPod>);
    /// A Secret.
    fn secret(&self, change: &Change<StoredSecret>);
    /// A warning about a pod.
    fn note(&self, change: &Change<PodNote>);
}

/// What is watched.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The namespaces; all of them when there are none.
    pub namespaces: Vec<String>,
    /// Whether Secrets are watched at all.
    pub secrets: bool,
}

impl Scope {
    /// The parts of the cluster that have a watch each.
    pub(crate) fn parts(&self) -> Vec<Part> {
        if self.namespaces.is_empty() {
            vec![None]
        } else {
            self.namespaces.iter().cloned().map(Some).collect()
        }
    }
}

/// Resource and part → why its watch does not run, and since when.
type Troubles = BTreeMap<(&'static str, Part), (Trouble, Instant)>;

/// What is known of the cluster.
#[derive(Debug)]
pub struct View {
    /// What is watched.
    pub scope: Scope,
    pub(super) apps: RwLock<Cache<StoredApp>>,
    pub(super) children: [RwLock<Cache<StoredChild>>; ChildKind::ALL.len()],
    pub(super) pods: RwLock<Cache<StoredPod>>,
    pub(super) secrets: RwLock<Cache<StoredSecret>>,
    pub(super) notes: RwLock<Cache<PodNote>>,
    troubles: Mutex<Troubles>,
}

/// A watch that fails is tried again, and fails again, within this time; one that runs is silent about it.
const RECENT: Duration = Duration::from_secs(90);

/// Why a watch does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// In words.
    pub message: String,
    /// Whether the API server does not know the resource.
    pub unknown_resource: bool,
}

pub(super) fn read<T>(cache: &RwLock<Cache<T>>) -> RwLockReadGuard<'_, Cache<T>> {
    cache.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn write<T>(cache: &RwLock<Cache<T>>) -> RwLockWriteGuard<'_, Cache<T>> {
    cache.write().unwrap_or_else(PoisonError::into_inner)
}

impl View {
    /// Nothing is known yet.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            apps: RwLock::default(),
            children: Default::default(),
            pods: RwLock::default(),
            secrets: RwLock::default(),
            notes: RwLock::default(),
            troubles: Mutex::default(),
        }
    }

    /// The cache of the children of a kind.
    fn children_of(&self, kind: ChildKind) -> &RwLock<Cache<StoredChild>> {
        let index = ChildKind::ALL.iter().position(|known| *known == kind).unwrap_or_default();
        &self.children[index]
    }

    /// A resource by name.
    pub fn app(&self, namespace: &str, name: &str) -> Option<Arc<Object<StoredApp>>> {
        read(&self.apps).find(namespace, name)
    }

    /// All resources of a namespace.
    pub fn apps_in(&self, namespace: &str) -> Vec<Arc<Object<StoredApp>>> {
        read(&self.apps).in_namespace(namespace).cloned().collect()
    }

    /// All resources.
    pub fn all_apps(&self) -> Vec<Arc<Object<StoredApp>>> {
        read(&self.apps).iter().cloned().collect()
    }

    /// A child by name.
    pub fn child(&self, namespace: &str, key: &ChildKey) -> Option<Arc<Object<StoredChild>>> {
        read(self.children_of(key.kind)).find(namespace, &key.name)
    }

    /// All children of a kind that belong to the resource with that UID.
    pub fn owned(&self, namespace: &str, kind: ChildKind, uid: &str) -> Vec<Arc<Object<StoredChild>>> {
        read(self.children_of(kind)).group(namespace, uid)
    }

    /// The pods of an app.
    pub fn pods(&self, namespace: &str, app: &str) -> Vec<Arc<Object<StoredPod>>> {
        read(&self.pods).group(namespace, app)
    }

    /// A pod by name.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Object<StoredPod>>> {
        read(&self.pods).find(namespace, name)
    }

    /// Warnings about a pod.
    pub fn notes(&self, namespace: &str, pod: &str) -> Vec<Arc<Object<PodNote>>> {
        read(&self.notes).group(namespace, pod)
    }

    /// A Secret by name; nothing of its content.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<Arc<Object<StoredSecret>>> {
        read(&self.secrets).find(namespace, name)
    }

    /// The answer to a write of a resource's status.
    pub fn app_written(&self, app: Object<StoredApp>) {
        write(&self.apps).written(app);
    }

    /// The answer to a write of a child.
    pub fn child_written(&self, kind: ChildKind, child: Object<StoredChild>) {
        write(self.children_of(kind)).written(child);
    }

    /// A child was deleted and is gone.
    pub fn child_deleted(&self, namespace: &str, key: &ChildKey, uid: &str) {
        write(self.children_of(key.kind)).bury(namespace, &key.name, uid);
    }

    fn lock_troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how a watch is; tells whether that is news.
    pub(super) fn set_trouble(&self, resource: &'static str, part: &Part, trouble: Option<Trouble>) -> bool {
        let mut troubles = self.lock_troubles();
        let key = (resource, part.clone());
        match trouble {
            Some(trouble) => {
                let before = troubles.insert(key, (trouble.clone(), Instant::now()));
                before.is_none_or(|(before, _)| before != trouble)
            }
            None => troubles.remove(&key).is_some(),
        }
    }

    /// Whether the API server does not know the resource of the apps: then nothing is known about which apps there
    /// are, and nothing is written.
    pub fn definition_is_missing(&self) -> bool {
        let troubles = self.lock_troubles();
        troubles
            .iter()
            .any(|((resource, _), (trouble, _))| *resource == "microserviceapps" && trouble.unknown_resource)
    }

    /// What has never been listed to its end, and why; nothing when all is there. Warnings about pods only explain,
    /// so nobody waits for them.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for part in self.scope.parts() {
            let mut check = |resource: &'static str, filled: bool| {
                if !filled {
                    missing.push(self.describe(resource, &part, "not listed yet"));
                }
            };
            check("microserviceapps", read(&self.apps).is_filled(&part) && !self.definition_is_missing());
            for (kind, cache) in ChildKind::ALL.iter().zip(&self.children) {
                check(kind.plural(), read(cache).is_filled(&part));
            }
            check("pods", read(&self.pods).is_filled(&part));
            check("secrets", !self.scope.secrets || read(&self.secrets).is_filled(&part));
        }
        missing
    }

    /// Watches that do not run at present.
    pub fn remarks(&self) -> Vec<String> {
        let recent = |(key, (_, since)): (&(&'static str, Part), &(Trouble, Instant))| {
            (since.elapsed() < RECENT).then(|| key.clone())
        };
        let keys: Vec<_> = self.lock_troubles().iter().filter_map(recent).collect();
        keys.iter().map(|(resource, part)| self.describe(resource, part, "watched again")).collect()
    }

    fn describe(&self, resource: &'static str, part: &Part, otherwise: &str) -> String {
        let place = part.as_deref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        let troubles = self.lock_troubles();
        let why = troubles.get(&(resource, part.clone())).map_or(otherwise, |(trouble, _)| &trouble.message);
        format!("{resource}{place}: {why}")
    }
}
