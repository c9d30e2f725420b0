//! A service from its start to its end.

mod control;
mod echo;
pub mod grpc;
mod health;
mod http;
mod listen;

pub use health::Health;

use crate::events::{self, Ledger};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::trouble::{self, Trouble};
use crate::work::Clients;
use anyhow::Context;
use listen::Connections;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;

/// Everything that a service is while it runs.
pub struct Service {
    /// What it was told at its start.
    pub settings: Settings,
    /// The trouble that it makes now.
    pub trouble: watch::Sender<Trouble>,
    /// Set by SIGTERM: not ready any more, but still serving.
    pub stopping: CancellationToken,
    /// What must be finished before it ends.
    pub tasks: TaskTracker,
    /// What has become of its events.
    pub events: Ledger,
    /// What it counts.
    pub metrics: Metrics,
    /// Its connections to others.
    pub clients: Clients,
}

/// Serves until SIGTERM, then finishes what it has accepted.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,lapin=off"));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let trouble = watch::Sender::new(settings.trouble.clone());
    tokio::spawn(trouble::make(trouble.subscribe()));
    let service = Arc::new(Service {
        trouble,
        settings,
        stopping: CancellationToken::new(),
        tasks: TaskTracker::new(),
        events: Ledger::default(),
        metrics: Metrics::default(),
        clients: Clients::default(),
    });
    let end = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    let mut end = std::pin::pin!(end);
    let deaf = tokio::time::sleep(service.trouble.borrow().start);
    tokio::select! {
        () = &mut end => return Ok(()),
        () = deaf => {}
    }
    let connections = start(&service).await?;
    end.await;
    stop(&service, connections).await;
    Ok(())
}

async fn start(service: &Arc<Service>) -> anyhow::Result<Connections> {
    control::start(service.clone()).await?;
    let connections = Connections::listen(service).await?;
    events::run(service.clone()).await.context("cannot carry events")?;
    Ok(connections)
}

/// Still serves while it is taken out of the load balancers: answers ask their clients to come no more on this
/// connection, and only connections that nobody used are closed in the end.
async fn stop(service: &Service, connections: Connections) {
    tracing::info!("stops");
    service.stopping.cancel();
    connections.drain(service.settings.drain).await;
    service.tasks.close();
    service.tasks.wait().await;
    service.events.empty().await;
    tracing::info!("stopped");
}
