//! Events: who publishes and who consumes what, and the edges to brokers that follow.

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::{BackingService, Engine, Event as WrittenEvent, MicroserviceAppSpec, ServiceSpec};

use super::{Event, Exchange, Service};
use crate::violation::{Code, Violation, Violations, nearest};

/// Every declared event: its broker, and how it was written.
pub(super) struct Catalogue<'a>(BTreeMap<&'a str, Listed<'a>>);

struct Listed<'a> {
    broker: &'a str,
    event: &'a WrittenEvent,
    path: String,
}

impl<'a> Catalogue<'a> {
    /// Collects the events of all brokers; an event has one broker.
    pub(super) fn of(spec: &'a MicroserviceAppSpec, violations: &mut Violations) -> Self {
        let mut catalogue: BTreeMap<&str, Listed<'_>> = BTreeMap::new();
        for (at, broker) in spec.backing_services.iter().enumerate() {
            check_engine(broker, at, violations);
            for (index, event) in broker.events.iter().enumerate() {
                let path = format!("spec.backingServices[{at}].events[{index}]");
                match catalogue.get(event.name.as_str()) {
                    // Two entries of one list are reported by the schema.
                    Some(first) if first.broker != broker.name => {
                        let message =
                            format!("event {:?} is already carried by {:?}", event.name, first.broker);
                        violations.push(Violation::new(format!("{path}.name"), Code::Duplicate, message));
                    }
                    Some(_) => {}
                    None => {
                        let broker = broker.name.as_str();
                        catalogue.insert(&event.name, Listed { broker, event, path });
                    }
                }
            }
        }
        Self(catalogue)
    }

    /// What a service publishes or consumes (`field`); an unknown event is a violation.
    pub(super) fn exchanges(
        &self,
        names: &[String],
        field: &str,
        violations: &mut Violations,
    ) -> BTreeMap<String, Exchange> {
        let mut exchanges = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            if let Some(listed) = self.0.get(name.as_str()) {
                let topic = listed.event.topic.clone().unwrap_or_else(|| name.clone());
                exchanges.insert(name.clone(), Exchange { broker: listed.broker.to_owned(), topic });
            } else {
                let message = format!("no backing service lists an event {name:?}");
                let path = format!("{field}[{index}]");
                let suggestion = nearest(name, self.0.keys().copied());
                violations.push(Violation::new(path, Code::UnknownName, message).suggest(suggestion));
            }
        }
        exchanges
    }

    /// Brokers that the events of a service need: name → where the resource says so.
    pub(super) fn brokers(&self, service: &ServiceSpec, path: &str) -> BTreeMap<&'a str, Vec<String>> {
        let mut brokers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (field, names) in [("publishes", &service.publishes), ("consumes", &service.consumes)] {
            for (index, name) in names.iter().enumerate() {
                if let Some(listed) = self.0.get(name.as_str()) {
                    brokers.entry(listed.broker).or_default().push(format!("{path}.{field}[{index}]"));
                }
            }
        }
        brokers
    }

    /// The events with those who exchange them, sorted by name.
    pub(super) fn events(&self, services: &[Service]) -> Vec<Event> {
        let who = |exchanges: fn(&Service) -> &BTreeMap<String, Exchange>, event: &str| {
            let exchanging = services.iter().filter(|service| exchanges(service).contains_key(event));
            exchanging.map(|service| service.name.clone()).collect()
        };
        self.0
            .iter()
            .map(|(name, listed)| Event {
                name: (*name).to_owned(),
                broker: listed.broker.to_owned(),
                topic: listed.event.topic.clone().unwrap_or_else(|| (*name).to_owned()),
                external: listed.event.external,
                publishers: who(|service| &service.publishes, name),
                consumers: who(|service| &service.consumes, name),
                path: listed.path.clone(),
            })
            .collect()
    }
}

fn check_engine(broker: &BackingService, at: usize, violations: &mut Violations) {
    use Engine::{Kafka, NATS, Other, RabbitMQ, Redis, Valkey};
    if !broker.events.is_empty() && !matches!(broker.engine, RabbitMQ | Kafka | NATS | Redis | Valkey | Other)
    {
        let message = format!("{:?} is no broker, so it carries no events", broker.engine);
        let path = format!("spec.backingServices[{at}].events");
        violations.push(Violation::new(path, Code::Exclusive, message));
    }
}
