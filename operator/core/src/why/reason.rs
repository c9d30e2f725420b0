//! Why it is so: the lines of the resource that say it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Reason;
use super::party::{Asked, Party, traffic};
use crate::graph::{App, Edge, NetworkRules, Reach, Service};
use crate::policy::Traffic;

/// What is asked, and what the policies answered.
pub(super) struct Subject<'a> {
    pub app: &'a App,
    pub from: &'a Party<'a>,
    pub to: &'a Party<'a>,
    pub asked: &'a Asked,
    pub allowed: bool,
}

fn reason(sentence: impl Into<String>, path: impl Into<String>) -> Reason {
    Reason { sentence: sentence.into(), path: Some(path.into()) }
}

/// For what nobody wrote.
fn usual(sentence: impl Into<String>) -> Reason {
    Reason { sentence: sentence.into(), path: None }
}

/// All reasons, the deciding one first.
pub(super) fn reasons(subject: &Subject<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if subject.app.network.is_none() {
        reasons.push(reason("isolation is disabled: no policy closes anything", "spec.network.isolation"));
    }
    if let (Some(service), Some(port)) = (subject.to.service(), &subject.asked.undeclared) {
        let path = format!("{}.ports", service.path);
        reasons.push(reason(format!("{} declares no port {port}; {}", service.name, ports(service)), path));
    }
    reasons.extend(match (subject.from, subject.to) {
        (Party::Service(caller), _) => outwards(subject, caller),
        (_, Party::Service(called)) => inwards(subject, called),
        _ => Vec::new(),
    });
    reasons
}

/// `it has http (80), grpc (9090)`
fn ports(service: &Service) -> String {
    let ports: Vec<String> =
        service.ports.iter().map(|port| format!("{} ({})", port.name, port.port)).collect();
    if ports.is_empty() { "it has none".to_owned() } else { format!("it has {}", ports.join(", ")) }
}

fn outwards(subject: &Subject<'_>, caller: &Service) -> Vec<Reason> {
    let name = match subject.to {
        Party::Service(called) if called.name == caller.name => {
            let sentence = "pods of one service do not reach each other, and nothing depends on itself";
            return vec![reason(sentence, &caller.path)];
        }
        Party::Service(called) => &called.name,
        Party::Backing(backing) => &backing.name,
        Party::External(external) => &external.name,
        Party::Dns => return vec![dns(subject.app)],
        Party::Ingress | Party::Internet | Party::Monitoring | Party::Namespace(_) | Party::Address(_) => {
            return to_place(subject, caller);
        }
    };
    let edge = caller.edges.iter().find(|edge| edge.name == *name);
    edge.map_or_else(|| vec![undeclared(subject, caller, name)], |edge| declared(subject, caller, edge))
}

/// The edge is there; whether it is enough is another question.
fn declared(subject: &Subject<'_>, caller: &Service, edge: &Edge) -> Vec<Reason> {
    let used: Vec<String> = edge.ports.iter().map(|port| port.port.to_string()).collect();
    let used = used.join(", ");
    let (caller, name) = (&caller.name, &edge.name);
    let covered = !opened(edge).intersection(&subject.asked.traffic).is_empty();
    let sentence = match edge.reach {
        Reach::Nowhere => format!(
            "{caller} depends on {name}, but only its host name is known, which a policy cannot hold, and isolation is \
             Strict"
        ),
        _ if !covered => format!("{caller} depends on {name} on port {used} only"),
        Reach::AnyAddress => format!(
            "{caller} depends on {name} on port {used}; only its host name is known, which a policy cannot hold, so \
             every address is open on that port"
        ),
        _ => format!("{caller} depends on {name} on port {used}"),
    };
    let origins = edge.origins.iter().map(|origin| reason(sentence.clone(), origin));
    let mut reasons: Vec<Reason> = origins.collect();
    for later in reasons.iter_mut().skip(1) {
        later.sentence = "it exchanges events through it".to_owned();
    }
    reasons
}

/// What an edge opens.
pub(super) fn opened(edge: &Edge) -> Traffic {
    let mut opened = Traffic::default();
    edge.ports.iter().for_each(|port| opened.add(&traffic(port.transport(), port.target_port)));
    opened
}

fn undeclared(subject: &Subject<'_>, caller: &Service, name: &str) -> Reason {
    let needed: Vec<&str> = caller.edges.iter().map(|edge| edge.name.as_str()).collect();
    let needed = if needed.is_empty() { "nothing".to_owned() } else { needed.join(", ") };
    let sentence =
        format!("{} does not declare that it depends on {name}; it depends on {needed}", caller.name);
    if subject.allowed && subject.app.network.is_some() {
        // Two targets can be the same pods or addresses.
        let same = format!("{sentence}, and one of these is at the same place");
        return reason(same, &caller.path);
    }
    reason(sentence, &caller.path)
}

fn dns(app: &App) -> Reason {
    let named = app.network.as_ref().is_some_and(|rules| !rules.dns.is_empty());
    if named {
        reason("every service may ask the DNS servers that are named", "spec.network.dns")
    } else {
        usual("every service may ask DNS where clusters usually run it")
    }
}

/// Places that have no name in the app: whatever edge leads there.
fn to_place(subject: &Subject<'_>, caller: &Service) -> Vec<Reason> {
    let leads = |edge: &&Edge| match (&edge.reach, subject.to) {
        (Reach::AnyAddress, _) => true,
        (Reach::Cidrs(cidrs), Party::Address(address)) => {
            cidrs.iter().any(|cidr| cidr.parse::<IpNet>().is_ok_and(|range| range.contains(address)))
        }
        (Reach::Pods { namespace, .. }, Party::Namespace(name)) => {
            namespace.as_ref().unwrap_or(&subject.app.namespace) == name
        }
        _ => false,
    };
    let edges: Vec<&Edge> = caller.edges.iter().filter(leads).collect();
    if edges.is_empty() {
        let sentence = format!("nothing that {} depends on is there", caller.name);
        return vec![reason(sentence, &caller.path)];
    }
    edges.into_iter().flat_map(|edge| declared(subject, caller, edge)).collect()
}

fn inwards(subject: &Subject<'_>, called: &Service) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let rules = subject.app.network.as_ref();
    let monitoring = rules.and_then(|rules| rules.monitoring_namespace.as_deref());
    let controller = called.exposure.as_ref().and_then(|entry| entry.controller_namespace.as_deref());
    match subject.from {
        Party::Monitoring => reasons.push(monitored(monitoring, called)),
        Party::Ingress | Party::Internet => reasons.push(exposed(subject, called)),
        Party::Namespace(name) => {
            if monitoring == Some(name) {
                reasons.push(monitored(monitoring, called));
            }
            if controller == Some(name) {
                reasons.push(exposed(subject, called));
            }
        }
        Party::Address(address) => reasons.extend(rules.and_then(|rules| node(rules, *address))),
        Party::Service(_) | Party::Backing(_) | Party::External(_) | Party::Dns => {}
    }
    if reasons.is_empty() && rules.is_some() {
        reasons.push(reason(
            format!("nobody is let in to {} but services that depend on it, the namespace of monitoring, the ingress controller where it is exposed, and the nodes' probes", called.name),
            &called.path,
        ));
    }
    reasons
}

fn monitored(monitoring: Option<&str>, called: &Service) -> Reason {
    match monitoring {
        Some(namespace) => reason(
            format!("namespace {namespace} may reach every port that {} declares", called.name),
            "spec.network.monitoringNamespace",
        ),
        None => reason("no namespace of monitoring is named", "spec.network"),
    }
}

fn exposed(subject: &Subject<'_>, called: &Service) -> Reason {
    let Some(entry) = &called.exposure else {
        return reason(format!("{} is not exposed to the outside", called.name), &called.path);
    };
    let by = match &entry.controller_namespace {
        Some(namespace) => format!("through the ingress controller in namespace {namespace}"),
        None => "through an ingress controller".to_owned(),
    };
    let only = if subject.allowed { "" } else { ", and on no other port" };
    let sentence = format!("{} is exposed as {} on port {} {by}{only}", called.name, entry.url(), entry.port);
    reason(sentence, format!("{}.expose", called.path))
}

/// Probes of the kubelet, where a network plugin filters them.
fn node(rules: &NetworkRules, address: IpAddr) -> Option<Reason> {
    let holds = |cidr: &String| cidr.parse::<IpNet>().is_ok_and(|range| range.contains(&address));
    let index = rules.node_cidrs.iter().position(holds)?;
    let path = format!("spec.network.nodeCidrs[{index}]");
    Some(reason("it is an address of a node, which may reach the ports of the probes", path))
}
