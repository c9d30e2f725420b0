//! What breaks when one thing is down: by calls, by data, by events, and at the entries from outside.
//!
//! Everything is read off the graph: who breaks over edges that are not optional, who goes on with less, and which
//! events stop. What a service does about a failure inside its own code nobody declares, so nobody can tell it here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde::Serialize;

use crate::graph::{App, Edge, Event, Service, TargetKind};
use crate::violation::nearest;

/// What breaks when one thing is down. Equal inputs make equal impacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// Name of the app.
    pub app: String,
    /// Its namespace.
    pub namespace: String,
    /// What is down.
    pub down: Down,
    /// Services that break with it, the nearest first, then by name.
    pub hard: Vec<Affected>,
    /// Services that go on with less, by name.
    pub soft: Vec<Affected>,
    /// Events that stop, by name.
    pub events: Vec<EventLoss>,
    /// Addresses that the outside world loses, or gets less from.
    pub entries: Vec<Entry>,
}

/// What is down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Down {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TargetKind,
    /// Domain, and the team that answers for it.
    #[serde(flatten)]
    pub team: Team,
    /// Where the resource declares it.
    pub path: String,
}

/// Who answers for a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Team {
    /// Its bounded context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The team of that context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// A service that is affected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Affected {
    /// Its name.
    pub service: String,
    /// Who answers for it.
    #[serde(flatten)]
    pub team: Team,
    /// Of a service that breaks the way to what is down, step by step: `[cart, cart-cache]`; of one that goes on with
    /// less everything that it misses.
    pub via: Vec<String>,
    /// Where the resource declares the first step, or each of the edges that are missed.
    pub declared: Vec<String>,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Effect {
    /// Its broker is down: it is not carried at all.
    NotCarried,
    /// Nobody publishes it any more.
    NoNewEvents,
    /// Others still publish it.
    FewerEvents,
    /// Nobody takes it any more, so it waits at the broker.
    PilesUp,
    /// Others still take it; the share of the one that is down waits.
    ShareWaits,
}

/// An event that stops, and whom that concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLoss {
    /// Its name.
    pub event: String,
    /// What carries it.
    pub broker: String,
    /// Topic, exchange or subject there.
    pub topic: String,
    /// What becomes of it.
    pub effect: Effect,
    /// Services on this side that are down.
    pub down: Vec<String>,
    /// Services on the other side, which run and notice it.
    pub concerned: Vec<String>,
    /// Where the resource declares it.
    pub path: String,
}

/// An address that the outside world uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Whether it still answers, with less.
    pub degraded: bool,
    /// `https://shop.example.com/cart`
    pub url: String,
    /// The service behind it.
    pub service: String,
    /// Where the resource declares it.
    pub path: String,
}

/// A name that the app does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What was asked for.
    pub name: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "there is no service, backing service or external service {:?}", self.name)?;
        self.suggestion.iter().try_for_each(|name| write!(formatter, "; did you mean {name:?}?"))
    }
}

impl std::error::Error for Unknown {}

/// What breaks when the service, backing service or external service of that name is down.
///
/// # Errors
/// The app has nothing of that name.
pub fn impact(app: &App, name: &str) -> Result<Impact, Unknown> {
    let down = down(app, name).ok_or_else(|| unknown(app, name))?;
    let steps = broken(app, name);
    let broken: BTreeSet<&str> = steps.iter().map(|step| step.service.name.as_str()).collect();
    let soft = degraded(app, &broken, name);
    let fallen: BTreeSet<&str> = broken.iter().copied().chain([name]).collect();
    let degraded: BTreeSet<&str> = soft.iter().map(|affected| affected.service.as_str()).collect();
    Ok(Impact {
        app: app.name.clone(),
        namespace: app.namespace.clone(),
        hard: steps.iter().map(|step| step.affected(app, &steps)).collect(),
        events: app.events.iter().flat_map(|event| losses(event, name, &fallen)).collect(),
        entries: entries(app, &fallen, &degraded),
        soft,
        down,
    })
}

fn down(app: &App, name: &str) -> Option<Down> {
    let found = |kind, path: &String, team| Down { name: name.to_owned(), kind, team, path: path.clone() };
    let service =
        app.service(name).map(|service| found(TargetKind::Service, &service.path, team(app, service)));
    let backing = || {
        let backing = app.backing_service(name)?;
        let owner = backing.owner.as_ref().and_then(|owner| app.service(owner));
        let team = owner.map(|owner| team(app, owner)).unwrap_or_default();
        Some(found(TargetKind::BackingService, &backing.path, team))
    };
    let external = || {
        let external = app.external_service(name)?;
        Some(found(TargetKind::ExternalService, &external.path, Team::default()))
    };
    service.or_else(backing).or_else(external)
}

fn unknown(app: &App, name: &str) -> Unknown {
    Unknown { name: name.to_owned(), suggestion: nearest(name, app.names()).map(str::to_owned) }
}

fn team(app: &App, service: &Service) -> Team {
    let domain = service.domain.clone();
    let declared = app.domains.iter().find(|known| Some(&known.name) == domain.as_ref());
    Team { owner: declared.and_then(|domain| domain.owner.clone()), domain }
}

/// A service that breaks, and the edge over which it does.
struct Step<'a> {
    service: &'a Service,
    edge: &'a Edge,
}

impl Step<'_> {
    fn affected(&self, app: &App, steps: &[Step<'_>]) -> Affected {
        let mut via = vec![self.edge.name.clone()];
        while let Some(next) = steps.iter().find(|step| Some(&step.service.name) == via.last()) {
            via.push(next.edge.name.clone());
        }
        Affected {
            service: self.service.name.clone(),
            team: team(app, self.service),
            via,
            declared: self.edge.origins.clone(),
        }
    }
}

/// The services that break, each over its shortest way; of ways of the same length over the first by name.
fn broken<'a>(app: &'a App, name: &str) -> Vec<Step<'a>> {
    let mut needing: BTreeMap<&str, Vec<Step<'a>>> = BTreeMap::new();
    for service in &app.services {
        for edge in service.edges.iter().filter(|edge| !edge.optional) {
            needing.entry(&edge.name).or_default().push(Step { service, edge });
        }
    }
    let mut seen = BTreeSet::from([name.to_owned()]);
    let mut open = VecDeque::from([name.to_owned()]);
    let mut broken = Vec::new();
    while let Some(next) = open.pop_front() {
        for step in needing.remove(next.as_str()).into_iter().flatten() {
            if seen.insert(step.service.name.clone()) {
                open.push_back(step.service.name.clone());
                broken.push(step);
            }
        }
    }
    broken
}

/// Services that have an optional edge to something that is down, and break over no other.
fn degraded(app: &App, broken: &BTreeSet<&str>, name: &str) -> Vec<Affected> {
    let is_down = |other: &str| other == name || broken.contains(other);
    let running = app.services.iter().filter(|service| !is_down(&service.name));
    running
        .filter_map(|service| {
            let lost: Vec<&Edge> =
                service.edges.iter().filter(|edge| edge.optional && is_down(&edge.name)).collect();
            (!lost.is_empty()).then(|| Affected {
                service: service.name.clone(),
                team: team(app, service),
                via: lost.iter().map(|edge| edge.name.clone()).collect(),
                declared: lost.iter().flat_map(|edge| edge.origins.clone()).collect(),
            })
        })
        .collect()
}

/// What becomes of an event on both of its sides.
fn losses(event: &Event, name: &str, fallen: &BTreeSet<&str>) -> Vec<EventLoss> {
    let loss = |effect, down: Vec<String>, concerned: Vec<String>| EventLoss {
        event: event.name.clone(),
        broker: event.broker.clone(),
        topic: event.topic.clone(),
        effect,
        down,
        concerned,
        path: event.path.clone(),
    };
    if event.broker == name {
        let everybody: BTreeSet<&String> = event.publishers.iter().chain(&event.consumers).collect();
        let everybody = everybody.into_iter().cloned().collect();
        return vec![loss(Effect::NotCarried, vec![name.to_owned()], everybody)];
    }
    let split = |side: &[String]| -> (Vec<String>, Vec<String>) {
        side.iter().cloned().partition(|service| fallen.contains(service.as_str()))
    };
    let (silent, publishing) = split(&event.publishers);
    let (deaf, consuming) = split(&event.consumers);
    let mut losses = Vec::new();
    if !silent.is_empty() {
        let effect = if publishing.is_empty() { Effect::NoNewEvents } else { Effect::FewerEvents };
        losses.push(loss(effect, silent, consuming.clone()));
    }
    // While nobody publishes nothing can wait.
    if !deaf.is_empty() && !publishing.is_empty() {
        let effect = if consuming.is_empty() { Effect::PilesUp } else { Effect::ShareWaits };
        losses.push(loss(effect, deaf, publishing));
    }
    losses
}

/// Entries from outside that fail, and then those that only get less.
fn entries(app: &App, fallen: &BTreeSet<&str>, degraded: &BTreeSet<&str>) -> Vec<Entry> {
    let of = |services: &BTreeSet<&str>, degraded| -> Vec<Entry> {
        let exposed = app.services.iter().filter(|service| services.contains(service.name.as_str()));
        let entry = |service: &Service| {
            let url = service.exposure.as_ref()?.url();
            let path = format!("{}.expose", service.path);
            Some(Entry { degraded, url, service: service.name.clone(), path })
        };
        exposed.filter_map(entry).collect()
    };
    let mut entries = of(fallen, false);
    entries.extend(of(degraded, true));
    entries.sort();
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::source::Source;

    fn app(changes: &[(&str, Value)]) -> App {
        let mut spec = json!({
            "network": {"ingressNamespace": "ingress"},
            "services": [
                {"name": "web", "image": "web:1", "ports": [{"name": "http", "port": 80}],
                 "dependencies": [{"name": "order"}, {"name": "review", "optional": true}],
                 "expose": {"host": "shop.example.com"}},
                {"name": "order", "image": "order:1", "ports": [{"name": "http", "port": 80}],
                 "dependencies": [{"name": "cart"}, {"name": "events"}], "publishes": ["Placed"]},
                {"name": "cart", "image": "cart:1", "ports": [{"name": "http", "port": 80}],
                 "dependencies": [{"name": "cart-cache"}]},
                {"name": "review", "image": "review:1", "ports": [{"name": "http", "port": 80}],
                 "expose": {"host": "shop.example.com", "path": "/reviews"}},
                {"name": "mailer", "image": "mailer:1", "consumes": ["Placed"]}
            ],
            "backingServices": [
                {"name": "cart-cache", "engine": "Redis", "host": "redis.data", "cidrs": ["10.0.0.1/32"]},
                {"name": "events", "engine": "RabbitMQ", "host": "mq.data", "cidrs": ["10.0.0.2/32"],
                 "events": [{"name": "Placed", "topic": "orders.placed"}]}
            ]
        });
        for (pointer, value) in changes {
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
            spec.pointer_mut(parent).expect("a parent")[field] = value.clone();
        }
        let (name, namespace) = ("shop".to_owned(), "shop".to_owned());
        crate::graph::resolve(&Source { name, namespace, spec, ..Source::default() }).expect("it is right")
    }

    fn told(app: &App, name: &str) -> (Vec<String>, Vec<String>, Vec<String>, Vec<String>) {
        let impact = impact(app, name).expect("there is such a thing");
        let affected = |all: &[Affected]| -> Vec<String> {
            all.iter().map(|one| format!("{} via {}", one.service, one.via.join(", "))).collect()
        };
        let events = impact.events.iter().map(|loss| {
            let sides = format!("{} / {}", loss.down.join(", "), loss.concerned.join(", "));
            format!("{} {:?} {sides}", loss.event, loss.effect)
        });
        let entries = impact
            .entries
            .iter()
            .map(|entry| format!("{}{}", entry.url, if entry.degraded { " less" } else { "" }));
        (affected(&impact.hard), affected(&impact.soft), events.collect(), entries.collect())
    }

    #[test]
    fn whoever_needs_it_breaks_with_it_over_any_number_of_steps() {
        let (hard, soft, events, entries) = told(&app(&[]), "cart-cache");
        assert_eq!(
            hard,
            ["cart via cart-cache", "order via cart, cart-cache", "web via order, cart, cart-cache"]
        );
        assert_eq!(soft, [] as [&str; 0]);
        assert_eq!(events, ["Placed NoNewEvents order / mailer"]);
        assert_eq!(entries, ["http://shop.example.com/"]);
    }

    #[test]
    fn an_optional_dependency_only_degrades_its_caller() {
        let (hard, soft, events, entries) = told(&app(&[]), "review");
        assert_eq!((hard.len(), events.len()), (0, 0));
        assert_eq!(soft, ["web via review"]);
        assert_eq!(entries, ["http://shop.example.com/reviews", "http://shop.example.com/ less"]);
    }

    #[test]
    fn who_breaks_over_another_way_is_not_told_as_degraded() {
        let both = app(&[("/services/3/dependencies", json!([{"name": "cart"}]))]);
        let (hard, soft, ..) = told(&both, "cart");
        assert_eq!(hard, ["order via cart", "review via cart", "web via order, cart"]);
        assert_eq!(soft, [] as [&str; 0]);
    }

    #[test]
    fn events_of_a_consumer_that_is_down_wait_at_the_broker() {
        let (hard, _, events, _) = told(&app(&[]), "mailer");
        assert_eq!((hard.len(), events), (0, vec!["Placed PilesUp mailer / order".to_owned()]));
        let two = app(&[("/services/3/consumes", json!(["Placed"]))]);
        assert_eq!(told(&two, "mailer").2, ["Placed ShareWaits mailer / order"]);
    }

    #[test]
    fn of_two_publishers_the_other_one_goes_on() {
        let two = app(&[("/services/3/publishes", json!(["Placed"]))]);
        assert_eq!(told(&two, "order").2, ["Placed FewerEvents order / mailer"]);
    }

    #[test]
    fn without_its_broker_an_event_is_not_carried() {
        let (hard, _, events, _) = told(&app(&[]), "events");
        assert_eq!(hard, ["mailer via events", "order via events", "web via order, events"]);
        assert_eq!(events, ["Placed NotCarried events / mailer, order"]);
    }

    #[test]
    fn a_circle_of_calls_ends() {
        let circle = app(&[("/services/2/dependencies", json!([{"name": "order"}]))]);
        assert_eq!(told(&circle, "cart").0, ["order via cart", "web via order, cart"]);
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion() {
        let error = impact(&app(&[]), "cart-cash").expect_err("there is none");
        assert_eq!(
            error.to_string(),
            "there is no service, backing service or external service \"cart-cash\"; did you mean \"cart-cache\"?"
        );
    }
}
