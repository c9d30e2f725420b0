//! Who can be asked about.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Unanswered;
use crate::graph::{App, BackingTarget, Exposure, ExternalTarget, Port, Reach, Service};
use crate::policy::{Endpoint, Pod, Posts, Traffic, dns_server, somewhere};
use crate::violation::nearest;

/// Words for those that have no name of their own. A service of that name comes first.
pub(super) const WORDS: [&str; 6] = ["dns", "ingress", "internet", "monitoring", "namespace/NAME", "ADDRESS"];

/// May one talk to the other?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who talks.
    pub from: String,
    /// To whom.
    pub to: String,
    /// On which port: its name, the port of the Service, or that of the container.
    pub port: Option<String>,
}

impl Question {
    /// Reads `cart->catalog:grpc`, `cart → catalog`, or the two names as words of their own.
    pub fn parse(words: &[String]) -> Option<Self> {
        let (from, to) = match words {
            [both] => both.split_once("->").or_else(|| both.split_once('→'))?,
            [from, to] => (from.as_str(), to.as_str()),
            _ => return None,
        };
        let (from, to) = (from.trim(), to.trim());
        let (to, port) = match to.rsplit_once(':') {
            // Colons of an IPv6 address; with a port it stands in brackets.
            Some(_) if to.parse::<IpAddr>().is_ok() => (to, None),
            Some((to, port)) => (to, Some(port.to_owned())),
            None => (to, None),
        };
        let to = to.strip_prefix('[').and_then(|to| to.strip_suffix(']')).unwrap_or(to);
        let named = !from.is_empty() && !to.is_empty() && port.as_deref() != Some("");
        named.then(|| Self { from: from.to_owned(), to: to.to_owned(), port })
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug)]
pub(super) enum Party<'a> {
    Service(&'a Service),
    Backing(&'a BackingTarget),
    External(&'a ExternalTarget),
    Dns,
    /// The ingress controller of the other one.
    Ingress,
    Internet,
    Monitoring,
    Namespace(&'a str),
    Address(IpAddr),
}

impl<'a> Party<'a> {
    pub(super) fn named(app: &'a App, name: &'a str) -> Result<Self, Unanswered> {
        if let Some(service) = app.service(name) {
            return Ok(Party::Service(service));
        }
        if let Some(backing) = app.backing_service(name) {
            return Ok(Party::Backing(backing));
        }
        if let Some(external) = app.external_service(name) {
            return Ok(Party::External(external));
        }
        match name {
            "dns" => return Ok(Party::Dns),
            "ingress" => return Ok(Party::Ingress),
            "internet" => return Ok(Party::Internet),
            "monitoring" => return Ok(Party::Monitoring),
            _ => {}
        }
        if let Some(namespace) = name.strip_prefix("namespace/").filter(|name| !name.is_empty()) {
            return Ok(Party::Namespace(namespace));
        }
        if let Ok(address) = name.parse() {
            return Ok(Party::Address(address));
        }
        if namespaces(app).contains(&name) {
            return Ok(Party::Namespace(name));
        }
        let known = app.names().chain(WORDS).chain(namespaces(app));
        Err(Unanswered::Unknown(name.to_owned(), nearest(name, known).map(str::to_owned)))
    }

    pub(super) fn service(&self) -> Option<&'a Service> {
        match self {
            Party::Service(service) => Some(service),
            _ => None,
        }
    }

    pub(super) fn exposure(&self) -> Option<&'a Exposure> {
        self.service()?.exposure.as_ref()
    }

    /// Where it is in the network, as seen from the other one. Nothing when the app does not say.
    pub(super) fn endpoint(&self, app: &App, posts: &Posts, other: &Party<'_>) -> Option<Endpoint> {
        let inside = |namespace: &str| Endpoint::Pod(Pod::new(namespace, BTreeMap::new()));
        match self {
            Party::Service(service) => posts.pod(&service.name),
            Party::Backing(backing) => reached(app, &backing.reach),
            Party::External(external) => reached(app, &external.reach),
            Party::Dns => Some(dns_server(app)),
            Party::Monitoring => app.network.as_ref().map_or_else(
                || Some(somewhere(app)),
                |rules| rules.monitoring_namespace.as_deref().map(inside),
            ),
            Party::Namespace(namespace) => Some(inside(namespace)),
            Party::Address(address) => Some(Endpoint::Address(*address)),
            Party::Ingress => controller(other).map(inside).or_else(|| Some(somewhere(app))),
            // Nobody outside reaches a pod but through the controller.
            Party::Internet => controller(other).map(inside).or_else(|| Some(somewhere(app))),
        }
    }
}

/// The namespace of the ingress controller that a service is exposed by.
fn controller<'a>(exposed: &Party<'a>) -> Option<&'a str> {
    exposed.exposure()?.controller_namespace.as_deref()
}

fn reached(app: &App, reach: &Reach) -> Option<Endpoint> {
    match reach {
        Reach::Service | Reach::Nowhere => None,
        Reach::Pods { namespace, labels } => {
            let namespace = namespace.as_deref().unwrap_or(&app.namespace);
            Some(Endpoint::Pod(Pod::new(namespace, labels.clone())))
        }
        // A range is opened as a whole, so that its first address stands for all.
        Reach::Cidrs(cidrs) => {
            let range = cidrs.first()?.parse::<IpNet>().ok()?;
            Some(Endpoint::Address(range.network()))
        }
        Reach::AnyAddress => Some(somewhere(app)),
    }
}

/// Namespaces that the app names.
fn namespaces(app: &App) -> Vec<&str> {
    let rules = app.network.iter();
    let monitoring = rules.clone().filter_map(|rules| rules.monitoring_namespace.as_deref());
    let dns = rules.flat_map(|rules| rules.dns.iter().map(|server| server.namespace.as_str()));
    let exposures = app.services.iter().filter_map(|service| service.exposure.as_ref());
    let controllers = exposures.filter_map(|exposure| exposure.controller_namespace.as_deref());
    monitoring.chain(dns).chain(controllers).collect()
}

/// What is asked for, as policy sees it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub traffic: Traffic,
    /// The port of the service that is meant.
    pub port: Option<Port>,
    /// A number that the service does not declare.
    pub undeclared: Option<String>,
}

impl Asked {
    pub(super) fn of(question: &Question, from: &Party<'_>, to: &Party<'_>) -> Result<Self, Unanswered> {
        let all = Self { traffic: Traffic::all(), port: None, undeclared: None };
        let Some(text) = &question.port else {
            // The controller is let in on one port only, and that is the one that is meant.
            let entry = to.exposure().filter(|_| matches!(from, Party::Internet | Party::Ingress));
            return Ok(entry.map_or(all.clone(), |entry| Self { traffic: tcp(entry.target_port), ..all }));
        };
        let number: Option<i32> = text.parse().ok();
        let undeclared = |number| Self { traffic: tcp(number), port: None, undeclared: Some(text.clone()) };
        let unknown = |known: Vec<&str>| {
            let suggestion = nearest(text, known).map(str::to_owned);
            Unanswered::UnknownPort(question.to.clone(), text.clone(), suggestion)
        };
        if let Some(service) = to.service() {
            return match service.port(text) {
                Some(port) => Ok(Self {
                    traffic: Traffic::named(port.transport(), port.target),
                    port: Some(port.clone()),
                    undeclared: None,
                }),
                None => number
                    .map(undeclared)
                    .ok_or_else(|| unknown(service.ports.iter().map(|port| port.name.as_str()).collect())),
            };
        }
        let number = number.ok_or_else(|| unknown(Vec::new()))?;
        let edges = from.service().into_iter().flat_map(|caller| &caller.edges);
        let mut ports = edges.filter(|edge| edge.name == question.to).flat_map(|edge| &edge.ports);
        let found = ports.find(|port| port.port == number || port.target_port == number);
        Ok(match found {
            Some(port) => Self { traffic: Traffic::named(port.transport(), port.target_port), ..all },
            None if matches!(to, Party::Dns) => Self { traffic: both(number), ..all },
            None => Self { traffic: tcp(number), ..all },
        })
    }
}

fn tcp(number: i32) -> Traffic {
    Traffic::named("TCP", number)
}

fn both(number: i32) -> Traffic {
    let mut both = tcp(number);
    both.add(&Traffic::named("UDP", number));
    both
}
