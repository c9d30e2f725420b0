//! The picture of an app: what calls what, where data lies, and what the checks say.

use std::collections::BTreeSet;

use msapp_crds::v1alpha1::{EventSide, Protocol};
use serde_json::Value;

use super::findings::Findings;
use super::{Edge, End, Kind, Link, Node, Picture};
use crate::graph::{self, App, BackingTarget, Event, Exposure, ExternalTarget, Service, TargetKind};

/// Services, what they call and use, and the entries from outside. With `events`, who publishes and who consumes
/// them is drawn in the place of their edges to the broker.
pub fn of(app: &App, events: bool) -> Picture {
    let sketch = Sketch::of(app, events);
    let (outside, entries): (Vec<Node>, Vec<Edge>) =
        app.services.iter().filter_map(|service| Some(entry(service, service.exposure.as_ref()?))).unzip();
    let mut nodes: Vec<Node> = app.services.iter().map(|service| sketch.service(service)).collect();
    nodes.extend(sketch.backing_services().map(|backing| sketch.backing(backing)));
    nodes.extend(app.external_services.iter().map(|external| sketch.external(external)));
    nodes.extend(sketch.events.iter().map(|event| sketch.event(event)));
    nodes.extend(outside);
    let mut edges: Vec<Edge> = sketch.edges().map(|(service, edge)| sketch.edge(service, edge)).collect();
    edges.extend(sketch.events.iter().flat_map(exchange));
    edges.extend(entries);
    Picture::new(&app.name, nodes, edges).with_marks(sketch.findings.elsewhere)
}

/// A service as every picture shows it, without what is wrong with it.
pub(super) fn bare(service: &Service) -> Node {
    let kind = if service.ports.is_empty() { Kind::Worker } else { Kind::Service };
    node(kind, &service.name, service.domain.clone(), None)
}

pub(super) fn node(kind: Kind, name: &str, domain: Option<String>, detail: Option<String>) -> Node {
    Node { domain, kind, name: name.to_owned(), detail, marks: Vec::new() }
}

pub(super) fn edge(from: (Kind, &str), link: Link, to: (Kind, &str)) -> Edge {
    let end = |(kind, name): (Kind, &str)| End { kind, name: name.to_owned() };
    Edge { from: end(from), to: end(to), link, optional: false, label: None, marks: Vec::new() }
}

/// What the product calls itself.
pub(super) fn engine(backing: &BackingTarget) -> Option<String> {
    serde_json::to_value(backing.engine).ok().as_ref().and_then(Value::as_str).map(str::to_owned)
}

/// The domain that all of these services belong to.
pub(super) fn common_domain<'a>(app: &App, services: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let named = services.into_iter().filter_map(|name| app.service(name));
    let domains: BTreeSet<Option<&String>> = named.map(|service| service.domain.as_ref()).collect();
    let mut domains = domains.into_iter();
    domains.next().filter(|_| domains.next().is_none()).flatten().cloned()
}

/// What is drawn of an app, and what is wrong with it.
struct Sketch<'a> {
    app: &'a App,
    /// None when they are not drawn.
    events: &'a [Event],
    findings: Findings<'a>,
}

impl<'a> Sketch<'a> {
    fn of(app: &'a App, events: bool) -> Self {
        let events = if events { app.events.as_slice() } else { &[] };
        let mut sketch = Self { app, events, findings: Findings::of(&app.findings, &BTreeSet::new()) };
        let mut drawn: BTreeSet<&str> = app.services.iter().map(|service| service.path.as_str()).collect();
        drawn.extend(sketch.backing_services().map(|backing| backing.path.as_str()));
        drawn.extend(app.external_services.iter().map(|external| external.path.as_str()));
        drawn.extend(events.iter().map(|event| event.path.as_str()));
        drawn.extend(sketch.edges().flat_map(|(_, edge)| &edge.origins).map(String::as_str));
        sketch.findings = Findings::of(&app.findings, &drawn);
        sketch
    }

    /// Without the brokers of which nothing is left but their events.
    fn backing_services(&self) -> impl Iterator<Item = &'a BackingTarget> {
        let carries_events = |name: &str| self.events.iter().any(|event| event.broker == name);
        let used = |name: &str| self.edges().any(|(_, edge)| edge.name == name);
        self.app.backing_services.iter().filter(move |one| !carries_events(&one.name) || used(&one.name))
    }

    /// Without those to a broker that the service only reaches for the events that are drawn.
    fn edges(&self) -> impl Iterator<Item = (&'a Service, &'a graph::Edge)> {
        let draws_events = !self.events.is_empty();
        let exchanges = |service: &Service, broker: &str| {
            let exchanges = service.publishes.values().chain(service.consumes.values());
            exchanges.into_iter().any(|exchange| exchange.broker == broker)
        };
        let all = self
            .app
            .services
            .iter()
            .flat_map(|service| service.edges.iter().map(move |edge| (service, edge)));
        all.filter(move |(service, edge)| !draws_events || edge.is_call() || !exchanges(service, &edge.name))
    }

    fn service(&self, service: &Service) -> Node {
        Node { marks: self.findings.at([&service.path]), ..bare(service) }
    }

    /// In the domain of its owner, or else of all who use it.
    fn backing(&self, backing: &BackingTarget) -> Node {
        let users =
            self.app.services.iter().filter(|one| one.edges.iter().any(|edge| edge.name == backing.name));
        let users = users.map(|service| service.name.as_str());
        let domain = match &backing.owner {
            Some(owner) => common_domain(self.app, [owner.as_str()]),
            None => common_domain(self.app, users),
        };
        let marks = self.findings.at([&backing.path]);
        Node { marks, ..node(Kind::Backing, &backing.name, domain, engine(backing)) }
    }

    fn external(&self, external: &ExternalTarget) -> Node {
        let marks = self.findings.at([&external.path]);
        Node { marks, ..node(Kind::External, &external.name, None, Some(external.host.clone())) }
    }

    /// In the domain of those who publish it.
    fn event(&self, event: &Event) -> Node {
        let domain = common_domain(self.app, event.publishers.iter().map(String::as_str));
        let outside = match event.external {
            Some(EventSide::Publisher) => ", published outside",
            Some(EventSide::Consumer) => ", consumed outside",
            None => "",
        };
        let topic = if event.topic == event.name { String::new() } else { format!("{}, ", event.topic) };
        let detail = format!("{topic}over {}{outside}", event.broker);
        Node {
            marks: self.findings.at([&event.path]),
            ..node(Kind::Event, &event.name, domain, Some(detail))
        }
    }

    fn edge(&self, service: &Service, declared: &graph::Edge) -> Edge {
        let (kind, link) = match declared.target {
            TargetKind::Service => (Kind::Service, Link::Call),
            TargetKind::BackingService => (Kind::Backing, Link::Data),
            TargetKind::ExternalService => (Kind::External, Link::Call),
        };
        let ports: Vec<String> = declared.ports.iter().map(|port| words(port, declared.target)).collect();
        Edge {
            optional: declared.optional,
            label: Some(ports.join(", ")),
            marks: self.findings.at(&declared.origins),
            ..edge((Kind::Service, &service.name), link, (kind, &declared.name))
        }
    }
}

/// `80`, `9090 GRPC`: what goes without saying is not said.
fn words(port: &graph::EdgePort, target: TargetKind) -> String {
    let number = port.port;
    match port.protocol {
        Protocol::HTTP => number.to_string(),
        Protocol::TCP if target == TargetKind::BackingService => number.to_string(),
        Protocol::HTTP2 => format!("{number} HTTP/2"),
        Protocol::GRPC => format!("{number} gRPC"),
        Protocol::TCP => format!("{number} TCP"),
        Protocol::UDP => format!("{number} UDP"),
    }
}

/// One node for each host name, one edge for each path below it.
fn entry(service: &Service, exposure: &Exposure) -> (Node, Edge) {
    let (host, label) = (exposure.host.as_str(), Some(exposure.path.clone()));
    let entry = edge((Kind::Outside, host), Link::Entry, (Kind::Service, &service.name));
    (node(Kind::Outside, host, None, None), Edge { label, ..entry })
}

fn exchange(event: &Event) -> impl Iterator<Item = Edge> {
    let event_end = (Kind::Event, event.name.as_str());
    let published =
        event.publishers.iter().map(move |from| edge((Kind::Service, from), Link::Publish, event_end));
    let consumed = event.consumers.iter().map(move |to| edge(event_end, Link::Consume, (Kind::Service, to)));
    published.chain(consumed)
}
