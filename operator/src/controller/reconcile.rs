//! One reconcile: from what is written in a resource to what is there, and to the status that tells the truth about
//! it. Every way out passes through the status.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use msapp_core::desired::DesiredSet;
use msapp_core::graph::{self, App};
use msapp_core::observed::Observed;
use msapp_core::plan::{self, Plan};
use msapp_core::policy::Proof;
use msapp_core::source::Source;
use msapp_core::status::{self, Facts, Outcome};
use msapp_core::{build, violation::Violations};
use tokio::time::Instant;

use super::apply::{Applied, Writer};
use super::backoff::{Attempts, pass_delay};
use super::events::{Reporter, notes};
use super::failure::{Refused, classify};
use super::lookups::Lookups;
use super::observe::{observe, references};
use super::queue::AppKey;
use super::status_writer::{Written, write_status};
use super::wake::Wake;
use crate::cluster::{Object, ProvisionedServices, SecretDigests, StoredApp, View};
use crate::telemetry::{Metrics, ReconcileResult};

/// Even when nothing happens, what is known is compared again after this time.
const RESYNC: Duration = Duration::from_secs(600);

/// What a reconcile works with.
pub(super) struct Context {
    /// What is known of the cluster.
    pub view: Arc<View>,
    /// The client for writes.
    pub client: Client,
    /// Digests of Secrets, unless they are not read.
    pub digests: Option<Arc<SecretDigests>>,
    /// Provisioned Services that resources refer to.
    pub provisioned: ProvisionedServices,
    /// Who is woken by what.
    pub wake: Arc<Wake>,
    /// Tells users.
    pub reporter: Reporter,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Compares what the objects of an app open with what it declares.
    pub prove: fn(&App, &DesiredSet) -> Proof,
}

/// What is remembered of an app from one reconcile to the next. All of it can be lost without harm.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    uid: String,
    attempts: Attempts,
    lookups: Lookups,
    /// Passes in a row that broke off.
    broken_off: u32,
    /// Passes in a row that hit a defect of the operator.
    panics: u32,
    written: Option<Written>,
    /// What the proof of a generation found.
    proof: Option<(i64, Violations)>,
}

impl Memory {
    /// Passes in a row that hit a defect of the operator.
    pub fn panics(&self) -> u32 {
        self.panics
    }

    /// After a pass that hit a defect: nothing else that it remembered is trusted.
    pub fn after_panics(panics: u32) -> Self {
        Self { panics, ..Self::default() }
    }
}

/// How a reconcile ended, and when the next is due; never again when the app is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    pub result: ReconcileResult,
    pub next: Option<Duration>,
}

/// Why a pass broke off before it could tell anything.
enum BrokenOff {
    Fenced,
    Failed(String),
}

impl From<kube::Error> for BrokenOff {
    fn from(error: kube::Error) -> Self {
        match classify(&error) {
            Refused::Fenced => BrokenOff::Fenced,
            Refused::Because(complaint) => BrokenOff::Failed(complaint.message),
        }
    }
}

impl Context {
    /// Makes what is there agree with what an app wants, as far as is possible now.
    pub async fn reconcile(&self, key: &AppKey, memory: &mut Memory) -> Pass {
        let Some(app) = self.view.app(&key.namespace, &key.name) else {
            self.wake.refers(key, BTreeSet::new());
            *memory = Memory::default();
            return Pass { result: ReconcileResult::Unchanged, next: None };
        };
        if memory.uid != app.uid {
            *memory = Memory { uid: app.uid.clone(), ..Memory::default() };
        }
        // Garbage collection deletes what belongs to an app that goes. And without the definition nobody knows
        // which apps there are.
        if app.value.deleting || self.view.definition_is_missing() {
            return Pass { result: ReconcileResult::Unchanged, next: Some(resync()) };
        }
        match self.pass(key, &app, memory).await {
            Ok(result) => {
                memory.broken_off = 0;
                memory.panics = 0;
                let due = memory.attempts.next().into_iter().chain(memory.lookups.next()).min();
                let due = due.map(|until| until.duration_since(Instant::now()));
                Pass { result, next: Some(due.map_or_else(resync, |due| due.min(RESYNC))) }
            }
            Err(BrokenOff::Fenced) => Pass { result: ReconcileResult::Fenced, next: None },
            Err(BrokenOff::Failed(message)) => {
                memory.broken_off += 1;
                tracing::warn!(error = message, "broke off");
                Pass { result: ReconcileResult::Failed, next: Some(pass_delay(memory.broken_off)) }
            }
        }
    }

    async fn pass(
        &self,
        key: &AppKey,
        app: &Object<StoredApp>,
        memory: &mut Memory,
    ) -> Result<ReconcileResult, BrokenOff> {
        let mut source = app.source();
        let wanted = source.provisioned_services();
        source.bindings = memory.lookups.bindings(&self.provisioned, &key.namespace, wanted).await?;
        match graph::resolve(&source) {
            Err(violations) => self.report_violations(app, &source, &violations, memory).await,
            Ok(proven) => {
                let used = proven.references();
                self.wake.refers(key, used.clone());
                let differences = self.proof(&proven, source.generation, memory);
                if !differences.is_empty() {
                    return self.report_violations(app, &source, &differences, memory).await;
                }
                let references =
                    references(&self.view, self.digests.as_deref(), &key.namespace, &used).await?;
                self.make_so(app, &source, &proven.bound(&references), memory).await
            }
        }
    }

    /// What the policies would open besides what is declared, or not open: nothing, unless msapp has a defect.
    /// It follows from the resource alone, so once for each generation is enough.
    fn proof(&self, app: &App, generation: i64, memory: &mut Memory) -> Violations {
        if let Some((_, violations)) = memory.proof.as_ref().filter(|(of, _)| *of == generation) {
            return violations.clone();
        }
        let proof = (self.prove)(app, &build::objects(app));
        let violations = proof.violations();
        if !proof.holds() {
            tracing::error!(summary = proof.summary(), "the proof of the network policies fails");
        }
        memory.proof = Some((generation, violations.clone()));
        violations
    }

    /// The resource is wrong: what runs keeps running, and the user is told everything at once.
    async fn report_violations(
        &self,
        app: &Object<StoredApp>,
        source: &Source,
        violations: &Violations,
        memory: &mut Memory,
    ) -> Result<ReconcileResult, BrokenOff> {
        memory.attempts = Attempts::default();
        let observed = Observed::default();
        let outcome = Outcome::Invalid(violations);
        self.report(app, facts(app, source, outcome, &observed), &Applied::default(), &mut memory.written)
            .await?;
        Ok(ReconcileResult::Invalid)
    }

    /// The resource is right: plan, apply, and tell how it is afterwards.
    async fn make_so(
        &self,
        app: &Object<StoredApp>,
        source: &Source,
        proven: &App,
        memory: &mut Memory,
    ) -> Result<ReconcileResult, BrokenOff> {
        let desired = build::objects(proven);
        let before = observe(&self.view, app, &desired);
        let plan =
            if proven.suspended { Plan::default() } else { plan::plan(proven, &app.uid, &desired, &before) };
        let writer =
            Writer { client: &self.client, view: &self.view, metrics: &self.metrics, app, observed: &before };
        let applied = writer.apply(&plan, &mut memory.attempts).await.map_err(|_| BrokenOff::Fenced)?;
        let after = observe(&self.view, app, &desired);
        let failures = memory.attempts.told();
        let outcome = Outcome::Valid { app: proven, plan: &plan, failures: &failures };
        let told =
            self.report(app, facts(app, source, outcome, &after), &applied, &mut memory.written).await?;
        Ok(match (memory.attempts.next(), applied.is_empty() && !told) {
            (Some(_), _) => ReconcileResult::Failed,
            (None, true) => ReconcileResult::Unchanged,
            (None, false) => ReconcileResult::Applied,
        })
    }

    /// Tells how the app is, when that is news.
    async fn report(
        &self,
        app: &Object<StoredApp>,
        facts: Facts<'_>,
        applied: &Applied,
        written: &mut Option<Written>,
    ) -> kube::Result<bool> {
        let status = status::status(&facts);
        let told = write_status(&self.client, &self.view, app, &status, written).await;
        if matches!(told, Ok(true)) {
            let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
            let ready = ready.map(|condition| format!("{}: {}", condition.reason, condition.message));
            tracing::debug!(summary = status.summary, ready, "told how it is");
        }
        // What is not in the status yet is told together with it.
        let before = if matches!(told, Ok(true)) { facts.previous } else { Some(&status) };
        self.reporter.tell(app, notes(before, &status, applied));
        told
    }
}

fn facts<'a>(
    app: &'a Object<StoredApp>,
    source: &'a Source,
    outcome: Outcome<'a>,
    observed: &'a Observed,
) -> Facts<'a> {
    Facts { source, outcome, observed, previous: app.value.status.as_deref(), now: jiff::Timestamp::now() }
}

/// Ten minutes, give or take a tenth, so that not all apps are looked at together.
fn resync() -> Duration {
    RESYNC.mul_f64(0.9 + 0.2 * fastrand::f64())
}
