//! What services depend on outside of the app: backing services and external services.

use std::net::IpAddr;

use msapp_crds::v1alpha1::{BackingService, Credentials, Engine, ExternalService, PeerPods, Protocol};
use serde_json::{Value, json};

use super::connection::{Connection, Part, SecretKeys};
use super::managed::{self, Managed};
use super::network;
use super::object_names::{check_key, check_name};
use super::{EdgePort, Reach, TargetKind};
use crate::scalar::is_host;
use crate::source::Bindings;
use crate::violation::{Code, Violation, Violations};

/// A target outside of the app, resolved once for all of its callers.
pub(super) struct Outside {
    pub kind: TargetKind,
    pub connection: Connection,
    pub reach: Reach,
    pub port: EdgePort,
    /// What the discovery file says besides the address.
    pub facts: Value,
    /// What its directory below `$SERVICE_BINDING_ROOT` says; backing services only.
    pub binding: Option<BindingFacts>,
    /// Why its Secret is not known yet.
    pub pending: Option<String>,
}

/// Type and provider of a binding (<https://servicebinding.io/spec/core/1.1.0/#well-known-secret-entries>).
pub(super) struct BindingFacts {
    pub kind: &'static str,
    pub provider: &'static str,
}

/// What outside targets are resolved with.
pub(super) struct Surroundings<'a> {
    /// Whether a target of which only a name is known is opened to every address.
    pub lenient: bool,
    /// Secrets of Provisioned Services.
    pub bindings: &'a Bindings,
}

/// Resolves a backing service; whatever is wrong is reported and filled in.
pub(super) fn backing(
    written: &BackingService,
    surroundings: &Surroundings<'_>,
    path: &str,
    violations: &mut Violations,
) -> Outside {
    check_place(written, path, violations);
    let engine = Usual::of(written.engine);
    let run =
        written.managed_by.as_ref().map(|by| managed::resolve(by, surroundings.bindings)).unwrap_or_default();
    let port = written.port.or(run.port).or(engine.port).unwrap_or_else(|| {
        let message = "engine Other has no usual port, so the port is needed";
        violations.push(Violation::new(format!("{path}.port"), Code::MissingField, message));
        0
    });
    let connection = backing_connection(written, &run, engine.scheme, port);
    // A host that follows from managedBy is as good as the names there, which have their own checks.
    check_outside(written.host.as_deref(), written.pods.as_ref(), &written.cidrs, path, violations);
    let pods = written.pods.clone().or(run.pods);
    Outside {
        kind: TargetKind::BackingService,
        reach: reach(connection.host.text(), pods.as_ref(), &written.cidrs, surroundings),
        port: edge_port(port, pods.as_ref(), Protocol::TCP),
        connection,
        facts: json!({"engine": written.engine, "protocol": "TCP"}),
        binding: Some(BindingFacts {
            kind: engine.binding,
            provider: run.provider.unwrap_or(msapp_crds::MANAGER),
        }),
        pending: run.pending,
    }
}

/// What is written, then what the operator's resource says, then what only the Secret tells.
fn backing_connection(
    written: &BackingService,
    run: &Managed,
    scheme: &'static str,
    port: i32,
) -> Connection {
    let secret = written.secret.as_ref();
    let key = |choose: fn(&Credentials) -> &Option<String>| {
        secret.and_then(|secret| choose(secret).clone()).map(Part::Key)
    };
    let host = written.host.clone().map(Part::Text).or_else(|| run.host.clone());
    let host = host.or_else(|| key(|secret| &secret.host_key));
    // A number beside the key of the user's own is the one that policy opens.
    let port_key =
        key(|secret| &secret.port_key).or_else(|| run.port_key.clone().filter(|_| written.port.is_none()));
    let database = written.database.clone().map(Part::Text);
    let database = database.or_else(|| key(|secret| &secret.database_key)).or_else(|| run.database.clone());
    Connection {
        host: host.unwrap_or_else(|| Part::Text(written.name.clone())),
        port: port_key.unwrap_or_else(|| Part::Text(port.to_string())),
        scheme,
        database,
        secret: secret.map(secret_keys).or_else(|| run.secret.clone()),
    }
}

/// Resolves an external service.
pub(super) fn external(
    written: &ExternalService,
    surroundings: &Surroundings<'_>,
    path: &str,
    violations: &mut Violations,
) -> Outside {
    check_outside(Some(&written.host), written.pods.as_ref(), &written.cidrs, path, violations);
    let (protocol, tls) = (written.protocol.unwrap_or_default(), written.tls.unwrap_or_default());
    if tls && protocol == Protocol::UDP {
        let message = "TLS needs a stream, and UDP sends datagrams";
        violations.push(Violation::new(format!("{path}.tls"), Code::Exclusive, message));
    }
    Outside {
        kind: TargetKind::ExternalService,
        connection: Connection {
            host: Part::Text(written.host.clone()),
            port: Part::Text(written.port.to_string()),
            scheme: external_scheme(protocol, tls),
            database: None,
            secret: None,
        },
        reach: reach(Some(&written.host), written.pods.as_ref(), &written.cidrs, surroundings),
        port: edge_port(written.port, written.pods.as_ref(), protocol),
        facts: json!({"protocol": protocol, "tls": tls}),
        binding: None,
        pending: None,
    }
}

fn external_scheme(protocol: Protocol, tls: bool) -> &'static str {
    match (protocol, tls) {
        (Protocol::HTTP | Protocol::HTTP2 | Protocol::GRPC, false) => "http",
        (Protocol::HTTP | Protocol::HTTP2 | Protocol::GRPC, true) => "https",
        (Protocol::TCP, false) => "tcp",
        (Protocol::TCP, true) => "tls",
        (Protocol::UDP, _) => "udp",
    }
}

fn secret_keys(written: &Credentials) -> SecretKeys {
    let key = |key: &Option<String>, usual: &str| key.clone().unwrap_or_else(|| usual.to_owned());
    SecretKeys {
        name: written.name.clone(),
        username: Part::Key(key(&written.username_key, "username")),
        password: key(&written.password_key, "password"),
        uri: written.uri_key.clone(),
    }
}

/// Policy is applied behind the translation of a Service.
fn edge_port(port: i32, pods: Option<&PeerPods>, protocol: Protocol) -> EdgePort {
    let target_port = pods.and_then(|pods| pods.port).unwrap_or(port);
    EdgePort { name: String::new(), port, target_port, protocol }
}

fn reach(
    host: Option<&str>,
    pods: Option<&PeerPods>,
    cidrs: &[String],
    surroundings: &Surroundings<'_>,
) -> Reach {
    if let Some(pods) = pods {
        return Reach::Pods { namespace: pods.namespace.clone(), labels: pods.labels.clone() };
    }
    if !cidrs.is_empty() {
        let mut cidrs = cidrs.to_vec();
        cidrs.sort();
        cidrs.dedup();
        return Reach::Cidrs(cidrs);
    }
    match host.and_then(|host| host.parse::<IpAddr>().ok()) {
        Some(address) => {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            Reach::Cidrs(vec![format!("{address}/{bits}")])
        }
        None if surroundings.lenient => Reach::AnyAddress,
        None => Reach::Nowhere,
    }
}

/// Exactly one thing tells where a backing service is.
fn check_place(written: &BackingService, path: &str, violations: &mut Violations) {
    let by_secret = written.secret.as_ref().is_some_and(|secret| secret.host_key.is_some());
    let places = [written.host.is_some(), written.managed_by.is_some(), by_secret];
    match places.iter().filter(|given| **given).count() {
        1 => {}
        0 => {
            let message = "nothing tells where it is: give host, managedBy or secret.hostKey";
            violations.push(Violation::new(format!("{path}.host"), Code::MissingField, message));
        }
        _ => {
            let message = "exactly one of host, managedBy and secret.hostKey tells where it is";
            violations.push(Violation::new(path, Code::Exclusive, message));
        }
    }
    if let Some(secret) = &written.secret {
        check_secret(secret, &format!("{path}.secret"), violations);
        if written.database.is_some() && secret.database_key.is_some() {
            let message = "at most one of database and secret.databaseKey names the database";
            violations.push(Violation::new(format!("{path}.database"), Code::Exclusive, message));
        }
    }
    if let Some(by) = &written.managed_by {
        managed::check(by, written.engine, &format!("{path}.managedBy"), violations);
    }
}

fn check_secret(secret: &Credentials, path: &str, violations: &mut Violations) {
    check_name(&secret.name, "a Secret", &format!("{path}.name"), violations);
    let keys = [
        ("usernameKey", &secret.username_key),
        ("passwordKey", &secret.password_key),
        ("hostKey", &secret.host_key),
        ("portKey", &secret.port_key),
        ("databaseKey", &secret.database_key),
        ("uriKey", &secret.uri_key),
    ];
    for (field, key) in keys {
        if let Some(key) = key {
            check_key(key, &format!("{path}.{field}"), violations);
        }
    }
}

fn check_outside(
    host: Option<&str>,
    pods: Option<&PeerPods>,
    cidrs: &[String],
    path: &str,
    violations: &mut Violations,
) {
    if let Some(host) = host.filter(|host| !is_host(host)) {
        let message = format!("{host:?} is neither a DNS name nor an IP address");
        violations.push(Violation::new(format!("{path}.host"), Code::InvalidValue, message));
    }
    if let Some(pods) = pods {
        network::check_pods(pods, &format!("{path}.pods"), violations);
        if !cidrs.is_empty() {
            let message = "pods and cidrs exclude each other: it runs in the cluster or elsewhere";
            violations.push(Violation::new(format!("{path}.cidrs"), Code::Exclusive, message));
        }
    }
    network::check_cidrs(cidrs, &format!("{path}.cidrs"), violations);
}

/// What follows from an engine: usual port (IANA, or the product's documentation), URL scheme, type of a binding.
struct Usual {
    port: Option<i32>,
    scheme: &'static str,
    binding: &'static str,
}

impl Usual {
    fn of(engine: Engine) -> Self {
        let (port, scheme, binding) = match engine {
            Engine::PostgreSQL => (Some(5432), "postgresql", "postgresql"),
            Engine::MySQL => (Some(3306), "mysql", "mysql"),
            Engine::MongoDB => (Some(27017), "mongodb", "mongodb"),
            Engine::Redis => (Some(6379), "redis", "redis"),
            Engine::Valkey => (Some(6379), "redis", "valkey"),
            Engine::Memcached => (Some(11211), "memcached", "memcached"),
            Engine::RabbitMQ => (Some(5672), "amqp", "rabbitmq"),
            Engine::Kafka => (Some(9092), "kafka", "kafka"),
            Engine::NATS => (Some(4222), "nats", "nats"),
            Engine::S3 => (Some(443), "https", "s3"),
            Engine::Elasticsearch => (Some(9200), "http", "elasticsearch"),
            Engine::Other => (None, "tcp", "other"),
        };
        Self { port, scheme, binding }
    }
}
