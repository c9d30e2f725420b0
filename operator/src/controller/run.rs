//! Puts the controller together and runs it until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kube::Config;
use msapp_core::policy;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backoff::pass_delay;
use super::events::Reporter;
use super::queue::{AppKey, Queue};
use super::reconcile::Context;
use super::wake::Wake;
use super::workers::{Busy, Workers};
use crate::cluster::{
    Clients, Leadership, LeaseSettings, ProvisionedServices, Purpose, Scope, SecretDigests, View,
    WatchSettings, fetch_digest_key, lead, mirror_all,
};
use crate::telemetry::{Health, Metrics, serve};

/// How long running reconciles get to finish after a signal; below the usual grace period of a pod.
const DRAIN: Duration = Duration::from_secs(20);
/// Between two looks whether all caches are filled.
const LOOK: Duration = Duration::from_millis(50);

/// How the controller runs.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
    /// What is watched.
    pub scope: Scope,
    /// The lease, unless this is the only process there is. Its namespace holds the key of the digests too.
    pub lease: LeaseSettings,
    /// Whether the lease is used.
    pub leader_election: bool,
    /// Where the pages are served.
    pub listen: String,
    /// Reconciles side by side.
    pub concurrency: usize,
}

/// Runs the controller until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or when one of its parts ended that never should.
pub async fn run(config: Config, settings: ControllerSettings) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let controller = Controller::new(config, settings)?;
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(controller.run(stop.clone()));
    tokio::select! {
        result = &mut running => return result.context("the controller broke down")?,
        _ = terminate.recv() => tracing::info!("told to terminate"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
    }
    stop.cancel();
    running.await.context("the controller broke down")?
}

struct Controller {
    settings: ControllerSettings,
    clients: Clients,
    leadership: Leadership,
    metrics: Arc<Metrics>,
    view: Arc<View>,
    queue: Arc<Queue<AppKey>>,
    wake: Arc<Wake>,
    health: Arc<ControllerHealth>,
}

impl Controller {
    fn new(config: Config, settings: ControllerSettings) -> Result<Self> {
        let leadership =
            if settings.leader_election { Leadership::standby() } else { Leadership::unrivalled() };
        let metrics = Arc::new(Metrics::default());
        let view = Arc::new(View::new(settings.scope.clone()));
        let queue = Arc::new(Queue::default());
        let health = ControllerHealth {
            view: view.clone(),
            queue: queue.clone(),
            busy: Arc::default(),
            prepared: AtomicBool::new(false),
        };
        Ok(Self {
            clients: Clients::new(config, metrics.clone(), leadership.clone()),
            wake: Arc::new(Wake::new(view.clone(), queue.clone())),
            health: Arc::new(health),
            settings,
            leadership,
            metrics,
            view,
            queue,
        })
    }

    async fn run(self, stop: CancellationToken) -> Result<()> {
        let quit = CancellationToken::new();
        let _quit_at_the_end = quit.clone().drop_guard();
        let pages =
            serve(self.settings.listen.clone(), self.health.clone(), self.metrics.clone(), quit.clone());
        let mut parts = self.watches()?;
        let mut pages = tokio::spawn(pages);
        let work = self.work(stop);
        tokio::select! {
            result = work => result,
            _ = parts.join_next() => bail!("a watch broke down"),
            result = &mut pages => bail!("the pages broke down: {result:?}"),
        }
    }

    fn watches(&self) -> Result<JoinSet<()>> {
        let settings = WatchSettings {
            view: self.view.clone(),
            listener: self.wake.clone(),
            metrics: self.metrics.clone(),
        };
        let clients = self.clients.watch_clients(self.settings.scope.namespaces.len().max(1))?;
        Ok(mirror_all(clients, &settings))
    }

    /// Waits until everything is known, then works whenever this process leads.
    async fn work(&self, stop: CancellationToken) -> Result<()> {
        let digests = tokio::select! {
            digests = self.prepare() => digests?,
            () = stop.cancelled() => return Ok(()),
        };
        let client = self.clients.client(Purpose::Write)?;
        let (reporter, sender) = Reporter::new(client.clone(), self.settings.lease.identity.clone());
        tokio::spawn(sender);
        let context = Context {
            view: self.view.clone(),
            client,
            digests,
            provisioned: ProvisionedServices::new(self.clients.client(Purpose::Control)?),
            wake: self.wake.clone(),
            reporter,
            metrics: self.metrics.clone(),
            prove: policy::prove,
        };
        let busy = self.health.busy.clone();
        let workers = Workers::new(Arc::new(context), self.queue.clone(), self.leadership.clone(), busy);
        self.lead_and_work(Arc::new(workers), stop).await
    }

    async fn lead_and_work(&self, workers: Arc<Workers>, stop: CancellationToken) -> Result<()> {
        let release = CancellationToken::new();
        let client = self.clients.client(Purpose::Control)?;
        let lease = self.settings.leader_election.then(|| {
            let (settings, leadership) = (self.settings.lease.clone(), self.leadership.clone());
            tokio::spawn(lead(client, settings, leadership, release.clone()))
        });
        let working = tokio::spawn(workers.clone().run(self.settings.concurrency));
        self.follow_leadership(&workers, &stop).await;
        self.queue.close();
        if tokio::time::timeout(DRAIN, working).await.is_err() {
            tracing::warn!("a reconcile did not end in time and is broken off");
        }
        release.cancel();
        if let Some(lease) = lease {
            lease.await.context("the lease broke down")?;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Switches the queue on while this process leads, until it is told to stop.
    async fn follow_leadership(&self, workers: &Workers, stop: &CancellationToken) {
        let mut changes = self.leadership.subscribe();
        loop {
            let leads = *changes.borrow_and_update();
            self.metrics.leader(leads);
            workers.forget();
            self.queue.switch(leads);
            if leads {
                self.wake.all();
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Everything that must be known before the first reconcile.
    async fn prepare(&self) -> Result<Option<Arc<SecretDigests>>> {
        let digests = if self.settings.scope.secrets { Some(self.secret_digests().await?) } else { None };
        self.health.prepared.store(true, Ordering::Release);
        while !self.view.missing().is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        tracing::info!(apps = self.view.all_apps().len(), "everything is known");
        Ok(digests)
    }

    async fn secret_digests(&self) -> Result<Arc<SecretDigests>> {
        let client = self.clients.client(Purpose::Control)?;
        let namespace = &self.settings.lease.namespace;
        let mut tries = 0;
        let key = loop {
            match fetch_digest_key(&client, namespace).await {
                Ok(key) => break key,
                Err(error) => {
                    tries += 1;
                    tracing::warn!(error = format!("{error:#}"), "no key for digests of Secrets yet");
                    tokio::time::sleep(pass_delay(tries).min(Duration::from_secs(30))).await;
                }
            }
        };
        let digests = Arc::new(SecretDigests::new(client, key));
        self.wake.forget_secrets_in(digests.clone());
        Ok(digests)
    }
}

/// What the pages say about the controller.
struct ControllerHealth {
    view: Arc<View>,
    queue: Arc<Queue<AppKey>>,
    busy: Arc<Busy>,
    /// Whether everything but the caches is there.
    prepared: AtomicBool,
}

impl Health for ControllerHealth {
    fn stuck(&self) -> Option<String> {
        self.busy.stuck().map(|key| format!("the reconcile of {key} does not end"))
    }

    fn missing(&self) -> Vec<String> {
        let mut missing = self.view.missing();
        if !self.prepared.load(Ordering::Acquire) {
            missing.push("the key for digests of Secrets".to_owned());
        }
        missing
    }

    fn remarks(&self) -> Vec<String> {
        self.view.remarks()
    }

    fn refresh(&self, metrics: &Metrics) {
        let apps = self.view.all_apps();
        let ready = apps.iter().filter(|app| app.value.is_ready()).count();
        metrics.apps(ready, apps.len() - ready);
        metrics.queue_depth(self.queue.depth());
    }
}
