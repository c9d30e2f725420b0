//! Why pods are replaced, in the words of the resource.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::Verdict;
use super::forecast::Scene;
use super::unread;
use super::walk::{FieldChange, Step};
use crate::desired::{ChildKey, ChildKind};
use crate::plan::Action;
use crate::reference::ReferenceKey;
use crate::{labels, name};

/// Why the pods of a service are replaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Another image.
    Image {
        /// The one that runs.
        before: String,
        /// The one that will.
        after: String,
    },
    /// An environment variable.
    Variable(String, Alteration),
    /// The text of an inline file.
    File(String, Alteration),
    /// What is mounted at a path.
    Mount(String, Alteration),
    /// What the discovery file says of a dependency.
    Connection(String, Alteration),
    /// The content of entries of a referenced object.
    Reference(ReferenceKey, BTreeSet<String>),
    /// Something else, by its name in the resource or in Kubernetes.
    Setting(String),
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alteration {
    /// It is new.
    Added,
    /// It is no longer there.
    Removed,
    /// It is another one.
    Changed,
}

impl fmt::Display for Alteration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Alteration::Added => "added",
            Alteration::Removed => "removed",
            Alteration::Changed => "changed",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Image { before, after } => {
                write!(formatter, "image {} -> {}", short_image(before), short_image(after))
            }
            Reason::Variable(name, how) => write!(formatter, "environment variable {name} {how}"),
            Reason::File(path, how) => write!(formatter, "file {path} {how}"),
            Reason::Mount(path, how) => write!(formatter, "mount {path} {how}"),
            Reason::Connection(name, how) => write!(formatter, "connection to {name} {how}"),
            Reason::Reference(key, entries) => {
                let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
                write!(formatter, "{key} changed ({})", entries.join(", "))
            }
            Reason::Setting(name) => write!(formatter, "{name} changed"),
        }
    }
}

impl Reason {
    /// In as few words as a summary has room for: `image`, `file /etc/app.yaml`.
    pub fn short(&self) -> String {
        match self {
            Reason::Image { .. } => "image".to_owned(),
            Reason::Variable(name, _) => name.clone(),
            Reason::File(path, _) => format!("file {path}"),
            Reason::Mount(path, _) => format!("mount {path}"),
            Reason::Connection(name, _) => format!("connection to {name}"),
            Reason::Reference(key, _) => key.to_string(),
            Reason::Setting(name) => name.clone(),
        }
    }
}

/// `registry.example/shop/cart:1` as `cart:1`; a digest as its first digits.
fn short_image(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    match last.split_once('@') {
        Some((name, digest)) => {
            format!("{name}@{}", digest.chars().take("sha256:".len() + 7).collect::<String>())
        }
        None => last.to_owned(),
    }
}

/// Why the pods of a Deployment with these changes are replaced, without duplicates.
pub(super) fn reasons(scene: &Scene<'_>, changes: &[FieldChange]) -> Vec<Reason> {
    let template = changes.iter().filter(|change| change.path.starts_with(&["spec", "template"]));
    let mut reasons: BTreeSet<Reason> = template.flat_map(|change| of_change(scene, change)).collect();
    let files: Vec<String> = reasons
        .iter()
        .filter_map(|reason| if let Reason::File(path, _) = reason { Some(path.clone()) } else { None })
        .collect();
    // The text of a new file says it already.
    reasons.retain(|reason| match reason {
        Reason::Mount(path, _) => {
            !files.iter().any(|file| file == path || file.starts_with(&format!("{path}/")))
        }
        _ => true,
    });
    // What the pods look at elsewhere follows from how they look at it.
    let consequence = |reason: &Reason| *reason == Reason::Setting(CONTENT.to_owned()) || is_volume(reason);
    if reasons.iter().any(|reason| !consequence(reason)) {
        reasons.retain(|reason| !consequence(reason));
    }
    reasons.into_iter().collect()
}

const CONFIGURATION: &str = "configuration digest";
const CONTENT: &str = "content of a referenced ConfigMap";
const VOLUME: &str = "volume ";

fn is_volume(reason: &Reason) -> bool {
    matches!(reason, Reason::Setting(name) if name.starts_with(VOLUME))
}

fn of_change(scene: &Scene<'_>, change: &FieldChange) -> Vec<Reason> {
    let how = alteration(change);
    let setting = |name: &str| vec![Reason::Setting(name.to_owned())];
    match words(change).as_slice() {
        ["metadata", "annotations", labels::CONFIG_DIGEST] => configuration(scene),
        ["metadata", "annotations", labels::REFERENCE_DIGEST] => content(scene),
        ["metadata", "annotations", key, ..] => setting(&format!("annotation {key}")),
        ["metadata", "labels", key, ..] => setting(&format!("label {key}")),
        ["spec", "containers", container, field, below @ ..] => of_container(change, container, field, below),
        ["spec", "volumes", volume, ..] => setting(&format!("{VOLUME}{volume}")),
        ["spec", "terminationGracePeriodSeconds"] => setting("gracefulStop"),
        ["spec", "topologySpreadConstraints", ..] => setting("spread"),
        ["spec", "securityContext", ..] => setting("security"),
        ["spec", field, ..] => setting(field),
        _ => vec![Reason::Setting(format!("pod template, {how}"))],
    }
}

fn of_container(change: &FieldChange, container: &str, field: &str, below: &[&str]) -> Vec<Reason> {
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let how = if below.len() > 1 { Alteration::Changed } else { alteration(change) };
    vec![match (field, below) {
        _ if container != name::CONTAINER => Reason::Setting(format!("container {container}")),
        ("image", _) => Reason::Image { before: text(&change.before), after: text(&change.after) },
        ("env", [name, ..]) => Reason::Variable((*name).to_owned(), how),
        ("volumeMounts", [path, ..]) => Reason::Mount((*path).to_owned(), how),
        ("startupProbe" | "readinessProbe" | "livenessProbe", _) => Reason::Setting("probes".to_owned()),
        ("lifecycle", _) => Reason::Setting("gracefulStop".to_owned()),
        ("securityContext", _) => Reason::Setting("security".to_owned()),
        ("env", []) => Reason::Setting("order of the environment variables".to_owned()),
        _ => Reason::Setting(field.to_owned()),
    }]
}

/// The steps below the pod template; an order is none.
fn words(change: &FieldChange) -> Vec<&str> {
    let named = change.path.0.iter().skip(2).filter_map(|step| match step {
        Step::Field(name) | Step::Item(name) => Some(name.as_str()),
        Step::Order => None,
    });
    named.collect()
}

fn alteration(change: &FieldChange) -> Alteration {
    match (&change.before, &change.after) {
        (None, _) => Alteration::Added,
        (_, None) => Alteration::Removed,
        _ => Alteration::Changed,
    }
}

/// What in the ConfigMap of the service makes its digest another one.
fn configuration(scene: &Scene<'_>) -> Vec<Reason> {
    let key = ChildKey::new(ChildKind::ConfigMap, &scene.child.key.name);
    let verdict = scene.children.iter().find(|child| child.key == key).map(|child| &child.verdict);
    let Some(Verdict::Update { changes, .. }) = verdict else {
        return vec![Reason::Setting(CONFIGURATION.to_owned())];
    };
    let mut reasons = Vec::new();
    for change in changes {
        match change.path.0.as_slice() {
            [Step::Field(data), Step::Field(entry)] if data == "data" && entry == name::DISCOVERY_KEY => {
                reasons.extend(connections(scene, &key));
            }
            [Step::Field(data), Step::Field(entry)] if data == "data" => {
                let path = mounted_at(scene, entry).unwrap_or_else(|| entry.clone());
                reasons.push(Reason::File(path, alteration(change)));
            }
            _ => {}
        }
    }
    if reasons.is_empty() { vec![Reason::Setting(CONFIGURATION.to_owned())] } else { reasons }
}

/// The dependencies of which the discovery file says something else.
fn connections(scene: &Scene<'_>, config_map: &ChildKey) -> Vec<Reason> {
    let text = scene.facts.live.get(config_map).and_then(|live| live["data"][name::DISCOVERY_KEY].as_str());
    let before: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let before = before["dependencies"].as_object().cloned().unwrap_or_default();
    let edges = scene.service().map(|service| service.edges.as_slice()).unwrap_or_default();
    let told = edges.iter().filter_map(|edge| match before.get(&edge.name) {
        None => Some(Reason::Connection(edge.name.clone(), Alteration::Added)),
        Some(facts) if *facts != edge.discovery => {
            Some(Reason::Connection(edge.name.clone(), Alteration::Changed))
        }
        Some(_) => None,
    });
    let gone = before.keys().filter(|name| !edges.iter().any(|edge| edge.name == **name));
    told.chain(gone.map(|name| Reason::Connection(name.clone(), Alteration::Removed))).collect()
}

/// Where an entry of the ConfigMap of a service is mounted, or was.
fn mounted_at(scene: &Scene<'_>, entry: &str) -> Option<String> {
    let step = scene.facts.plan.steps.iter().find(|step| step.key == scene.child.key)?;
    let wanted = if let Action::Update { manifest, .. } = &step.action { manifest } else { &Value::Null };
    [wanted, scene.live()].into_iter().find_map(|deployment| {
        let pod = &deployment["spec"]["template"]["spec"];
        let (volume, file) = volume_of(pod, entry)?;
        let mounts =
            pod["containers"].as_array()?.iter().flat_map(|container| container["volumeMounts"].as_array());
        let mount = mounts.flatten().find(|mount| mount["name"] == volume)?;
        let path = mount["mountPath"].as_str()?;
        Some(if mount["subPath"].is_string() { path.to_owned() } else { format!("{path}/{file}") })
    })
}

/// The volume that shows an entry, and the name of the file in it.
fn volume_of<'p>(pod: &'p Value, entry: &str) -> Option<(&'p str, &'p str)> {
    let mut volumes = pod["volumes"].as_array()?.iter();
    volumes.find_map(|volume| {
        let sources = volume["projected"]["sources"].as_array().into_iter().flatten();
        let sources = std::iter::once(volume).chain(sources);
        let mut items =
            sources.flat_map(|source| source["configMap"]["items"].as_array().into_iter().flatten());
        let item = items.find(|item| item["key"] == entry)?;
        Some((volume["name"].as_str()?, item["path"].as_str()?))
    })
}

/// What in the ConfigMaps that the service refers to gets another content.
fn content(scene: &Scene<'_>) -> Vec<Reason> {
    let Some(service) = scene.service() else {
        return Vec::new();
    };
    let changes = unread::changes(service, scene.facts.changed);
    let reasons: Vec<Reason> =
        changes.map(|(key, entries)| Reason::Reference(key.clone(), entries)).collect();
    if reasons.is_empty() { vec![Reason::Setting(CONTENT.to_owned())] } else { reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_by_what_differs_usually() {
        let reason = Reason::Image {
            before: "registry.example:5000/shop/cart:1.4.2".into(),
            after: "cart@sha256:0123456789abcdef".into(),
        };
        assert_eq!(reason.to_string(), "image cart:1.4.2 -> cart@sha256:0123456");
    }
}
