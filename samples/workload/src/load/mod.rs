//! The load client: requests at a steady rate, whether they are answered or not, and never one of them twice.

mod client;
mod tally;

use crate::command::{LOAD_CONTROL, loopback};
use crate::duration;
use anyhow::{Context, ensure};
use axum::routing::get;
use axum::{Json, Router};
use clap::Args;
use client::Client;
use http::{Method, Uri};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tally::Tally;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// What is sent.
#[derive(Args, Clone)]
pub struct LoadOptions {
    /// Where to: http only
    pub url: Uri,
    /// Requests in a second
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Connections, and so the most requests that are under way
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub connections: u16,
    /// A new connection for each request, instead of connections that are kept
    #[arg(long)]
    pub fresh: bool,
    /// The method: POST places orders
    #[arg(long, default_value = "GET")]
    pub method: Method,
    /// After which time a request has no answer
    #[arg(long, default_value = "10s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Where it listens for `workload report`
    #[arg(long, env = "WORKLOAD_LOAD_CONTROL", default_value = LOAD_CONTROL, value_parser = loopback)]
    pub control: SocketAddr,
}

/// Sends until SIGTERM, waits for the answers that are under way, and prints the report.
pub async fn run(options: LoadOptions) -> anyhow::Result<()> {
    ensure!(options.url.scheme_str() == Some("http"), "{} is no http URL", options.url);
    options.url.host().context("the URL has no host")?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let tally = Arc::new(Tally::default());
    report(options.control, tally.clone()).await?;
    let (due, queue) = mpsc::unbounded_channel();
    let queue = Arc::new(Mutex::new(queue));
    let mut clients = JoinSet::new();
    for _ in 0..options.connections {
        clients.spawn(send(Client::new(options.clone()), queue.clone(), tally.clone()));
    }
    tokio::select! {
        () = clock(options.rate, &due, &tally) => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    drop(due);
    tally.stop();
    while clients.join_next().await.is_some() {}
    println!("{}", serde_json::to_string(&tally.report())?);
    Ok(())
}

/// Tells when each request is due, for ever. A clock that was held up makes up for it.
async fn clock(rate: u32, due: &mpsc::UnboundedSender<Instant>, tally: &Tally) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        let tick = ticks.tick().await;
        tally.due();
        if due.send(tick.into_std()).is_err() {
            return;
        }
    }
}

/// Sends one request after the other over one connection.
async fn send(mut client: Client, queue: Arc<Mutex<mpsc::UnboundedReceiver<Instant>>>, tally: Arc<Tally>) {
    loop {
        let next = queue.lock().await.recv().await;
        let Some(due) = next else { return };
        if !tally.begin() {
            continue;
        }
        let result = client.request(&tally).await;
        tally.end(due.elapsed(), result);
    }
}

async fn report(control: SocketAddr, tally: Arc<Tally>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(control).await.with_context(|| format!("cannot listen on {control}"))?;
    eprintln!("reports on {}", listener.local_addr()?);
    let router = Router::new().route("/report", get(async move || Json(tally.report())));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}
