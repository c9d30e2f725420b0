//! What the service counts, as Prometheus reads it.

use crate::events::Counts;
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the service counts.
pub struct Metrics {
    registry: Registry,
    work: Family<Outcome, Counter>,
    seconds: Histogram,
    calls: Family<Call, Counter>,
    events: Family<EventState, Gauge>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    code: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Call {
    dependency: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct EventState {
    event: String,
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("workload"),
            work: Family::default(),
            seconds: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0]),
            calls: Family::default(),
            events: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "work",
            "Requests that were work, by the code of their answer",
            metrics.work.clone(),
        );
        registry.register("work_seconds", "How long the work took", metrics.seconds.clone());
        registry.register("calls", "Calls of dependencies", metrics.calls.clone());
        registry.register("events", "Distinct events, by what became of them", metrics.events.clone());
        metrics
    }
}

impl Metrics {
    /// A piece of work was answered with `code`.
    pub fn worked(&self, code: u16, took: Duration) {
        self.work.get_or_create(&Outcome { code }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// A dependency was called.
    pub fn called(&self, dependency: &str, answered: bool) {
        let outcome = if answered { "Answered" } else { "Failed" };
        self.calls.get_or_create(&Call { dependency: dependency.to_owned(), outcome }).inc();
    }

    /// Everything as text, with the events as they stand now.
    pub fn text(&self, events: &BTreeMap<String, Counts>) -> String {
        for (event, counts) in events {
            for (state, number) in counts.by_state() {
                let labels = EventState { event: event.clone(), state };
                self.events.get_or_create(&labels).set(i64::try_from(number).unwrap_or(i64::MAX));
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes everything");
        text
    }
}
