//! Edges: what follows from one declared dependency.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::EnvVar;
use msapp_crds::v1alpha1::{Dependency, PortReference};
use serde_json::{Value, json};

use super::bindings::Binding;
use super::connection::{self, Connection, Part, Telling, scheme};
use super::outside::Outside;
use super::ports;
use super::resolve::{Target, Targets};
use super::{Edge, EdgePort, Port, Reach, TargetKind};
use crate::name;
use crate::reference::{ReferenceKey, ReferenceKind, ReferenceUse};
use crate::scalar::milliseconds;
use crate::violation::{Code, Violation, Violations, nearest};

/// An edge and what it adds to its caller.
pub(super) struct Resolved {
    pub edge: Edge,
    /// Variables, each with the path it was written at.
    pub env: Vec<(EnvVar, String)>,
    /// Variables that give way to any other of their name.
    pub usual: Vec<(EnvVar, String)>,
    /// Its directory below `$SERVICE_BINDING_ROOT`.
    pub binding: Option<Binding>,
    pub references: Vec<ReferenceUse>,
    /// Why its Secret is not known yet.
    pub pending: Option<String>,
}

/// What a dependency is resolved in.
pub(super) struct Caller<'a> {
    /// The service that depends.
    pub name: &'a str,
    /// Everything that is declared.
    pub targets: &'a Targets<'a>,
    /// Whether the usual variables are wanted.
    pub variables: bool,
    /// Whether directories of bindings are wanted.
    pub bindings: bool,
}

/// Resolves one dependency of a service.
pub(super) fn resolve(
    dependency: &Dependency,
    caller: &Caller<'_>,
    path: &str,
    violations: &mut Violations,
) -> Option<Resolved> {
    if dependency.name == caller.name {
        let message = format!("{:?} depends on itself", caller.name);
        violations.push(Violation::new(format!("{path}.name"), Code::SelfDependency, message));
        return None;
    }
    match caller.targets.get(dependency.name.as_str()) {
        None => {
            violations.push(unknown_target(&dependency.name, caller, &format!("{path}.name")));
            None
        }
        Some(Target::Service(declared)) => to_service(dependency, caller, declared, path, violations),
        Some(Target::Outside(outside)) => Some(to_outside(dependency, caller, outside, path, violations)),
    }
}

fn unknown_target(name: &str, caller: &Caller<'_>, path: &str) -> Violation {
    let message = format!("there is no service, backing service or external service {name:?}");
    let candidates = caller.targets.keys().copied().filter(|candidate| *candidate != caller.name);
    Violation::new(path, Code::UnknownName, message).suggest(nearest(name, candidates))
}

fn to_service(
    dependency: &Dependency,
    caller: &Caller<'_>,
    declared: &[Port],
    path: &str,
    violations: &mut Violations,
) -> Option<Resolved> {
    let ports = service_ports(dependency, declared, path, violations)?;
    let first = ports.first()?;
    let connection = Connection {
        host: Part::Text(dependency.name.clone()),
        port: Part::Text(first.port.to_string()),
        scheme: scheme(first.protocol),
        database: None,
        secret: None,
    };
    let mut facts = json!({"protocol": first.protocol});
    if ports.len() > 1 {
        facts["ports"] = ports.iter().map(|port| described(port, &connection.at(port))).collect();
    }
    let telling =
        Telling { dependency, connection: &connection, ports: &ports, usual: caller.variables, path };
    let variables = connection::environment(&telling, violations);
    let edge = edge(dependency, TargetKind::Service, Reach::Service, path);
    let discovery = discovery(&edge, &connection, facts);
    Some(Resolved {
        edge: Edge { discovery, ports, ..edge },
        env: variables.env,
        usual: variables.usual,
        binding: None,
        references: Vec::new(),
        pending: None,
    })
}

fn described(port: &EdgePort, connection: &Connection) -> Value {
    json!({"name": port.name, "port": port.port, "protocol": port.protocol, "url": connection.url()})
}

/// The ports that are used, each once; nothing when one of them does not exist.
fn service_ports(
    dependency: &Dependency,
    declared: &[Port],
    path: &str,
    violations: &mut Violations,
) -> Option<Vec<EdgePort>> {
    let whose = format!("service {:?}", dependency.name);
    let references: Vec<(Option<&PortReference>, String)> = if dependency.ports.is_empty() {
        vec![(None, format!("{path}.name"))]
    } else {
        let written = dependency.ports.iter().enumerate();
        written.map(|(index, port)| (Some(port), format!("{path}.ports[{index}]"))).collect()
    };
    let mut found: Vec<EdgePort> = Vec::new();
    let mut complete = true;
    for (reference, path) in references {
        match ports::find(declared, reference) {
            None => {
                complete = false;
                violations.push(ports::unknown(declared, reference, &path, &whose));
            }
            Some(port) if found.iter().any(|known| known.name == port.name) => {
                let message = format!("port {:?} is listed already", port.name);
                violations.push(Violation::new(path, Code::Duplicate, message));
            }
            Some(port) => found.push(EdgePort {
                name: port.name.clone(),
                port: port.port,
                target_port: port.target,
                protocol: port.protocol,
            }),
        }
    }
    complete.then_some(found)
}

fn to_outside(
    dependency: &Dependency,
    caller: &Caller<'_>,
    outside: &Outside,
    path: &str,
    violations: &mut Violations,
) -> Resolved {
    refuse_service_fields(dependency, path, violations);
    let connection = &outside.connection;
    let telling = Telling { dependency, connection, ports: &[], usual: caller.variables, path };
    let variables = connection::environment(&telling, violations);
    let edge = edge(dependency, outside.kind, outside.reach.clone(), path);
    let binding = outside.binding.as_ref().filter(|_| caller.bindings);
    let binding = binding.map(|facts| Binding::of(&dependency.name, edge.optional, connection, facts));
    let mut discovery = discovery(&edge, connection, outside.facts.clone());
    if binding.is_some() {
        discovery["binding"] = name::binding_directory(&dependency.name).into();
    }
    let mut references = secret_uses(connection, edge.optional, binding.is_some(), variables.keys);
    if outside.pending.is_some() {
        // Nobody knows the Secret's name yet, so none can be missed.
        references.clear();
    }
    let pending = outside.pending.clone().filter(|_| !edge.optional);
    Resolved {
        edge: Edge { discovery, ports: vec![outside.port.clone()], ..edge },
        env: variables.env,
        usual: variables.usual,
        binding,
        references,
        pending,
    }
}

fn edge(dependency: &Dependency, target: TargetKind, reach: Reach, path: &str) -> Edge {
    Edge {
        name: dependency.name.clone(),
        target,
        optional: dependency.optional.unwrap_or_default(),
        reach,
        ports: Vec::new(),
        discovery: Value::Null,
        origins: vec![path.to_owned()],
        timeout: dependency.timeout.as_ref().and_then(|timeout| milliseconds(&timeout.0)),
        retries: dependency.retries.as_ref().map(|retries| retries.attempts),
    }
}

fn refuse_service_fields(dependency: &Dependency, path: &str, violations: &mut Violations) {
    let fields =
        [("ports", !dependency.ports.is_empty()), ("startAfter", dependency.start_after == Some(true))];
    for (field, _) in fields.iter().filter(|(_, given)| *given) {
        let message = format!("{field} is for services of this app, and {:?} is none", dependency.name);
        violations.push(Violation::new(format!("{path}.{field}"), Code::Exclusive, message));
    }
}

/// What the discovery file says. What only a Secret tells is left out: it is in the directory of the binding.
fn discovery(edge: &Edge, connection: &Connection, facts: Value) -> Value {
    let mut discovery = facts;
    discovery["kind"] = json!(edge.target);
    discovery["optional"] = edge.optional.into();
    let mut tell = |fact: &str, value: Option<Value>| {
        if let Some(value) = value {
            discovery[fact] = value;
        }
    };
    tell("host", connection.host.text().map(Value::from));
    tell("port", connection.port.text().and_then(|port| port.parse::<i32>().ok()).map(Value::from));
    tell("address", connection.address().map(Value::from));
    tell("url", connection.url().map(Value::from));
    tell("database", connection.database.as_ref().and_then(Part::text).map(Value::from));
    discovery
}

/// A directory holds the whole Secret; what is in variables must be there before the pod can start.
fn secret_uses(
    connection: &Connection,
    optional: bool,
    mounted: bool,
    keys: BTreeSet<String>,
) -> Vec<ReferenceUse> {
    let Some(secret) = &connection.secret else { return Vec::new() };
    let key = ReferenceKey { kind: ReferenceKind::Secret, name: secret.name.clone() };
    let mut uses = Vec::new();
    if mounted {
        uses.push(ReferenceUse { key: key.clone(), entries: None, optional });
    }
    if !keys.is_empty() {
        uses.push(ReferenceUse { key, entries: Some(keys), optional });
    }
    uses
}
