//! Prometheus metrics. Every label comes from a closed set, so that their number is bounded.

use std::sync::Mutex;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What a request does, as Kubernetes names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// 1xx to 3xx.
    Success,
    /// 409.
    Conflict,
    /// 429.
    Throttled,
    /// Any other 4xx.
    ClientError,
    /// 5xx.
    ServerError,
    /// No answer in time.
    Timeout,
    /// No connection.
    Unreachable,
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReconcileResult {
    /// Nothing was to be done.
    Unchanged,
    /// Something was written, and nothing failed.
    Applied,
    /// The resource is wrong.
    Invalid,
    /// Something failed.
    Failed,
    /// It was broken off because this process does not lead any more.
    Fenced,
    /// A defect of the operator.
    Panicked,
}

/// How a child was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum WriteVerb {
    Create,
    Update,
    Prune,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
        }
    }
}

impl RequestOutcome {
    fn as_str(self) -> &'static str {
        match self {
            RequestOutcome::Success => "2xx",
            RequestOutcome::Conflict => "409",
            RequestOutcome::Throttled => "429",
            RequestOutcome::ClientError => "4xx",
            RequestOutcome::ServerError => "5xx",
            RequestOutcome::Timeout => "timeout",
            RequestOutcome::Unreachable => "unreachable",
        }
    }
}

impl ReconcileResult {
    fn as_str(self) -> &'static str {
        match self {
            ReconcileResult::Unchanged => "unchanged",
            ReconcileResult::Applied => "applied",
            ReconcileResult::Invalid => "invalid",
            ReconcileResult::Failed => "failed",
            ReconcileResult::Fenced => "fenced",
            ReconcileResult::Panicked => "panicked",
        }
    }
}

impl WriteVerb {
    fn as_str(self) -> &'static str {
        match self {
            WriteVerb::Create => "create",
            WriteVerb::Update => "update",
            WriteVerb::Prune => "prune",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    kind: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    kind: &'static str,
    verb: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReadyLabel {
    ready: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// All metrics of the operator.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    reconciles: Family<ResultLabel, Counter>,
    reconcile_duration: Histogram,
    requests: Family<RequestLabels, Counter>,
    writes: Family<WriteLabels, Counter>,
    apps: Family<ReadyLabel, Gauge>,
    queue_depth: Gauge,
    leader: Gauge,
    watch_restarts: Family<KindLabel, Counter>,
    panics: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("msapp")),
            reconciles: Family::default(),
            reconcile_duration: Histogram::new(exponential_buckets(0.001, 4.0, 8)),
            requests: Family::default(),
            writes: Family::default(),
            apps: Family::default(),
            queue_depth: Gauge::default(),
            leader: Gauge::default(),
            watch_restarts: Family::default(),
            panics: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.lock();
        registry.register("reconciles", "Reconciles by result", self.reconciles.clone());
        registry.register_with_unit(
            "reconcile_duration",
            "Time that one reconcile took",
            Unit::Seconds,
            self.reconcile_duration.clone(),
        );
        registry.register("api_requests", "Requests to the API server", self.requests.clone());
        registry.register("writes", "Children written", self.writes.clone());
        registry.register("apps", "Apps by whether they are ready", self.apps.clone());
        registry.register("queue_depth", "Apps that wait for a reconcile", self.queue_depth.clone());
        registry.register("leader", "1 while this process leads", self.leader.clone());
        registry.register(
            "watch_restarts",
            "Watches that broke and began again",
            self.watch_restarts.clone(),
        );
        registry.register("panics", "Reconciles that hit a defect of the operator", self.panics.clone());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Counts a reconcile.
    pub fn reconciled(&self, result: ReconcileResult, duration: Duration) {
        self.reconciles.get_or_create(&ResultLabel { result: result.as_str() }).inc();
        self.reconcile_duration.observe(duration.as_secs_f64());
        if result == ReconcileResult::Panicked {
            self.panics.inc();
        }
    }

    /// Counts a request; `kind` is one of a closed set of resource names.
    pub fn requested(&self, verb: Verb, kind: &'static str, code: RequestOutcome) {
        self.requests.get_or_create(&RequestLabels { verb: verb.as_str(), kind, code: code.as_str() }).inc();
    }

    /// Counts a written child.
    pub fn wrote(&self, kind: &'static str, verb: WriteVerb) {
        self.writes.get_or_create(&WriteLabels { kind, verb: verb.as_str() }).inc();
    }

    /// Counts a watch that broke.
    pub fn watch_restarted(&self, kind: &'static str) {
        self.watch_restarts.get_or_create(&KindLabel { kind }).inc();
    }

    /// Tells how many apps are ready and how many are not.
    pub fn apps(&self, ready: usize, unready: usize) {
        for (label, count) in [("true", ready), ("false", unready)] {
            self.apps
                .get_or_create(&ReadyLabel { ready: label })
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Tells how many apps wait.
    pub fn queue_depth(&self, depth: usize) {
        self.queue_depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
    }

    /// Tells whether this process leads.
    pub fn leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// All of it in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.lock()).expect("writing to a string cannot fail");
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_what_was_counted() {
        let metrics = Metrics::default();
        metrics.reconciled(ReconcileResult::Applied, Duration::from_millis(3));
        metrics.requested(Verb::Patch, "deployments", RequestOutcome::Success);
        metrics.wrote("Deployment", WriteVerb::Create);
        metrics.apps(2, 1);
        metrics.leader(true);
        metrics.watch_restarted("pods");
        let page = metrics.text();
        for line in [
            "msapp_reconciles_total{result=\"applied\"} 1",
            "msapp_reconcile_duration_seconds_count 1",
            "msapp_api_requests_total{verb=\"patch\",kind=\"deployments\",code=\"2xx\"} 1",
            "msapp_writes_total{kind=\"Deployment\",verb=\"create\"} 1",
            "msapp_apps{ready=\"true\"} 2",
            "msapp_leader 1",
            "msapp_watch_restarts_total{kind=\"pods\"} 1",
            "msapp_panics_total 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
}
