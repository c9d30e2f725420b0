//! The client stack: HTTP/2, deadlines, few retries, and separate connections for what must not wait for each other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http::header::USER_AGENT;
use http::{HeaderValue, Request};
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use super::leadership::Leadership;
use super::transport::Transport;
use crate::telemetry::Metrics;

/// Watches that share one connection; API servers bound the streams of a connection, commonly at 100.
const NAMESPACES_PER_CONNECTION: usize = 6;

/// A connection whose other end is gone is found out by pings: how often, and how long for an answer.
const PING_EVERY: Duration = Duration::from_secs(15);
const PING_ANSWERED: Duration = Duration::from_secs(10);
/// The same below HTTP/2, for whatever stands between and forgets silent connections.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// What one request is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the answer is read to its end; of a watch, its headers.
    pub request: Duration,
    /// The same for a page of a list.
    pub list: Duration,
    /// How often the same request is made at most.
    pub tries: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(12),
            list: Duration::from_secs(60),
            tries: 3,
        }
    }
}

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Lists and watches.
    Watch,
    /// Applies, deletes, status and events: refused while this process does not lead.
    Write,
    /// The lease and what is needed before leading.
    Control,
}

/// Makes clients for one API server.
#[derive(Clone)]
pub struct Clients {
    config: Config,
    metrics: Arc<Metrics>,
    leadership: Leadership,
}

impl Clients {
    /// Clients for the API server of a configuration.
    pub fn new(mut config: Config, metrics: Arc<Metrics>, leadership: Leadership) -> Self {
        if config.proxy_url.is_some() {
            tracing::warn!("the proxy of the configuration is not used");
        }
        let agent = HeaderValue::from_static(concat!("msapp/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        Self { config, metrics, leadership }
    }

    /// A client with connections of its own.
    ///
    /// # Errors
    /// When certificates or credentials of the configuration cannot be read.
    pub fn client(&self, purpose: Purpose) -> Result<Client> {
        let fence = (purpose == Purpose::Write).then(|| self.leadership.clone());
        let limits = Limits::default();
        let metrics = self.metrics.clone();
        let service = ServiceBuilder::new()
            .layer(self.config.base_uri_layer())
            .layer_fn(move |inner| Transport::new(inner, limits, metrics.clone(), fence.clone()))
            .option_layer(self.config.auth_layer()?)
            .layer(self.config.extra_headers_layer()?)
            .map_err(BoxError::from)
            .service(self.http_client(limits)?);
        Ok(Client::new(service, self.config.default_namespace.clone()))
    }

    /// Clients for the watches of that many namespaces, one for each.
    ///
    /// # Errors
    /// As [`Clients::client`].
    pub fn watch_clients(&self, namespaces: usize) -> Result<Vec<Client>> {
        let mut clients = Vec::with_capacity(namespaces);
        for index in 0..namespaces {
            let client = match index % NAMESPACES_PER_CONNECTION {
                0 => self.client(Purpose::Watch)?,
                _ => clients.last().cloned().context("the first one stands")?,
            };
            clients.push(client);
        }
        Ok(clients)
    }

    fn http_client(
        &self,
        limits: Limits,
    ) -> Result<legacy::Client<hyper_rustls::HttpsConnector<HttpConnector>, Body>> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits.connect));
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        let mut builder =
            HttpsConnectorBuilder::new().with_tls_config(self.config.rustls_client_config()?).https_or_http();
        if let Some(name) = &self.config.tls_server_name {
            let name =
                name.clone().try_into().context("the TLS server name of the configuration is no name")?;
            builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = builder.enable_all_versions().wrap_connector(tcp);
        Ok(legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_ANSWERED)
            .http2_keep_alive_while_idle(true)
            .build(connector))
    }
}

/// A request without a body.
pub(super) fn get(path: &str) -> Result<Request<Vec<u8>>, http::Error> {
    Request::get(path).body(Vec::new())
}
