//! Why it is so: the lines of the resource that say it.

use std::net::IpAddr;

use super::Reason;
use super::party::{Asked, Party};
use crate::graph::{App, Edge, NetworkRules, Reach, Service};
use crate::policy::{Traffic, holds, opened_by};

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
    if subject.app.network.is_none() && subject.allowed {
        return vec![reason("isolation is disabled: no policy closes anything", "spec.network.isolation")];
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
        Party::Dns => return vec![dns(subject)],
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
    let covered = covers(subject, edge);
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

fn dns(subject: &Subject<'_>) -> Reason {
    let named = subject.app.network.as_ref().map(|rules| rules.dns.as_slice()).unwrap_or_default();
    if named.is_empty() {
        return usual(if subject.allowed {
            "every service may ask DNS where clusters usually run it"
        } else {
            "this is not the port of DNS where clusters usually run it, and nothing else is open there"
        });
    }
    let ports: Vec<String> = named.iter().map(|server| server.port.to_string()).collect();
    let sentence = if subject.allowed {
        "every service may ask the DNS servers that are named".to_owned()
    } else {
        format!("this is not the port of the DNS servers that are named ({})", ports.join(", "))
    };
    reason(sentence, "spec.network.dns")
}

/// Places that have no name in the app: whatever edge leads there.
fn to_place(subject: &Subject<'_>, caller: &Service) -> Vec<Reason> {
    let edges: Vec<&Edge> = caller.edges.iter().filter(|edge| leads(subject, edge)).collect();
    let decides = |edge: &&Edge| !subject.allowed || (!labelled(edge) && covers(subject, edge));
    let found: Vec<Reason> =
        edges.into_iter().filter(decides).flat_map(|edge| placed(subject, caller, edge)).collect();
    if !found.is_empty() {
        return found;
    }
    if subject.allowed {
        // What no edge opens in the namespace of a DNS server is DNS.
        return vec![dns(subject)];
    }
    vec![reason(format!("nothing that {} depends on is there", caller.name), &caller.path)]
}

/// Ranges of addresses hold no pods, so that they lead to no namespace.
fn leads(subject: &Subject<'_>, edge: &Edge) -> bool {
    match (&edge.reach, subject.to) {
        (Reach::AnyAddress, Party::Address(_) | Party::Internet) => true,
        (Reach::Cidrs(cidrs), Party::Address(address)) => cidrs.iter().any(|cidr| holds(cidr, address)),
        (Reach::Pods { namespace, .. }, Party::Namespace(name)) => {
            namespace.as_ref().unwrap_or(&subject.app.namespace) == name
        }
        _ => false,
    }
}

/// Whether only some pods of a namespace are meant.
fn labelled(edge: &Edge) -> bool {
    matches!(&edge.reach, Reach::Pods { labels, .. } if !labels.is_empty())
}

fn covers(subject: &Subject<'_>, edge: &Edge) -> bool {
    !opened_by(edge).intersection(&subject.asked.traffic).is_empty()
}

/// An edge that leads to a place, or to some of its pods only.
fn placed(subject: &Subject<'_>, caller: &Service, edge: &Edge) -> Vec<Reason> {
    let Reach::Pods { labels, .. } = &edge.reach else { return declared(subject, caller, edge) };
    if labels.is_empty() || subject.allowed {
        return declared(subject, caller, edge);
    }
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let sentence = format!(
        "of the pods there only those of {} are open, which are labelled {}",
        edge.name,
        labels.join(",")
    );
    edge.origins.iter().take(1).map(|origin| reason(sentence.clone(), origin)).collect()
}

fn inwards(subject: &Subject<'_>, called: &Service) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let rules = subject.app.network.as_ref();
    let monitoring = rules.and_then(|rules| rules.monitoring_namespace.as_deref());
    let controller = called.exposure.as_ref().and_then(|entry| entry.controller_namespace.as_deref());
    match subject.from {
        Party::Monitoring => reasons.push(monitored(subject, monitoring, called)),
        Party::Ingress | Party::Internet => reasons.push(exposed(subject, called)),
        Party::Namespace(name) => {
            if monitoring == Some(name) {
                reasons.push(monitored(subject, monitoring, called));
            }
            if controller == Some(name) && (!subject.allowed || enters(subject, called)) {
                reasons.push(exposed(subject, called));
            }
        }
        Party::Address(address) => reasons.extend(rules.and_then(|rules| node(subject, rules, *address))),
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

fn monitored(subject: &Subject<'_>, monitoring: Option<&str>, called: &Service) -> Reason {
    match monitoring {
        Some(namespace) if !subject.allowed => {
            let sentence =
                format!("to namespace {namespace} only ports that {} declares are open", called.name);
            reason(sentence, "spec.network.monitoringNamespace")
        }
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

/// Whether what is asked for is the port that is exposed.
fn enters(subject: &Subject<'_>, called: &Service) -> bool {
    let entry = called.exposure.as_ref().map(|entry| Traffic::named("TCP", entry.target_port));
    entry.is_some_and(|entry| !entry.intersection(&subject.asked.traffic).is_empty())
}

/// Probes of the kubelet, where a network plugin filters them.
fn node(subject: &Subject<'_>, rules: &NetworkRules, address: IpAddr) -> Option<Reason> {
    let index = rules.node_cidrs.iter().position(|cidr| holds(cidr, &address))?;
    let path = format!("spec.network.nodeCidrs[{index}]");
    let sentence = if subject.allowed {
        "it is an address of a node, which may reach the ports of the probes"
    } else {
        "it is an address of a node, and nothing that is asked for is the port of a probe"
    };
    Some(reason(sentence, path))
}
