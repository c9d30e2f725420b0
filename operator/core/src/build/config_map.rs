use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Map, Value, json};

use super::metadata;
use crate::graph::{App, Service};
use crate::{digest, name};

/// The discovery file and the inline files of a service.
pub(super) fn config_map(app: &App, service: &Service) -> ConfigMap {
    let mut data: BTreeMap<String, String> = service.files.clone();
    data.insert(name::DISCOVERY_KEY.to_owned(), discovery(app, service));
    ConfigMap { metadata: metadata(app, service), data: Some(data), ..ConfigMap::default() }
}

/// What every pod can read about itself and about what it depends on, as JSON.
fn discovery(app: &App, service: &Service) -> String {
    let dependencies: Map<String, Value> =
        service.edges.iter().map(|edge| (edge.name.clone(), edge.discovery.clone())).collect();
    let mut file = json!({"app": app.name, "service": service.name, "dependencies": dependencies});
    for (field, exchanges) in [("publishes", &service.publishes), ("consumes", &service.consumes)] {
        let told = exchanges
            .iter()
            .map(|(event, at)| (event.clone(), json!({"broker": at.broker, "topic": at.topic})));
        let told: Map<String, Value> = told.collect();
        if !told.is_empty() {
            file[field] = told.into();
        }
    }
    let mut text = serde_json::to_string_pretty(&file).expect("JSON is plain data");
    text.push('\n');
    text
}

/// Facts of the discovery file that a running process would have to notice. The list is closed: a field that a later
/// version of the operator adds to the file must not restart every pod at the upgrade.
const NOTICED: [&str; 7] = ["host", "port", "url", "database", "binding", "timeoutMilliseconds", "retries"];

/// Digest of the configuration that a running process cannot see change: subPath mounts are never refreshed, and few
/// programs read a file twice.
pub(super) fn config_digest(service: &Service) -> String {
    let mut parts: Vec<String> = Vec::new();
    for edge in &service.edges {
        let facts = NOTICED.iter().map(|fact| format!("{fact}={}", edge.discovery[fact]));
        parts.push(format!("{} {}", edge.name, facts.collect::<Vec<_>>().join(" ")));
    }
    for (event, at) in service.publishes.iter().chain(&service.consumes) {
        parts.push(format!("{event} {} {}", at.broker, at.topic));
    }
    // The facts of bindings are among those of the edges.
    for (key, text) in service.files.iter().filter(|(key, _)| !name::is_binding_key(key)) {
        parts.push(key.clone());
        parts.push(text.clone());
    }
    digest::plain(parts.iter().map(String::as_bytes))
}
