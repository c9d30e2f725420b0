//! One call of one dependency, in the language that it speaks.

use super::pool::Pool;
use super::{Job, Said, postgresql, redis};
use crate::discovery::{Dependency, Discovery, Kind, Port};
use crate::duration::milliseconds;
use crate::login::{self, Login};
use crate::serve::{Service, grpc};
use anyhow::{Context, bail, ensure};
use axum::body::{Body, to_bytes};
use http::{Method, Request};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The most of an answer that is read; what services tell each other is nested.
const LONGEST: usize = 1 << 20;

/// For how long a connection is kept that is not used. Shorter than workloads keep idle connections when they stop: so it
/// is the caller that closes it, and no request meets a server that is just closing.
const IDLE: Duration = Duration::from_secs(2);

/// The connections that are kept.
pub struct Clients {
    http: Client<HttpConnector, Body>,
    postgresql: Pool<tokio_postgres::Client>,
    redis: Pool<::redis::aio::MultiplexedConnection>,
}

impl Default for Clients {
    fn default() -> Self {
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector());
        Self { http, postgresql: Pool::default(), redis: Pool::default() }
    }
}

/// Opens connections that send at once what is written to them.
pub fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector
}

/// One port of one dependency.
pub struct Target<'a> {
    name: &'a str,
    dependency: &'a Dependency,
    port: Port,
    means: Means,
}

/// How a dependency is asked.
enum Means {
    Http,
    Grpc,
    PostgreSql(Login),
    Redis(Login),
    /// A broker of the service's events: what happens to them does not depend on the moment.
    Outbox,
    /// Whether somebody listens, and why no more is asked.
    Connect(Login, String),
}

/// Everything that is called.
pub fn targets(discovery: &Discovery) -> Vec<Target<'_>> {
    let all = discovery.dependencies.iter();
    all.flat_map(|(name, dependency)| {
        let target = move |port| {
            let carries = discovery.carries(name) && discovery.is_spoken_to(name);
            let means = if carries { Means::Outbox } else { means(name, dependency, &port) };
            Target { name, dependency, port, means }
        };
        dependency.ports().into_iter().map(target)
    })
    .collect()
}

fn means(name: &str, dependency: &Dependency, port: &Port) -> Means {
    let login = login::of(name, dependency);
    let engine = dependency.engine.as_deref().unwrap_or_default();
    match (dependency.kind, engine, port.protocol.as_str()) {
        (Kind::Service, _, "HTTP" | "HTTP2") => Means::Http,
        (Kind::Service, _, "GRPC") => Means::Grpc,
        (_, "PostgreSQL", _) if login.user.is_some() && login.password.is_some() => Means::PostgreSql(login),
        (_, "PostgreSQL", _) => Means::Connect(login, "no credentials are to be had".into()),
        (_, "Redis" | "Valkey", _) => Means::Redis(login),
        (Kind::BackingService, engine, _) => Means::Connect(login, format!("{engine} is not spoken here")),
        (Kind::ExternalService, _, _) => {
            Means::Connect(login, "what others run is not asked for anything".into())
        }
        (Kind::Service, _, protocol) => {
            let at = Login { host: dependency.host.clone(), port: Some(port.port), ..login };
            Means::Connect(at, format!("{protocol} has no questions"))
        }
    }
}

impl Target<'_> {
    /// Asks, as often and as long as the edge allows.
    pub async fn ask(&self, service: &Service, asker: &str, job: &Job) -> Said {
        let began = Instant::now();
        let limit =
            self.dependency.timeout_milliseconds.map_or(service.settings.timeout, Duration::from_millis);
        let mut attempts = 0;
        let result = loop {
            attempts += 1;
            let result = match tokio::time::timeout(limit, self.talk(service, asker, job)).await {
                Ok(result) => result,
                Err(_) => Err(anyhow::anyhow!("no answer within {} ms", limit.as_millis())),
            };
            if result.is_ok() || attempts > self.dependency.retries {
                break result;
            }
        };
        service.metrics.called(self.name, result.is_ok());
        let (answer, error) = match result {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(causes(error.as_ref()))),
        };
        let (name, by, optional) = (self.name.to_owned(), self.by(), self.dependency.optional);
        Said { name, by, optional, milliseconds: milliseconds(began.elapsed()), attempts, answer, error }
    }

    fn by(&self) -> &'static str {
        match self.means {
            Means::Http => "HTTP",
            Means::Grpc => "GRPC",
            Means::PostgreSql(_) => "PostgreSQL",
            Means::Redis(_) => "Redis",
            Means::Outbox => "Outbox",
            Means::Connect(..) => "Connect",
        }
    }

    async fn talk(&self, service: &Service, asker: &str, job: &Job) -> anyhow::Result<Value> {
        let clients = &service.clients;
        match &self.means {
            Means::Http => http(&clients.http, &self.authority()?, job).await,
            Means::Grpc => grpc::ask(&self.authority()?, job).await,
            Means::PostgreSql(login) => {
                postgresql::ask(&clients.postgresql, self.name, login, (asker, job)).await
            }
            Means::Redis(login) => redis::ask(&clients.redis, self.name, login, (asker, job)).await,
            Means::Outbox => Ok(json!({"waiting": service.events.waiting(self.name).len()})),
            Means::Connect(login, because) => connect(login, because).await,
        }
    }

    fn authority(&self) -> anyhow::Result<String> {
        let host = self.dependency.host.as_deref().context("the discovery file tells no host")?;
        Ok(format!("{host}:{}", self.port.port))
    }
}

async fn http(client: &Client<HttpConnector, Body>, authority: &str, job: &Job) -> anyhow::Result<Value> {
    let method = if job.writes { Method::POST } else { Method::GET };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{authority}{}", job.path))
        .body(Body::empty())?;
    request.headers_mut().extend(job.trace.onward());
    let response = client.request(request).await.map_err(|error| anyhow::anyhow!(causes(&error)))?;
    let status = response.status();
    let body = to_bytes(Body::new(response.into_body()), LONGEST).await.context("the answer broke off")?;
    ensure!(status.is_success(), "answered {}: {}", status.as_u16(), cause(&body));
    Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// What another workload says went wrong, or the beginning of whatever the answer is.
pub fn cause(body: &[u8]) -> String {
    let told = serde_json::from_slice::<Value>(body).ok();
    let failure = told.as_ref().map(|answer| &answer["failure"]);
    match failure.and_then(|failure| Some((failure["dependency"].as_str(), failure["cause"].as_str()?))) {
        Some((Some(dependency), cause)) => format!("{dependency}: {cause}"),
        Some((None, cause)) => cause.to_owned(),
        None => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

/// An error with its causes, without the ones that say the same again.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = error.source();
    }
    text
}

async fn connect(login: &Login, because: &str) -> anyhow::Result<Value> {
    let (Some(host), Some(port)) = (login.host.as_deref(), login.port) else {
        bail!("nobody tells its host and port");
    };
    TcpStream::connect((host, port)).await.with_context(|| format!("cannot connect to {host}:{port}"))?;
    Ok(json!({"connected": format!("{host}:{port}"), "because": because}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(dependency: &str) -> &'static str {
        let file = format!(r#"{{"dependencies": {{"one-without-variables": {dependency}}}}}"#);
        targets(&serde_json::from_str(&file).unwrap())[0].by()
    }

    #[test]
    fn each_kind_is_asked_in_its_language() {
        assert_eq!(by(r#"{"kind": "Service", "host": "a", "port": 80, "protocol": "HTTP"}"#), "HTTP");
        assert_eq!(by(r#"{"kind": "Service", "host": "a", "port": 90, "protocol": "GRPC"}"#), "GRPC");
        assert_eq!(by(r#"{"kind": "Service", "host": "a", "port": 90, "protocol": "TCP"}"#), "Connect");
        assert_eq!(
            by(r#"{"kind": "BackingService", "engine": "Valkey", "host": "a", "port": 6379}"#),
            "Redis"
        );
        assert_eq!(
            by(r#"{"kind": "BackingService", "engine": "MongoDB", "host": "a", "port": 27017}"#),
            "Connect"
        );
        assert_eq!(by(r#"{"kind": "ExternalService", "host": "a", "port": 443, "tls": true}"#), "Connect");
    }

    #[test]
    fn a_database_without_credentials_is_only_connected_to() {
        assert_eq!(
            by(r#"{"kind": "BackingService", "engine": "PostgreSQL", "host": "a", "port": 5432}"#),
            "Connect"
        );
    }

    #[test]
    fn what_another_workload_says_went_wrong_is_told_on() {
        let told = r#"{"failure": {"code": 502, "dependency": "orders-db", "cause": "connection refused"}}"#;
        assert_eq!(cause(told.as_bytes()), "orders-db: connection refused");
        assert_eq!(cause(b"Bad Gateway"), "Bad Gateway");
    }
}
