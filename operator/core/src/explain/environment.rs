//! What the program finds: variables, files, directories; and the labels and annotations of its pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::EnvVar;
use serde_json::Value;

use super::facts::Facts;
use crate::difference::credential::hidden;
use crate::graph::Edge;
use crate::violation::field_path;
use crate::{labels, name};

/// Everything of that.
pub(super) fn explain(facts: &mut Facts<'_>) {
    variables(facts);
    files(facts);
    let settings = &facts.service.settings;
    tags(facts, "labels", &settings.labels);
    let all = labels::all(&facts.app.name, &facts.service.name, &settings.labels);
    for (key, value) in all.iter().filter(|(key, _)| !settings.labels.contains_key(*key)) {
        let selects = labels::selector(&facts.app.name, &facts.service.name).contains_key(key);
        let why = if selects { "always: it selects the pods" } else { "always: recommended by Kubernetes" };
        facts.usual(format!("labels.{key}"), value, why);
    }
    tags(facts, "annotations", &settings.annotations);
}

fn variables(facts: &mut Facts<'_>) {
    let service = facts.service;
    for variable in &service.env {
        let origin = service.env_origins.get(&variable.name).map(String::as_str).unwrap_or_default();
        let place = origin.strip_suffix(".name").unwrap_or(origin);
        let because = from(facts, variable, place);
        facts.written(format!("env.{}", variable.name), shown(variable), vec![place.to_owned()], because);
    }
    let file = format!("{}/{}", name::DISCOVERY_DIRECTORY, name::DISCOVERY_KEY);
    let discovery = "always: the file that tells all dependencies";
    facts.usual(format!("env.{}", name::DISCOVERY_VARIABLE), &file, discovery);
    if !service.bindings.is_empty() {
        let why = "where the directories of its backing services are (servicebinding.io)";
        facts.usual(format!("env.{}", name::BINDING_VARIABLE), name::BINDING_DIRECTORY, why);
    }
}

/// The value, or where Kubernetes takes it from.
fn shown(variable: &EnvVar) -> String {
    let Some(from) = &variable.value_from else {
        return hidden(&variable.name, variable.value.as_deref().unwrap_or_default());
    };
    if let Some(secret) = &from.secret_key_ref {
        return format!("Secret {} key {}", secret.name, secret.key);
    }
    if let Some(config) = &from.config_map_key_ref {
        return format!("ConfigMap {} key {}", config.name, config.key);
    }
    let field = from.field_ref.as_ref().map(|field| format!("field {}", field.field_path));
    let resource =
        || from.resource_field_ref.as_ref().map(|resource| format!("resource {}", resource.resource));
    field.or_else(resource).unwrap_or_default()
}

/// Which edge, profile or default it comes from; nothing for what the service itself says.
fn from(facts: &Facts<'_>, variable: &EnvVar, place: &str) -> String {
    if let Some(edge) = facts.service.edges.iter().find(|edge| is_of(edge, place)) {
        let asked = place.contains(".env[");
        let secret = variable.value_from.is_some();
        return match (asked, secret) {
            (true, _) => format!("asked for by the dependency on {}", edge.name),
            (false, true) => format!("credential of {}, which other variables use", edge.name),
            (false, false) => format!("usual variable of the dependency on {}", edge.name),
        };
    }
    if place.starts_with("spec.defaults") {
        "defaults".to_owned()
    } else if place.starts_with("spec.profiles") {
        "profile".to_owned()
    } else {
        String::new()
    }
}

fn is_of(edge: &Edge, place: &str) -> bool {
    let within = |origin: &String| {
        place.strip_prefix(origin.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    edge.origins.iter().any(within)
}

/// Files and scratch directories as they were written, and the directories that edges bring.
fn files(facts: &mut Facts<'_>) {
    for (path, file) in facts.items("files") {
        let mounted = file["path"].as_str().unwrap_or_default();
        facts.written(format!("files.{mounted}"), content(file), vec![path], "");
    }
    for (path, scratch) in facts.items("scratch") {
        let mounted = scratch["path"].as_str().unwrap_or_default();
        let limit = match &scratch["sizeLimit"] {
            Value::String(limit) => format!("scratch, at most {limit}"),
            Value::Number(limit) => format!("scratch, at most {limit} bytes"),
            _ => "scratch".to_owned(),
        };
        facts.written(format!("files.{mounted}"), limit, vec![path], "");
    }
    let service = facts.service;
    for edge in service.edges.iter().filter(|edge| service.bindings.contains(&edge.name)) {
        let directory = name::binding_directory(&edge.name);
        let because = "address and credentials, a file each (servicebinding.io)";
        facts.written(
            format!("files.{directory}"),
            format!("binding of {}", edge.name),
            edge.origins.clone(),
            because,
        );
    }
    let file = format!("{}/{}", name::DISCOVERY_DIRECTORY, name::DISCOVERY_KEY);
    facts.usual(format!("files.{file}"), "discovery file", "always: the addresses of all dependencies");
}

/// Never the text itself: it may be long, and it may hold a credential.
fn content(file: &Value) -> String {
    if let Some(text) = file["content"].as_str() {
        return format!("inline, {} bytes", text.len());
    }
    if let Some(entries) = file["contents"].as_object() {
        return format!("inline, {} files", entries.len());
    }
    let reference =
        [("configMap", "ConfigMap"), ("secret", "Secret")].into_iter().find_map(|(field, kind)| {
            let name = file[field]["name"].as_str()?;
            let key = file[field]["key"].as_str().map_or_else(String::new, |key| format!(" key {key}"));
            Some(format!("{kind} {name}{key}"))
        });
    reference.unwrap_or_default()
}

/// Labels or annotations are merged key by key, the nearest winning.
fn tags(facts: &mut Facts<'_>, field: &str, tags: &BTreeMap<String, String>) {
    for (key, value) in tags {
        let places: Vec<String> =
            facts.levels().iter().map(|level| field_path(&format!("{level}.{field}"), key)).collect();
        facts.first(format!("{field}.{key}"), hidden(key, value), &places, "");
    }
}
