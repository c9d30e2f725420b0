//! Its place in the graph: edges, callers, entry, events, what policy opens, and what the checks say.

use std::collections::BTreeMap;

use super::facts::Facts;
use crate::build;
use crate::difference::credential::hidden_text;
use crate::graph::{Edge, Exchange, Reach};
use crate::policy::prove;
use crate::violation::Violation;

/// Everything of that.
pub(super) fn explain(facts: &mut Facts<'_>) {
    let service = facts.service;
    service.edges.iter().for_each(|edge| explain_edge(facts, edge));
    callers(facts);
    exposure(facts);
    exchanges(facts, "publishes", &service.publishes);
    exchanges(facts, "consumes", &service.consumes);
    policies(facts);
    findings(facts);
}

fn explain_edge(facts: &mut Facts<'_>, edge: &Edge) {
    let field = format!("edges.{}", edge.name);
    let ports: Vec<String> = edge.ports.iter().map(|port| port.port.to_string()).collect();
    let value = format!("{}, port {}", edge.target.words(), ports.join(", "));
    facts.written(&field, value, edge.origins.clone(), opens(edge));
    if let Some(url) = edge.discovery["url"].as_str() {
        facts.written(
            format!("{field}.url"),
            hidden_text(url),
            edge.origins.clone(),
            "in the discovery file",
        );
    }
    if edge.optional {
        part(facts, edge, "optional", "true");
    }
    if facts.service.start_after.contains(&edge.name) {
        part(facts, edge, "startAfter", "true");
    }
    if let Some(timeout) = edge.timeout {
        part(facts, edge, "timeout", &format!("{timeout} ms"));
    }
    if let Some(retries) = edge.retries {
        part(facts, edge, "retries", &retries.to_string());
    }
}

/// What an edge says itself, or inherits.
fn part(facts: &mut Facts<'_>, edge: &Edge, part: &str, value: &str) {
    let inherited = facts.setting("resilience");
    let places: Vec<String> = edge.origins.iter().cloned().chain(inherited).collect();
    let places: Vec<String> = places.iter().map(|place| format!("{place}.{part}")).collect();
    facts.first(format!("edges.{}.{part}", edge.name), value, &places, "");
}

fn opens(edge: &Edge) -> String {
    match &edge.reach {
        Reach::Service => format!("opens egress here and ingress at {}", edge.name),
        Reach::Pods { namespace, .. } => {
            let namespace = namespace.as_deref().unwrap_or("the app's namespace");
            format!("opens egress to its pods in {namespace}")
        }
        Reach::Cidrs(cidrs) => format!("opens egress to {}", cidrs.join(", ")),
        Reach::AnyAddress => {
            "opens egress to every address: only a name is known, and isolation is not Strict".to_owned()
        }
        Reach::Nowhere => "opens nothing: only a name is known, and isolation is Strict".to_owned(),
    }
}

fn callers(facts: &mut Facts<'_>) {
    let service = facts.service;
    let mut ports: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for caller in &service.callers {
        let port = format!("{} {}", caller.transport, caller.target_port);
        ports.entry(&caller.service).or_default().push(port);
    }
    for (name, ports) in &ports {
        let edges = facts.app.service(name).into_iter().flat_map(|caller| &caller.edges);
        let edge = edges.into_iter().find(|edge| edge.is_call() && edge.name == service.name);
        let declared = edge.map(|edge| edge.origins.clone()).unwrap_or_default();
        facts.written(format!("callers.{name}"), ports.join(", "), declared, "");
    }
    if ports.is_empty() {
        facts.usual("callers", "none", "no service depends on it");
    }
}

fn exposure(facts: &mut Facts<'_>) {
    let Some(entry) = &facts.service.exposure else {
        facts.usual("expose", "no", "nothing outside reaches it");
        return;
    };
    let path = format!("{}.expose", facts.service.path);
    facts.written("expose.url", entry.url(), vec![path.clone()], "");
    facts.first("expose.port", entry.port, &[format!("{path}.port")], "its first HTTP port");
    if let Some(namespace) = &entry.controller_namespace {
        let places = [format!("{path}.controllerNamespace"), "spec.network.ingressNamespace".to_owned()];
        facts.first("expose.controllerNamespace", namespace, &places, "");
    }
}

fn exchanges(facts: &mut Facts<'_>, field: &str, exchanges: &BTreeMap<String, Exchange>) {
    for (event, Exchange { broker, topic }) in exchanges {
        let items = facts.items(field);
        let declared = items.into_iter().filter(|(_, name)| **name == *event).map(|(path, _)| path);
        let declared = declared.collect();
        facts.written(format!("{field}.{event}"), format!("{topic} at {broker}"), declared, "");
    }
}

/// What the policies that are applied admit, as the proof finds it.
fn policies(facts: &mut Facts<'_>) {
    let proof = prove(facts.app, &build::objects(facts.app));
    if !proof.isolated {
        let declared = vec!["spec.network.isolation".to_owned()];
        facts.written("policy", "none", declared, "isolation is disabled: everything is open");
        return;
    }
    let service = facts.service;
    for (to, ports) in proof.matrix.get(&service.name).into_iter().flatten() {
        let named = to.strip_suffix(" (any address)").unwrap_or(to);
        let edge = service.edges.iter().find(|edge| edge.name == named);
        let declared = edge.map(|edge| edge.origins.clone()).unwrap_or_default();
        let because = if edge.is_some() { "" } else { "always: names have to be resolved" };
        facts.written(format!("policy.egress.{to}"), ports, declared, because);
    }
    for (from, row) in &proof.matrix {
        let Some(ports) = row.get(&service.name) else { continue };
        facts.written(format!("policy.ingress.{from}"), ports, admitted_by(facts, from), "");
    }
    if !proof.matrix.values().any(|row| row.contains_key(&service.name)) {
        facts.usual("policy.ingress", "nobody", "what nobody declares is closed");
    }
}

/// Which line lets a caller in.
fn admitted_by(facts: &Facts<'_>, from: &str) -> Vec<String> {
    let service = facts.service;
    if from == "node addresses" {
        return vec!["spec.network.nodeCidrs".to_owned()];
    }
    if let Some(namespace) = from.strip_prefix("namespace ") {
        let rules = facts.app.network.as_ref();
        let monitoring = rules.and_then(|rules| rules.monitoring_namespace.as_deref()) == Some(namespace);
        let entry = service.exposure.as_ref().and_then(|entry| entry.controller_namespace.as_deref());
        let mut paths = Vec::new();
        paths.extend(monitoring.then(|| "spec.network.monitoringNamespace".to_owned()));
        paths.extend((entry == Some(namespace)).then(|| format!("{}.expose", service.path)));
        return paths;
    }
    let edges = facts.app.service(from).into_iter().flat_map(|caller| &caller.edges);
    let edge = edges.into_iter().find(|edge| edge.name == service.name);
    edge.map(|edge| edge.origins.clone()).unwrap_or_default()
}

fn findings(facts: &mut Facts<'_>) {
    let path = &facts.service.path;
    let is_here = |finding: &&Violation| {
        let rest = finding.path.strip_prefix(path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    for finding in facts.app.findings.iter().filter(is_here) {
        let weight = finding.code.severity().as_str();
        let field = format!("findings.{}", finding.code.as_str());
        facts.written(field, &finding.message, vec![finding.path.clone()], weight);
    }
}
