//! Listeners, their connections, and the end of both.

use super::{Service, echo, http};
use crate::settings::Protocol;
use anyhow::Context;
use axum::Router;
use futures::FutureExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often clients of HTTP/2 are asked whether they are still there, and how long they may take to say so.
const ALIVE: Duration = Duration::from_secs(5);

/// All open connections, and the listeners that get more.
pub struct Connections {
    open: TaskTracker,
    listeners: TaskTracker,
    closing: CancellationToken,
}

#[derive(Clone)]
struct Entrance {
    protocol: Protocol,
    router: Router,
    stopping: CancellationToken,
    closing: CancellationToken,
    open: TaskTracker,
}

impl Connections {
    /// Listens on all ports of the settings.
    pub async fn listen(service: &Arc<Service>) -> anyhow::Result<Self> {
        let connections = Self {
            open: TaskTracker::new(),
            listeners: TaskTracker::new(),
            closing: CancellationToken::new(),
        };
        let router = http::router(service, &connections.closing);
        for (protocol, port) in &service.settings.listen.0 {
            let address = (service.settings.address, *port);
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {}:{}", address.0, address.1))?;
            tracing::info!(protocol = ?protocol, address = %listener.local_addr()?, "listens");
            let entrance = Entrance {
                protocol: *protocol,
                router: router.clone(),
                stopping: service.stopping.clone(),
                closing: connections.closing.clone(),
                open: connections.open.clone(),
            };
            connections.listeners.spawn(entrance.accept(listener));
        }
        Ok(connections)
    }

    /// Serves until no connection is open, or for `patience`; then closes what is idle, and lets the rest finish.
    pub async fn drain(self, patience: Duration) {
        self.open.close();
        // Past the time limit the connections that are left are idle, or closed as soon as they are.
        let _ = tokio::time::timeout(patience, self.open.wait()).await;
        self.closing.cancel();
        self.listeners.close();
        self.listeners.wait().await;
        self.open.wait().await;
    }
}

impl Entrance {
    async fn accept(self, listener: TcpListener) {
        loop {
            tokio::select! {
                accepted = listener.accept() => self.enter(accepted),
                () = self.closing.cancelled() => break,
            }
        }
        // To their clients these are connected already.
        while let Some(accepted @ Ok(_)) = listener.accept().now_or_never() {
            self.enter(accepted);
        }
    }

    fn enter(&self, accepted: std::io::Result<(TcpStream, std::net::SocketAddr)>) {
        match accepted {
            Ok((stream, _)) => {
                self.open.spawn(self.clone().serve(stream));
            }
            Err(error) => tracing::warn!(cause = error.to_string(), "cannot accept"),
        }
    }

    async fn serve(self, stream: TcpStream) {
        // Only means that small answers may come later.
        let _ = stream.set_nodelay(true);
        match self.protocol {
            Protocol::Tcp => echo::bytes(stream, &self.closing).await,
            Protocol::Http => requests(stream, self.router, &self.closing).await,
            Protocol::Grpc => requests(stream, self.router, &self.stopping).await,
        }
    }
}

/// Answers requests until the client goes, or until `last` is set and all that have begun are answered.
async fn requests(stream: TcpStream, router: Router, last: &CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    // A client that has vanished is noticed, and does not hold the end up.
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(ALIVE).keep_alive_timeout(ALIVE);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        () = last.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(cause = error.to_string(), "a connection broke");
    }
}
