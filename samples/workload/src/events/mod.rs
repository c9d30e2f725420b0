//! Events over RabbitMQ. None is lost while the process lives: what the broker has not confirmed waits in memory and is
//! sent again, and what is consumed is acknowledged only when everything that follows from it is confirmed.

mod broker;
mod consume;
mod ledger;
mod publish;

pub use ledger::{Counts, Ledger};

use crate::discovery::{self, Discovery};
use crate::serve::Service;
use crate::trace::Trace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that has happened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Event {
    /// The same for the same event of the same request, so that one that is sent twice counts once.
    pub id: String,
    /// Its name in the app.
    pub event: String,
    /// What the broker calls it.
    pub topic: String,
    /// Who publishes it.
    pub service: String,
    /// The request that it follows from.
    pub trace: Trace,
}

impl Event {
    /// The event `name` of this service, which follows from the request of `trace`.
    pub fn new(name: &str, discovery: &Discovery, trace: &Trace) -> Self {
        Self {
            id: format!("{name}:{}", trace.request()),
            event: name.to_owned(),
            topic: discovery.publishes.get(name).map_or(name, |topic| &topic.topic).to_owned(),
            service: discovery.service.clone(),
            trace: trace.further(),
        }
    }
}

/// Publishes and consumes at every broker, until the service stops. Another broker is another dependency, and then the
/// pod is replaced, so they are looked up once.
pub async fn run(service: Arc<Service>) -> anyhow::Result<()> {
    let discovery = discovery::read(service.settings.discovery.as_deref())?;
    let brokers = |topics: Vec<&discovery::Topic>| -> BTreeSet<String> {
        topics
            .into_iter()
            .map(|topic| topic.broker.clone())
            .filter(|name| discovery.is_spoken_to(name))
            .collect()
    };
    for broker in brokers(discovery.publishes.values().collect()) {
        tokio::spawn(publish::run(service.clone(), broker));
    }
    for broker in brokers(discovery.consumes.values().collect()) {
        service.tasks.spawn(consume::run(service.clone(), broker));
    }
    Ok(())
}
