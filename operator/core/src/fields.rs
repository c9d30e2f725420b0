//! Which fields of a live object the operator owns, after server-side apply's own book-keeping.
//!
//! `metadata.managedFields` names, per manager, the fields it owns (`fieldsV1`,
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>). The live object restricted to our fields
//! equals the manifest we applied last, so comparing the two tells whether a write would change anything: defaults
//! and the fields of others never matter, a field that somebody took from us does, and so does one that we no
//! longer want. Only a digest of the restriction is kept.

use serde_json::{Map, Value};

use crate::desired::ChildKind;
use crate::digest;

/// The fields that the operator owns of one live object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Digest of the owned fields and their values, comparable with [`digest_of`] a manifest.
    pub digest: String,
    /// `spec.replicas`, when it is among them.
    pub replicas: Option<i32>,
}

/// Another manager of an object of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    /// Its field manager name.
    pub manager: String,
    /// Whether it owns its fields by server-side apply, so that it will come back for them; otherwise it wrote once.
    pub applies: bool,
    /// What it owns, as a `fieldsV1` tree.
    pub fields: Value,
}

/// Restricts a live object to our fields and lists the other managers of it, those of its status apart.
pub(crate) fn project(kind: ChildKind, object: &Value) -> (Fields, Vec<Rival>) {
    let owned = owned(object);
    let others = managers(object).filter(|entry| !is_ours(entry) && entry["subresource"] != "status");
    let rivals = others.map(|entry| Rival {
        manager: entry["manager"].as_str().unwrap_or_default().to_owned(),
        applies: entry["operation"] == "Apply",
        fields: entry["fieldsV1"].clone(),
    });
    let rivals = rivals.collect();
    let replicas = (kind == ChildKind::Deployment).then(|| owned["spec"]["replicas"].as_i64()).flatten();
    let fields = Fields {
        digest: digest_of(&owned),
        replicas: replicas.and_then(|replicas| i32::try_from(replicas).ok()),
    };
    (fields, rivals)
}

/// The part of a live object that the operator owns; nothing of an object that it never applied.
pub fn owned(object: &Value) -> Value {
    let ours = managers(object).filter(|entry| is_ours(entry)).last();
    ours.map_or_else(|| Value::Object(Map::new()), |entry| restrict(object, &entry["fieldsV1"]))
}

fn managers(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"].as_array().into_iter().flatten()
}

fn is_ours(entry: &Value) -> bool {
    entry["operation"] == "Apply" && entry["manager"] == msapp_crds::MANAGER && entry["subresource"].is_null()
}

/// Digest of a manifest, leaving out what is identity rather than a field: API version, kind, name, namespace and
/// owner references.
pub fn digest_of(manifest: &Value) -> String {
    let mut text = String::new();
    canonical(manifest, 0, &mut text);
    digest::plain([text.as_bytes()])
}

/// Writes a value with sorted keys; at the two outermost levels identity is skipped.
fn canonical(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.iter().filter(|(key, _)| !is_identity(key, depth)).collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, field) in entries {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                let depth = if depth == 0 && key == "metadata" { 1 } else { 2 };
                canonical(field, depth, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, 2, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn is_identity(key: &str, depth: usize) -> bool {
    match depth {
        0 => matches!(key, "apiVersion" | "kind"),
        1 => matches!(key, "name" | "namespace" | "ownerReferences"),
        _ => false,
    }
}

/// The part of a live value that a `fieldsV1` tree names.
fn restrict(live: &Value, fields: &Value) -> Value {
    let Some(steps) = fields.as_object().filter(|steps| steps.keys().any(|step| step != ".")) else {
        return live.clone();
    };
    if let Some(items) = live.as_array() {
        return Value::Array(items.iter().filter_map(|item| restrict_item(item, steps)).collect());
    }
    let mut kept = Map::new();
    for (step, below) in steps {
        if let Some(name) = step.strip_prefix("f:")
            && let Some(field) = live.get(name)
        {
            kept.insert(name.to_owned(), restrict(field, below));
        }
    }
    Value::Object(kept)
}

/// The owned part of a list item, or nothing when no step names it.
fn restrict_item(item: &Value, steps: &Map<String, Value>) -> Option<Value> {
    steps.iter().find_map(|(step, below)| names_item(step, item).then(|| restrict(item, below)))
}

/// Whether a step `k:{"name":"app"}` (keys of a list map) or `v:"x"` (an item of a set) names this item.
fn names_item(step: &str, item: &Value) -> bool {
    if let Some(keys) = step.strip_prefix("k:") {
        let Ok(Value::Object(keys)) = serde_json::from_str(keys) else {
            return false;
        };
        return keys.iter().all(|(key, value)| item.get(key) == Some(value));
    }
    step.strip_prefix("v:").and_then(|value| serde_json::from_str::<Value>(value).ok()).as_ref() == Some(item)
}

impl Rival {
    /// Paths (`spec.template.spec.containers[name=app].image`) that both this manager owns and the manifest wants.
    pub fn overlap(&self, manifest: &Value) -> Vec<String> {
        let mut paths = Vec::new();
        overlap(manifest, &self.fields, String::new(), &mut paths);
        paths
    }
}

fn overlap(wanted: &Value, fields: &Value, path: String, paths: &mut Vec<String>) {
    let Some(steps) = fields.as_object().filter(|steps| steps.keys().any(|step| step != ".")) else {
        paths.push(path);
        return;
    };
    for (step, below) in steps {
        if let Some(name) = step.strip_prefix("f:") {
            if let Some(field) = wanted.get(name) {
                let dot = if path.is_empty() { "" } else { "." };
                overlap(field, below, format!("{path}{dot}{name}"), paths);
            }
        } else if let Some(item) =
            wanted.as_array().and_then(|items| items.iter().find(|item| names_item(step, item)))
        {
            overlap(item, below, format!("{path}[{}]", keys_for_humans(step)), paths);
        }
    }
}

/// `k:{"name":"app"}` as `name=app`.
fn keys_for_humans(step: &str) -> String {
    let keys = step.split_once(':').and_then(|(_, keys)| serde_json::from_str::<Value>(keys).ok());
    match keys {
        Some(Value::Object(keys)) => {
            let pairs = keys.iter().map(|(key, value)| match value {
                Value::String(text) => format!("{key}={text}"),
                other => format!("{key}={other}"),
            });
            pairs.collect::<Vec<_>>().join(",")
        }
        Some(value) => value.to_string(),
        None => step.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "cart", "labels": {"a": "1", "foreign": "x"},
                "ownerReferences": [{"uid": "u1", "name": "shop"}],
                "managedFields": [
                    {"manager": "msapp", "operation": "Apply", "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:a": {}}, "f:ownerReferences": {"k:{\"uid\":\"u1\"}": {}}},
                        "f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": {"f:spec": {"f:containers": {
                            "k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":
                                    {".": {}, "f:containerPort": {}, "f:protocol": {}}}}}}}}}},
                    {"manager": "kcm", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
                    {"manager": "injector", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {"f:spec":
                        {"f:containers": {"k:{\"name\":\"proxy\"}": {".": {}, "f:image": {}},
                                          "k:{\"name\":\"app\"}": {"f:image": {}}}}}}}}
                ]
            },
            "spec": {"replicas": 3, "progressDeadlineSeconds": 600, "selector": {"matchLabels": {"x": "y"}},
                "template": {"spec": {"dnsPolicy": "ClusterFirst", "containers": [
                    {"name": "proxy", "image": "envoy"},
                    {"name": "app", "image": "cart:1", "args": ["a"], "imagePullPolicy": "Always",
                     "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}}}
        })
    }

    fn applied() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "labels": {"a": "1"}},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"x": "y"}}, "template": {"spec": {"containers": [
                {"name": "app", "image": "cart:1", "args": ["a"], "ports": [{"containerPort": 80, "protocol": "TCP"}]}
            ]}}}
        })
    }

    #[test]
    fn defaults_and_fields_of_others_do_not_matter() {
        let (fields, _) = project(ChildKind::Deployment, &live());
        assert_eq!(fields.digest, digest_of(&applied()));
        assert_eq!(fields.replicas, Some(3));
    }

    #[test]
    fn a_changed_value_a_lost_field_and_a_field_no_longer_wanted_all_show() {
        let (fields, _) = project(ChildKind::Deployment, &live());
        let mut image = applied();
        image["spec"]["template"]["spec"]["containers"][0]["image"] = json!("cart:2");
        let mut more = applied();
        more["spec"]["minReadySeconds"] = json!(5);
        let mut fewer = applied();
        fewer["spec"].as_object_mut().expect("object").remove("replicas");
        for manifest in [image, more, fewer] {
            assert_ne!(fields.digest, digest_of(&manifest));
        }
    }

    #[test]
    fn a_rival_is_named_with_the_fields_that_both_want() {
        let (_, rivals) = project(ChildKind::Deployment, &live());
        assert_eq!(rivals.len(), 1, "the manager of the status is no rival");
        assert!(rivals[0].applies);
        assert_eq!(rivals[0].overlap(&applied()), ["spec.template.spec.containers[name=app].image"]);
    }
}
