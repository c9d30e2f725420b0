//! Runs reconciles side by side on all cores, each contained: a defect in one never reaches another app.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use super::backoff::pass_delay;
use super::queue::{AppKey, Queue};
use super::reconcile::{Context, Memory, Pass};
use crate::cluster::Leadership;
use crate::telemetry::ReconcileResult;

/// No reconcile takes this long: every request has a deadline, and a pass gives up after a few.
const TOO_LONG: Duration = Duration::from_secs(900);

/// Takes apps from the queue and reconciles them.
pub(super) struct Workers {
    pub context: Arc<Context>,
    pub queue: Arc<Queue<AppKey>>,
    pub leadership: Leadership,
    memories: Mutex<HashMap<AppKey, Memory>>,
    busy: Arc<Busy>,
}

/// Which reconciles run, and since when.
#[derive(Debug, Default)]
pub(super) struct Busy(Mutex<HashMap<AppKey, Instant>>);

impl Busy {
    fn lock(&self) -> MutexGuard<'_, HashMap<AppKey, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reconcile that has run for too long.
    pub fn stuck(&self) -> Option<AppKey> {
        self.lock().iter().find(|(_, since)| since.elapsed() > TOO_LONG).map(|(key, _)| key.clone())
    }
}

impl Workers {
    pub fn new(
        context: Arc<Context>,
        queue: Arc<Queue<AppKey>>,
        leadership: Leadership,
        busy: Arc<Busy>,
    ) -> Self {
        Self { context, queue, leadership, memories: Mutex::default(), busy }
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<AppKey, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is remembered of apps: another process may have led meanwhile.
    pub fn forget(&self) {
        self.memories().clear();
    }

    /// Works until the queue is closed and what runs is done.
    pub async fn run(self: Arc<Self>, side_by_side: usize) {
        let slots = Arc::new(Semaphore::new(side_by_side.max(1)));
        let mut runs = JoinSet::new();
        loop {
            let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
            let Some(key) = self.queue.next().await else { break };
            let workers = self.clone();
            let span = tracing::info_span!("reconcile", namespace = key.namespace, app = key.name);
            runs.spawn(
                async move {
                    workers.work(&key).await;
                    drop(slot);
                }
                .instrument(span),
            );
            while runs.try_join_next().is_some() {}
        }
        while runs.join_next().await.is_some() {}
    }

    async fn work(&self, key: &AppKey) {
        let started = Instant::now();
        self.busy.lock().insert(key.clone(), started);
        let pass = self.contained(key).await;
        self.context.metrics.reconciled(pass.result, started.elapsed());
        tracing::debug!(result = ?pass.result, took = ?started.elapsed(), "reconciled");
        self.busy.lock().remove(key);
        self.queue.done(key);
        if let Some(next) = pass.next {
            self.queue.add(key, next);
        }
    }

    /// A reconcile that is broken off when the lease is lost, and that may panic.
    async fn contained(&self, key: &AppKey) -> Pass {
        let mut memory = self.memories().remove(key).unwrap_or_default();
        let panics = memory.panics();
        let run = AssertUnwindSafe(self.context.reconcile(key, &mut memory)).catch_unwind();
        let result = tokio::select! {
            result = run => result,
            () = self.leadership.lost() => return Pass { result: ReconcileResult::Fenced, next: None },
        };
        let (pass, memory) = match result {
            Ok(pass) => (pass, memory),
            Err(_) => {
                tracing::error!("a defect of the operator broke this reconcile off");
                let panics = panics + 1;
                let pass = Pass { result: ReconcileResult::Panicked, next: Some(pass_delay(panics)) };
                (pass, Memory::after_panics(panics))
            }
        };
        if pass.next.is_some() {
            self.memories().insert(key.clone(), memory);
        }
        pass
    }
}
