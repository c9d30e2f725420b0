//! The checks of the graph: what each finds, and that it leaves the nearest innocent neighbour alone.

mod calls;
mod data;
mod domains;
mod events;
mod operations;
mod pages;
mod security;
mod systems;
mod timeouts;
mod waivers;

use msapp_core::graph;
use msapp_core::source::Source;
use msapp_core::violation::{Severity, Violations};
use serde_json::Value;

/// What every service here has, so that only what a test is about is found.
const QUIET: &str = "
defaults:
  probes: {exec: {command: [healthy]}}
  resources: {requests: {cpu: 200m, memory: 64Mi}, limits: {memory: 128Mi}}
";

fn resolved(spec: &str) -> Result<graph::App, Violations> {
    let spec: Value = serde_saphyr::from_str(spec).expect("YAML");
    let (name, namespace) = ("shop".to_owned(), "shop".to_owned());
    graph::resolve(&Source { name, namespace, generation: 1, spec, ..Source::default() })
}

fn told(found: &Violations) -> Vec<String> {
    found.iter().map(|one| format!("{} {} {one}", one.code.severity().as_str(), one.code.as_str())).collect()
}

/// What is found in a spec without defaults, whether it stops the change or not: `warning wide-fan-out PATH: MESSAGE`.
fn found_in(spec: &str) -> Vec<String> {
    match resolved(spec) {
        Ok(app) => {
            assert!(!app.findings.has_errors(), "errors never pass: {:?}", told(&app.findings));
            told(&app.findings)
        }
        Err(violations) => {
            let errors = violations.iter().filter(|one| one.code.severity() == Severity::Error);
            assert_ne!(errors.count(), 0, "only errors stop a change: {:?}", told(&violations));
            told(&violations)
        }
    }
}

/// What is found in a spec whose services have everything that operations ask for.
fn found(spec: &str) -> Vec<String> {
    found_in(&format!("{QUIET}{spec}"))
}

/// A service that listens, and what it depends on.
fn service(name: &str, dependencies: &str) -> String {
    format!(
        "- {{name: {name}, image: '{name}:1', ports: [{{name: http, port: 80}}], dependencies: [{dependencies}]}}\n"
    )
}

/// Services that listen: name and dependencies.
fn services(all: &[(&str, &str)]) -> String {
    let written: Vec<String> = all.iter().map(|(name, dependencies)| service(name, dependencies)).collect();
    format!("services:\n{}", written.concat())
}

const NOTHING: [&str; 0] = [];
