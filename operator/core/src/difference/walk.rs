//! Two states of an object, field by field: what is applied against what is there.
//!
//! Only fields count that are applied or that the operator owns by server-side apply's book-keeping: defaults of the
//! API server and fields of others are no differences.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::credential::{hidden, hidden_text, hidden_words};

/// A field that gets another value.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Where it is.
    pub path: Path,
    /// What is there; none when it is added. Credentials are hidden.
    pub before: Option<Value>,
    /// What will be there; none when it is removed. Credentials are hidden; a line with another one says so.
    pub after: Option<Value>,
    /// Whether something in it is hidden.
    pub is_hidden: bool,
}

/// Where a field is: `spec.template.spec.containers[app].env[LOG_LEVEL].value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field of an object, or an entry of a map.
    Field(String),
    /// An item of a list, by what tells it from the others.
    Item(String),
    /// The order of the items of a list.
    Order,
}

impl Path {
    /// Whether it leads through these fields.
    pub fn starts_with(&self, fields: &[&str]) -> bool {
        let is = |step: &Step, wanted: &str| matches!(step, Step::Field(name) if name == wanted);
        self.0.len() >= fields.len() && self.0.iter().zip(fields).all(|(step, wanted)| is(step, wanted))
    }

    fn field(&self, name: &str) -> Self {
        self.below(Step::Field(name.to_owned()))
    }

    fn below(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The name that an author gave to what is here: of a variable, a header, an annotation, an entry of a ConfigMap.
    fn given_name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [.., Step::Item(name), Step::Field(field)] if field == "value" => Some(name),
            [.., Step::Field(map), Step::Field(name)] if FREE_MAPS.contains(&map.as_str()) => Some(name),
            _ => None,
        }
    }

    fn last_field(&self) -> Option<&str> {
        match self.0.last() {
            Some(Step::Field(name)) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if is_plain(name) => {
                    let dot = if index == 0 { "" } else { "." };
                    write!(formatter, "{dot}{name}")?;
                }
                Step::Field(name) | Step::Item(name) => write!(formatter, "[{name}]")?,
                Step::Order => formatter.write_str(" (order)")?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter))
}

/// Maps whose keys are chosen by the author.
const FREE_MAPS: [&str; 4] = ["annotations", "labels", "data", "binaryData"];
/// What tells the items of a list apart, the first that does so: a name where there is one, because a name stays
/// when the rest changes.
const IDENTITIES: [&str; 6] = ["mountPath", "name", "topologyKey", "key", "host", "path"];

/// Stands behind something hidden that is not what it was.
const ANOTHER: &str = " (another value)";

/// What applying a manifest changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Fields with another value.
    pub changes: Vec<FieldChange>,
    /// Fields that have the value already, written by somebody else: only their owner changes.
    pub taken_over: Vec<Path>,
}

/// Compares a manifest with the live object; `owned` is the part of the live object that the operator owns.
pub fn compare(manifest: &Value, owned: &Value, live: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    let (manifest, owned) = (without_identity(manifest), without_identity(owned));
    comparison.walk(&Path::default(), Some(&manifest), Some(&owned), Some(live));
    comparison
}

/// API version, kind, name, namespace and owner references are no fields that could change.
fn without_identity(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, _| !["apiVersion", "kind"].contains(&name.as_str()));
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|name, _| !["name", "namespace", "ownerReferences"].contains(&name.as_str()));
    }
    object
}

impl Comparison {
    fn walk(&mut self, path: &Path, wanted: Option<&Value>, owned: Option<&Value>, live: Option<&Value>) {
        match (wanted, live) {
            (Some(Value::Object(wanted)), Some(Value::Object(live))) => {
                self.objects(path, wanted, owned.and_then(Value::as_object), live);
            }
            (Some(Value::Array(wanted)), Some(Value::Array(live)))
                if is_of_objects(wanted) && is_of_objects(live) =>
            {
                let owned = owned.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                self.lists(path, wanted, owned, live);
            }
            (Some(wanted), Some(live)) if wanted == live => {
                if owned.is_none() {
                    self.taken_over.push(path.clone());
                }
            }
            (Some(_), live) => self.changes.push(change(path, live, wanted)),
            (None, live) if owned.is_some() => self.changes.push(change(path, live.or(owned), None)),
            (None, _) => {}
        }
    }

    fn objects(
        &mut self,
        path: &Path,
        wanted: &Map<String, Value>,
        owned: Option<&Map<String, Value>>,
        live: &Map<String, Value>,
    ) {
        let names: BTreeSet<&String> =
            wanted.keys().chain(owned.iter().flat_map(|owned| owned.keys())).collect();
        for name in names {
            let owned = owned.and_then(|owned| owned.get(name));
            self.walk(&path.field(name), wanted.get(name), owned, live.get(name));
        }
    }

    /// Items are matched by what tells them apart, or else by being equal.
    fn lists(&mut self, path: &Path, wanted: &[Value], owned: &[Value], live: &[Value]) {
        let Some(identity) = identity(&[wanted, owned, live]) else {
            return self.rules(path, wanted, owned, live);
        };
        let find = |items: &'_ [Value], name: &str| items.iter().position(|item| item[identity] == name);
        let names = |items: &[Value]| -> Vec<String> {
            items.iter().filter_map(|item| item[identity].as_str().map(str::to_owned)).collect()
        };
        let gone = names(owned).into_iter().filter(|name| find(wanted, name).is_none());
        for name in names(wanted).into_iter().chain(gone) {
            let item = |items: &'_ [Value]| find(items, &name);
            let path = path.below(Step::Item(name.clone()));
            self.walk(
                &path,
                item(wanted).map(|index| &wanted[index]),
                item(owned).map(|index| &owned[index]),
                item(live).map(|index| &live[index]),
            );
        }
        let common = |one: &[Value], other: &[Value]| -> Vec<Value> {
            names(one).into_iter().filter(|name| find(other, name).is_some()).map(Value::from).collect()
        };
        let (before, after) = (common(live, wanted), common(wanted, live));
        if before != after {
            let (before, after) = (Some(before.into()), Some(after.into()));
            self.changes.push(FieldChange { path: path.below(Step::Order), before, after, is_hidden: false });
        }
    }

    /// Items without a name, such as the rules of a policy: what is on both sides stays.
    fn rules(&mut self, path: &Path, wanted: &[Value], owned: &[Value], live: &[Value]) {
        let added: Vec<&Value> = wanted.iter().filter(|item| !live.contains(item)).collect();
        let removed: Vec<&Value> = owned.iter().filter(|item| !wanted.contains(item)).collect();
        if let ([added], [removed]) = (added.as_slice(), removed.as_slice()) {
            let position = wanted.iter().position(|item| item == *added).unwrap_or_default();
            let path = path.below(Step::Item(position.to_string()));
            return self.walk(&path, Some(added), Some(removed), Some(removed));
        }
        let path = path.below(Step::Item("*".to_owned()));
        self.changes.extend(removed.into_iter().map(|item| change(&path, Some(item), None)));
        self.changes.extend(added.into_iter().map(|item| change(&path, None, Some(item))));
    }
}

fn is_of_objects(items: &[Value]) -> bool {
    items.iter().all(Value::is_object)
}

/// The field that tells the items of all these lists apart.
fn identity(lists: &[&[Value]]) -> Option<&'static str> {
    IDENTITIES.into_iter().find(|field| {
        lists.iter().all(|items| {
            let mut seen = BTreeSet::new();
            items.iter().all(|item| item[*field].as_str().is_some_and(|name| seen.insert(name)))
        })
    })
}

fn change(path: &Path, before: Option<&Value>, after: Option<&Value>) -> FieldChange {
    let shown = |value: Option<&Value>| value.map(|value| without_credentials(path, value));
    let (shown_before, mut shown_after) = (shown(before), shown(after));
    let is_hidden = shown_before.as_ref() != before || shown_after.as_ref() != after;
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    if let (Some(before), Some(after), Some(old), Some(new)) = (
        before.and_then(Value::as_str),
        after.and_then(Value::as_str),
        text(&shown_before),
        text(&shown_after),
    ) {
        shown_after = Some(marked((before, after), (&old, &new)).into());
    }
    FieldChange { path: path.clone(), before: shown_before, after: shown_after, is_hidden }
}

/// Marks the lines that look like one of before only because of what is hidden in them.
fn marked((before, after): (&str, &str), (old, new): (&str, &str)) -> String {
    let (known, looks): (BTreeSet<&str>, BTreeSet<&str>) =
        (before.split('\n').collect(), old.split('\n').collect());
    let lines = after.split('\n').zip(new.split('\n')).map(|(line, shown)| {
        let differs = line != shown && looks.contains(shown) && !known.contains(line);
        if differs { format!("{shown}{ANOTHER}") } else { shown.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The value with everything hidden that may not be shown.
fn without_credentials(path: &Path, value: &Value) -> Value {
    match value {
        Value::String(text) => match path.given_name() {
            Some(name) => hidden(name, text).into(),
            None => hidden_text(text).into(),
        },
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, field)| (name.clone(), without_credentials(&path.field(name), field)));
            Value::Object(fields.collect())
        }
        Value::Array(items)
            if path.last_field().is_some_and(|field| ["args", "command"].contains(&field)) =>
        {
            let words: Vec<&str> = items.iter().map(|word| word.as_str().unwrap_or_default()).collect();
            hidden_words(&words).into()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let name = identity(&[std::slice::from_ref(item)]).and_then(|field| item[field].as_str());
                without_credentials(&path.below(Step::Item(name.unwrap_or("*").to_owned())), item)
            })
            .collect(),
        scalar => scalar.clone(),
    }
}
