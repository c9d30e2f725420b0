//! A manifest as the API server holds it after it was applied: with owners, defaults and the book-keeping of
//! server-side apply (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>).

use serde_json::{Map, Value, json};

/// Lists that are merged by keys, by the name of their field; all other lists are owned as a whole.
fn keys(list: &str, kind: &str) -> Option<&'static [&'static str]> {
    Some(match (list, kind) {
        ("containers" | "env" | "volumes" | "imagePullSecrets", _) => &["name"],
        ("volumeMounts", _) => &["mountPath"],
        ("topologySpreadConstraints", _) => &["topologyKey", "whenUnsatisfiable"],
        ("ports", "Deployment") => &["containerPort", "protocol"],
        ("ports", "Service") => &["port", "protocol"],
        ("ownerReferences", _) => &["uid"],
        _ => return None,
    })
}

/// Objects that are owned as a whole.
const ATOMIC: [&str; 8] = [
    "selector",
    "labelSelector",
    "podSelector",
    "namespaceSelector",
    "secretKeyRef",
    "configMapKeyRef",
    "fieldRef",
    "resourceFieldRef",
];

/// The `fieldsV1` tree of everything that a manifest holds.
fn owned(value: &Value, field: &str, kind: &str) -> Value {
    match value {
        Value::Object(fields) if !fields.is_empty() && !ATOMIC.contains(&field) => {
            let below = fields.iter().map(|(name, value)| (format!("f:{name}"), owned(value, name, kind)));
            Value::Object(below.collect())
        }
        Value::Array(items) => match keys(field, kind) {
            None => json!({}),
            Some(keys) => Value::Object(items.iter().map(|item| owned_item(item, keys, kind)).collect()),
        },
        _ => json!({}),
    }
}

fn owned_item(item: &Value, keys: &[&str], kind: &str) -> (String, Value) {
    let named: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), item[*key].clone())).collect();
    let mut below = owned(item, "", kind);
    below["."] = json!({});
    (format!("k:{}", Value::Object(named)), below)
}

/// The live object; `uid` is the app's.
pub(crate) fn stored(manifest: &Value, uid: &str) -> Value {
    let kind = manifest["kind"].as_str().expect("a kind").to_owned();
    let mut live = manifest.clone();
    let owner = json!({"kind": "MicroserviceApp", "name": "shop", "uid": uid, "controller": true});
    live["metadata"]["ownerReferences"] = json!([owner]);
    let identity = ["name", "namespace"];
    let mut fields = Map::new();
    for (name, value) in live.as_object().expect("an object") {
        if !matches!(name.as_str(), "apiVersion" | "kind") {
            let mut below = owned(value, if name == "metadata" { "" } else { name }, &kind);
            if name == "metadata" {
                identity.iter().for_each(|field| {
                    below.as_object_mut().expect("an object").remove(&format!("f:{field}"));
                });
            }
            fields.insert(format!("f:{name}"), below);
        }
    }
    live["metadata"]["uid"] = json!("child");
    live["metadata"]["resourceVersion"] = json!("7");
    live["metadata"]["generation"] = json!(1);
    live["metadata"]["managedFields"] = json!([
        {"manager": msapp_crds::MANAGER, "operation": "Apply", "fieldsV1": fields},
        {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
            "fieldsV1": {"f:status": {}}},
    ]);
    defaulted(&mut live);
    live
}

/// A few of the fields that the API server and its controllers add.
fn defaulted(live: &mut Value) {
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("1");
    live["status"] = json!({"observedGeneration": 1});
    let spec = &mut live["spec"];
    if let Some(pod) = spec.pointer_mut("/template/spec") {
        pod["dnsPolicy"] = json!("ClusterFirst");
        pod["containers"][0]["imagePullPolicy"] = json!("IfNotPresent");
        for volume in pod["volumes"].as_array_mut().into_iter().flatten() {
            if volume["configMap"].is_object() {
                volume["configMap"]["defaultMode"] = json!(420);
            }
        }
    }
    if spec["ports"].is_array() {
        spec["clusterIP"] = json!("10.96.0.1");
        spec["type"] = json!("ClusterIP");
    }
}
