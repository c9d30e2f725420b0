//! Which line would allow it, and where it belongs.

use super::party::Party;
use super::reason::Subject;
use super::{Change, Remedy};
use crate::graph::{App, BackingTarget, Edge, ExternalTarget, Reach, Service};

/// What to write. Nothing where no line could allow it.
pub(super) fn remedy(subject: &Subject<'_>) -> Option<Remedy> {
    match (subject.from, subject.to) {
        (Party::Service(caller), Party::Service(called)) => between(subject, caller, called),
        (Party::Service(caller), Party::Backing(BackingTarget { name, reach, path, .. })) => {
            outside(caller, name, reach, path)
        }
        (Party::Service(caller), Party::External(ExternalTarget { name, reach, path, .. })) => {
            outside(caller, name, reach, path)
        }
        (Party::Monitoring, Party::Service(called)) => monitoring(subject, called),
        (Party::Ingress | Party::Internet, Party::Service(called)) => expose(called),
        _ => None,
    }
}

fn between(subject: &Subject<'_>, caller: &Service, called: &Service) -> Option<Remedy> {
    if caller.name == called.name {
        return None;
    }
    if called.ports.is_empty() || subject.asked.undeclared.is_some() {
        return new_port(subject, called);
    }
    let wanted = subject.asked.port.as_ref().map(|port| port.name.as_str());
    let first = called.ports.first().map(|port| port.name.as_str());
    match caller.edges.iter().find(|edge| edge.name == called.name) {
        Some(edge) => more_ports(edge, wanted?),
        None => Some(dependency(caller, &called.name, wanted.filter(|port| Some(*port) != first))),
    }
}

/// `- {name: cart}` in the caller's dependencies.
fn dependency(caller: &Service, name: &str, port: Option<&str>) -> Remedy {
    let ports = port.map_or_else(String::new, |port| format!(", ports: [{port}]"));
    Remedy {
        change: Change::Append,
        path: format!("{}.dependencies", caller.path),
        place: format!("{} ({}): dependencies", caller.path, caller.name),
        yaml: format!("- {{name: {name}{ports}}}"),
    }
}

/// The same dependency with one port more.
fn more_ports(edge: &Edge, wanted: &str) -> Option<Remedy> {
    let path = edge.origins.first()?;
    let ports: Vec<&str> = edge.ports.iter().map(|port| port.name.as_str()).chain([wanted]).collect();
    Some(Remedy {
        change: Change::Set,
        path: path.clone(),
        place: format!("{path} ({})", edge.name),
        yaml: format!("ports: [{}]", ports.join(", ")),
    })
}

/// A port has to be declared before anybody can depend on it. Numbers that are no ports cannot be.
fn new_port(subject: &Subject<'_>, called: &Service) -> Option<Remedy> {
    let number = subject.asked.undeclared.as_deref().unwrap_or("80");
    if !number.parse::<u16>().is_ok_and(|number| number > 0) {
        return None;
    }
    let name = if called.ports.is_empty() { "http".to_owned() } else { format!("port-{number}") };
    Some(Remedy {
        change: Change::Append,
        path: format!("{}.ports", called.path),
        place: format!("{} ({}): ports", called.path, called.name),
        yaml: format!("- {{name: {name}, port: {number}}}"),
    })
}

fn outside(caller: &Service, name: &str, reach: &Reach, path: &str) -> Option<Remedy> {
    let declared = caller.edges.iter().any(|edge| edge.name == name);
    if !declared {
        return Some(dependency(caller, name, None));
    }
    // Where it is reachable the edge opens it, so that only an unknown place is left.
    (*reach == Reach::Nowhere).then(|| Remedy {
        change: Change::Set,
        path: path.to_owned(),
        place: format!("{path} ({name})"),
        yaml: "cidrs: [ADDRESS/32]".to_owned(),
    })
}

fn monitoring(subject: &Subject<'_>, called: &Service) -> Option<Remedy> {
    let named = |app: &App| app.network.as_ref().is_some_and(|rules| rules.monitoring_namespace.is_some());
    if subject.asked.undeclared.is_some() || called.ports.is_empty() {
        return new_port(subject, called);
    }
    (!named(subject.app)).then(|| Remedy {
        change: Change::Set,
        path: "spec.network".to_owned(),
        place: "spec.network".to_owned(),
        yaml: "monitoringNamespace: monitoring".to_owned(),
    })
}

/// An exposed service has one entry, and its port can be chosen.
fn expose(called: &Service) -> Option<Remedy> {
    if called.ports.is_empty() || called.exposure.is_some() {
        return None;
    }
    Some(Remedy {
        change: Change::Set,
        path: called.path.clone(),
        place: format!("{} ({})", called.path, called.name),
        yaml: "expose: {host: HOST}".to_owned(),
    })
}
