//! What is known of the objects of one resource: fed by watches, ahead of them by our own writes.
//!
//! A watch tells of our own writes late. So the answer to a write is put in at once, and an event that is older than
//! what is known (by `resourceVersion`, which counts up within a resource) changes nothing. What we deleted is
//! remembered until the watch tells of it too. A new list swaps in at its end and reports what vanished meanwhile.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Something a cache can hold.
pub trait Cached: Send + Sync + 'static {
    /// What objects are looked up by besides their name.
    fn group(&self) -> Option<&str> {
        None
    }
}

/// What is kept of an object, under its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<T> {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// What is kept.
    pub value: T,
}

impl<T> Object<T> {
    /// The resource version as the number that it is; an odd one counts as the newest.
    fn version(&self) -> u64 {
        self.resource_version.parse().unwrap_or(u64::MAX)
    }
}

/// What became of one object.
#[derive(Clone, Debug)]
pub struct Change<T> {
    /// What was known, if anything.
    pub before: Option<Arc<Object<T>>>,
    /// What is known now, if anything.
    pub after: Option<Arc<Object<T>>>,
}

impl<T> Change<T> {
    /// The object, as it is or was.
    pub fn object(&self) -> Option<&Arc<Object<T>>> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// Which part of the cluster a watch covers: one namespace, or all.
pub type Part = Option<String>;

/// The objects of one namespace.
#[derive(Debug)]
struct Shelf<T> {
    objects: HashMap<String, Arc<Object<T>>>,
    groups: HashMap<String, BTreeSet<String>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { objects: HashMap::new(), groups: HashMap::new() }
    }
}

/// A list that is being read.
#[derive(Debug)]
struct Staging<T> {
    listed: HashMap<(String, String), Object<T>>,
    /// Written by ourselves since the list began.
    written: HashSet<(String, String)>,
    /// UIDs of what we deleted since the list began.
    buried: HashSet<String>,
}

/// What is known of the objects of one resource.
#[derive(Debug)]
pub struct Cache<T> {
    shelves: HashMap<String, Shelf<T>>,
    staging: HashMap<Part, Staging<T>>,
    /// UIDs of what we deleted and a watch has not told of yet.
    buried: HashSet<String>,
    filled: HashSet<Part>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        let (shelves, staging) = (HashMap::new(), HashMap::new());
        Self { shelves, staging, buried: HashSet::new(), filled: HashSet::new() }
    }
}

impl<T: Cached + PartialEq> Cache<T> {
    /// An object by name.
    pub fn find(&self, namespace: &str, name: &str) -> Option<Arc<Object<T>>> {
        self.shelves.get(namespace)?.objects.get(name).cloned()
    }

    /// All objects of a namespace that belong to a group.
    pub fn group(&self, namespace: &str, group: &str) -> Vec<Arc<Object<T>>> {
        let Some(shelf) = self.shelves.get(namespace) else {
            return Vec::new();
        };
        let names = shelf.groups.get(group).into_iter().flatten();
        names.filter_map(|name| shelf.objects.get(name).cloned()).collect()
    }

    /// All objects of a namespace.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = &Arc<Object<T>>> {
        self.shelves.get(namespace).into_iter().flat_map(|shelf| shelf.objects.values())
    }

    /// All objects.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Object<T>>> {
        self.shelves.values().flat_map(|shelf| shelf.objects.values())
    }

    /// Whether the part was listed to its end at least once.
    pub fn is_filled(&self, part: &Part) -> bool {
        self.filled.contains(part)
    }

    /// A watch told of an object.
    pub fn observe(&mut self, object: Object<T>) -> Option<Change<T>> {
        let known = self.find(&object.namespace, &object.name);
        let stale = known.is_some_and(|known| known.version() >= object.version());
        if stale || self.buried.contains(&object.uid) {
            return None;
        }
        Some(self.insert(object))
    }

    /// A watch told that an object is gone, or does not matter any more.
    pub fn forget(&mut self, namespace: &str, name: &str, uid: &str) -> Option<Change<T>> {
        self.buried.remove(uid);
        let known = self.find(namespace, name)?;
        if known.uid != uid { None } else { self.remove(namespace, name) }
    }

    /// The answer to a write of our own.
    pub fn written(&mut self, object: Object<T>) -> Option<Change<T>> {
        let identity = (object.namespace.clone(), object.name.clone());
        for (_, staging) in self.staging.iter_mut().filter(|(part, _)| covers(part, &object.namespace)) {
            staging.written.insert(identity.clone());
        }
        self.observe(object)
    }

    /// We deleted an object, and it is gone.
    pub fn bury(&mut self, namespace: &str, name: &str, uid: &str) -> Option<Change<T>> {
        for (_, staging) in self.staging.iter_mut().filter(|(part, _)| covers(part, namespace)) {
            staging.buried.insert(uid.to_owned());
        }
        let known = self.find(namespace, name).filter(|known| known.uid == uid)?;
        self.buried.insert(uid.to_owned());
        self.remove(&known.namespace, &known.name)
    }

    /// A list begins; one that did not end is dropped.
    pub fn begin(&mut self, part: Part) {
        let staging = Staging { listed: HashMap::new(), written: HashSet::new(), buried: HashSet::new() };
        self.staging.insert(part, staging);
    }

    /// The list names an object.
    pub fn stage(&mut self, part: &Part, object: Object<T>) {
        if let Some(staging) = self.staging.get_mut(part) {
            staging.listed.insert((object.namespace.clone(), object.name.clone()), object);
        }
    }

    /// The list is complete: it replaces what was known, except for what we wrote ourselves since it began.
    pub fn finish(&mut self, part: &Part) -> Vec<Change<T>> {
        let Some(staging) = self.staging.remove(part) else {
            return Vec::new();
        };
        self.filled.insert(part.clone());
        let newest = staging.listed.values().map(Object::version).max().unwrap_or_default();
        let mut changes = self.vanish(part, &staging, newest);
        let known_ahead = |cache: &Self, object: &Object<T>| {
            let identity = (object.namespace.clone(), object.name.clone());
            let known = cache.find(&object.namespace, &object.name);
            known.is_some_and(|known| {
                staging.written.contains(&identity) && known.version() > object.version()
            })
        };
        for object in staging.listed.into_values() {
            let gone = staging.buried.contains(&object.uid);
            if !gone {
                self.buried.remove(&object.uid);
            }
            if !gone && !known_ahead(self, &object) {
                changes.push(self.insert(object));
            }
        }
        changes.retain(|change| match (&change.before, &change.after) {
            (Some(before), Some(after)) => {
                before.uid != after.uid || before.resource_version != after.resource_version
            }
            _ => true,
        });
        changes
    }

    /// Removes what a complete list does not name.
    fn vanish(&mut self, part: &Part, staging: &Staging<T>, newest: u64) -> Vec<Change<T>> {
        let gone = |object: &&Arc<Object<T>>| {
            let identity = (object.namespace.clone(), object.name.clone());
            let ahead = staging.written.contains(&identity) && object.version() > newest;
            covers(part, &object.namespace) && !staging.listed.contains_key(&identity) && !ahead
        };
        let gone: Vec<_> = self.iter().filter(gone).cloned().collect();
        gone.iter()
            .filter_map(|object| {
                self.buried.remove(&object.uid);
                self.remove(&object.namespace, &object.name)
            })
            .collect()
    }

    fn insert(&mut self, object: Object<T>) -> Change<T> {
        let shelf = self.shelves.entry(object.namespace.clone()).or_default();
        let object = Arc::new(object);
        let before = shelf.objects.insert(object.name.clone(), object.clone());
        let group_before = before.as_ref().and_then(|before| before.value.group());
        if group_before != object.value.group() {
            shelf.leave_group(before.as_deref());
            if let Some(group) = object.value.group() {
                shelf.groups.entry(group.to_owned()).or_default().insert(object.name.clone());
            }
        }
        Change { before, after: Some(object) }
    }

    fn remove(&mut self, namespace: &str, name: &str) -> Option<Change<T>> {
        let shelf = self.shelves.get_mut(namespace)?;
        let before = shelf.objects.remove(name)?;
        shelf.leave_group(Some(&before));
        if shelf.objects.is_empty() {
            self.shelves.remove(namespace);
        }
        Some(Change { before: Some(before), after: None })
    }
}

impl<T: Cached> Shelf<T> {
    fn leave_group(&mut self, object: Option<&Object<T>>) {
        let Some((object, group)) = object.and_then(|object| Some((object, object.value.group()?))) else {
            return;
        };
        if let Some(names) = self.groups.get_mut(group) {
            names.remove(&object.name);
            if names.is_empty() {
                self.groups.remove(group);
            }
        }
    }
}

fn covers(part: &Part, namespace: &str) -> bool {
    part.as_deref().is_none_or(|part| part == namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Thing(&'static str);

    impl Cached for Thing {
        fn group(&self) -> Option<&str> {
            Some(self.0)
        }
    }

    fn thing(name: &str, uid: &str, version: u64, group: &'static str) -> Object<Thing> {
        Object {
            namespace: "shop".into(),
            name: name.into(),
            uid: uid.into(),
            resource_version: version.to_string(),
            value: Thing(group),
        }
    }

    fn listed(objects: Vec<Object<Thing>>) -> Cache<Thing> {
        let mut cache = Cache::default();
        cache.begin(None);
        objects.into_iter().for_each(|object| cache.stage(&None, object));
        cache.finish(&None);
        cache
    }

    fn version(cache: &Cache<Thing>, name: &str) -> Option<u64> {
        cache.find("shop", name).map(|object| object.version())
    }

    #[test]
    fn nothing_is_seen_of_a_list_before_its_end() {
        let mut cache = Cache::default();
        cache.begin(None);
        cache.stage(&None, thing("a", "1", 5, "g"));
        assert_eq!((version(&cache, "a"), cache.is_filled(&None)), (None, false));
        assert_eq!(cache.finish(&None).len(), 1);
        assert_eq!((version(&cache, "a"), cache.is_filled(&None)), (Some(5), true));
    }

    #[test]
    fn a_new_list_reports_what_vanished_and_what_changed_and_nothing_else() {
        let mut cache =
            listed(vec![thing("a", "1", 5, "g"), thing("b", "2", 6, "g"), thing("c", "3", 7, "g")]);
        cache.begin(None);
        cache.stage(&None, thing("a", "1", 5, "g"));
        cache.stage(&None, thing("b", "2", 9, "g"));
        let mut changed: Vec<_> = cache
            .finish(&None)
            .iter()
            .map(|change| (change.object().expect("one").name.clone(), change.after.is_some()))
            .collect();
        changed.sort();
        assert_eq!(changed, [("b".to_owned(), true), ("c".to_owned(), false)]);
    }

    #[test]
    fn a_list_of_one_namespace_leaves_the_others_alone() {
        let mut cache = listed(vec![thing("a", "1", 5, "g")]);
        let part = Some("elsewhere".to_owned());
        cache.begin(part.clone());
        assert!(cache.finish(&part).is_empty());
        assert_eq!(version(&cache, "a"), Some(5));
    }

    #[test]
    fn a_list_from_a_restored_server_replaces_newer_numbers() {
        let mut cache = listed(vec![thing("a", "1", 500, "g")]);
        cache.begin(None);
        cache.stage(&None, thing("a", "1", 20, "g"));
        cache.finish(&None);
        assert_eq!(version(&cache, "a"), Some(20));
    }

    #[test]
    fn an_event_older_than_our_own_write_changes_nothing() {
        let mut cache = listed(vec![thing("a", "1", 5, "g")]);
        assert!(cache.written(thing("a", "1", 9, "g")).is_some());
        assert!(cache.observe(thing("a", "1", 7, "g")).is_none());
        assert!(cache.observe(thing("a", "1", 9, "g")).is_none(), "our own write, told once more");
        assert_eq!(version(&cache, "a"), Some(9));
        assert!(cache.observe(thing("a", "1", 10, "g")).is_some());
    }

    #[test]
    fn the_end_of_a_predecessor_does_not_remove_its_successor() {
        let mut cache = listed(vec![thing("a", "1", 5, "g")]);
        cache.written(thing("a", "2", 9, "g"));
        assert!(cache.forget("shop", "a", "1").is_none());
        assert_eq!(version(&cache, "a"), Some(9));
    }

    #[test]
    fn what_we_deleted_does_not_come_back_with_late_events() {
        let mut cache = listed(vec![thing("a", "1", 5, "g")]);
        assert!(cache.bury("shop", "a", "1").is_some());
        assert!(cache.observe(thing("a", "1", 6, "g")).is_none());
        assert!(cache.forget("shop", "a", "1").is_none());
        assert!(cache.buried.is_empty(), "the watch told of it, so nothing is remembered");
        assert!(cache.observe(thing("a", "2", 8, "g")).is_some());
    }

    #[test]
    fn what_we_wrote_and_deleted_while_a_list_was_read_stands() {
        let mut cache = listed(vec![thing("old", "1", 5, "g"), thing("gone", "2", 6, "g")]);
        cache.begin(None);
        cache.stage(&None, thing("old", "1", 5, "g"));
        cache.stage(&None, thing("gone", "2", 6, "g"));
        cache.written(thing("new", "3", 8, "g"));
        cache.written(thing("old", "1", 9, "g"));
        cache.bury("shop", "gone", "2");
        cache.finish(&None);
        assert_eq!(["old", "new", "gone"].map(|name| version(&cache, name)), [Some(9), Some(8), None]);
    }

    #[test]
    fn what_we_wrote_before_an_object_that_the_list_names_has_vanished_again() {
        let mut cache = listed(vec![]);
        cache.begin(None);
        cache.written(thing("new", "3", 8, "g"));
        cache.stage(&None, thing("other", "4", 12, "g"));
        cache.finish(&None);
        assert_eq!(version(&cache, "new"), None);
    }

    #[test]
    fn groups_follow_the_objects() {
        let mut cache = listed(vec![thing("a", "1", 5, "x"), thing("b", "2", 6, "x")]);
        let names = |cache: &Cache<Thing>, group: &str| {
            cache.group("shop", group).iter().map(|object| object.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&cache, "x"), ["a", "b"]);
        cache.observe(thing("a", "1", 7, "y"));
        assert_eq!((names(&cache, "x"), names(&cache, "y")), (vec!["b".to_owned()], vec!["a".to_owned()]));
        cache.forget("shop", "b", "2");
        assert!(names(&cache, "x").is_empty());
    }
}
