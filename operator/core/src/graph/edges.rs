//! Edges: what follows from one declared dependency.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::EnvVar;
use msapp_crds::v1alpha1::{BackingService, Dependency, Engine, ExternalService, PeerPods, Protocol};
use serde_json::{Value, json};

use super::app::{Edge, Peer, Port};
use super::connection::{self, Connection, SecretKeys};
use super::resolve::{Target, Targets};
use super::{network, ports};
use crate::name;
use crate::reference::{ReferenceKey, ReferenceKind, ReferenceUse};
use crate::scalar::is_host;
use crate::violation::{Code, Violation, Violations, nearest};

/// An edge and what it adds to its caller.
pub(super) struct Resolved {
    pub edge: Edge,
    /// Variables, each with the path it was written at.
    pub env: Vec<(EnvVar, String)>,
    /// The Secret with the credentials of the target.
    pub credentials: Option<String>,
    pub references: Vec<ReferenceUse>,
}

/// Resolves one dependency of a service.
pub(super) fn resolve(
    dependency: &Dependency,
    caller: &str,
    targets: &Targets<'_>,
    path: &str,
    violations: &mut Violations,
) -> Option<Resolved> {
    if dependency.name == caller {
        let message = format!("{caller:?} depends on itself");
        violations.push(Violation::new(format!("{path}.name"), Code::SelfDependency, message));
        return None;
    }
    let Some(target) = targets.get(dependency.name.as_str()) else {
        violations.push(unknown_target(&dependency.name, caller, targets, &format!("{path}.name")));
        return None;
    };
    let (connection, peer, mut discovery) = match target {
        Target::Service(ports) => to_service(dependency, ports, path, violations)?,
        Target::Backing(backing) => to_backing(backing),
        Target::External(external) => to_external(external),
    };
    if !matches!(target, Target::Service(_)) {
        refuse_service_fields(dependency, path, violations);
    }
    describe(&mut discovery, dependency, &connection);
    let variables = connection::environment(dependency, &connection, path, violations);
    let credentials = connection.secret.map(|secret| secret.name.to_owned());
    let references = connection
        .secret
        .map(|secret| credentials_uses(secret, dependency, variables.credentials))
        .unwrap_or_default();
    let env = variables.env;
    let optional = dependency.optional.unwrap_or_default();
    let edge = Edge { name: dependency.name.clone(), optional, peer, discovery };
    Some(Resolved { edge, env, credentials, references })
}

fn unknown_target(name: &str, caller: &str, targets: &Targets<'_>, path: &str) -> Violation {
    let message = format!("there is no service, backing service or external service {name:?}");
    let candidates = targets.keys().copied().filter(|candidate| *candidate != caller);
    Violation::new(path, Code::UnknownName, message).suggest(nearest(name, candidates))
}

fn to_service<'a>(
    dependency: &Dependency,
    declared: &[Port],
    path: &str,
    violations: &mut Violations,
) -> Option<(Connection<'a>, Peer, Value)> {
    let Some(port) = ports::find(declared, dependency.port.as_ref()) else {
        let field = if dependency.port.is_some() { "port" } else { "name" };
        let whose = format!("service {:?}", dependency.name);
        violations.push(ports::unknown(
            declared,
            dependency.port.as_ref(),
            &format!("{path}.{field}"),
            &whose,
        ));
        return None;
    };
    let scheme = match port.protocol {
        Protocol::HTTP | Protocol::HTTP2 | Protocol::GRPC => "http",
        Protocol::TCP => "tcp",
        Protocol::UDP => "udp",
    };
    let connection =
        Connection { host: dependency.name.clone(), port: port.port, scheme, database: None, secret: None };
    let peer = Peer::Service { target_port: port.target, transport: port.transport() };
    Some((connection, peer, json!({"kind": "Service", "protocol": port.protocol})))
}

fn to_backing(backing: &BackingService) -> (Connection<'_>, Peer, Value) {
    let (usual, scheme) = engine(backing.engine);
    let port = backing.port.or(usual).unwrap_or_default();
    let secret = backing.secret.as_ref().map(|secret| SecretKeys {
        name: &secret.name,
        username: secret.username_key.as_deref().unwrap_or("username"),
        password: secret.password_key.as_deref().unwrap_or("password"),
    });
    let connection = Connection {
        host: backing.host.clone(),
        port,
        scheme,
        database: backing.database.as_deref(),
        secret,
    };
    let peer = peer(&backing.host, backing.pods.as_ref(), &backing.cidrs, port);
    (connection, peer, json!({"kind": "BackingService", "engine": backing.engine}))
}

fn to_external(external: &ExternalService) -> (Connection<'_>, Peer, Value) {
    let tls = external.tls.unwrap_or_default();
    let scheme = if tls { "https" } else { "http" };
    let connection =
        Connection { host: external.host.clone(), port: external.port, scheme, database: None, secret: None };
    let peer = peer(&external.host, external.pods.as_ref(), &external.cidrs, external.port);
    (connection, peer, json!({"kind": "ExternalService", "tls": tls}))
}

fn peer(host: &str, pods: Option<&PeerPods>, cidrs: &[String], port: i32) -> Peer {
    if let Some(pods) = pods {
        // Policy is applied behind the translation of a Service.
        let port = pods.port.unwrap_or(port);
        return Peer::Pods { namespace: pods.namespace.clone(), labels: pods.labels.clone(), port };
    }
    if cidrs.is_empty() {
        return match host.parse::<IpAddr>() {
            Ok(address) => {
                let bits = if address.is_ipv4() { 32 } else { 128 };
                Peer::Cidrs { cidrs: vec![format!("{address}/{bits}")], port }
            }
            Err(_) => Peer::AnyAddress { port },
        };
    }
    let mut cidrs = cidrs.to_vec();
    cidrs.sort();
    cidrs.dedup();
    Peer::Cidrs { cidrs, port }
}

/// Usual port (IANA, or the product's documentation) and URL scheme.
fn engine(engine: Engine) -> (Option<i32>, &'static str) {
    match engine {
        Engine::PostgreSQL => (Some(5432), "postgresql"),
        Engine::MySQL => (Some(3306), "mysql"),
        Engine::MongoDB => (Some(27017), "mongodb"),
        Engine::Redis | Engine::Valkey => (Some(6379), "redis"),
        Engine::Memcached => (Some(11211), "memcached"),
        Engine::RabbitMQ => (Some(5672), "amqp"),
        Engine::Kafka => (Some(9092), "kafka"),
        Engine::NATS => (Some(4222), "nats"),
        Engine::S3 => (Some(443), "https"),
        Engine::Elasticsearch => (Some(9200), "http"),
        Engine::Other => (None, "tcp"),
    }
}

/// Hosts, ports and ranges of everything declared outside the services, used or not.
pub(super) fn check_declared(
    targets: &Targets<'_>,
    paths: &BTreeMap<&str, String>,
    violations: &mut Violations,
) {
    for (name, target) in targets {
        let Some(path) = paths.get(name) else { continue };
        let (host, pods, cidrs) = match target {
            Target::Service(_) => continue,
            Target::Backing(backing) => (&backing.host, &backing.pods, &backing.cidrs),
            Target::External(external) => (&external.host, &external.pods, &external.cidrs),
        };
        if let Target::Backing(backing) = target
            && backing.port.is_none()
            && engine(backing.engine).0.is_none()
        {
            let message = "engine Other has no usual port, so the port is needed";
            violations.push(Violation::new(format!("{path}.port"), Code::MissingField, message));
        }
        if !is_host(host) {
            let message = format!("{host:?} is neither a DNS name nor an IP address");
            violations.push(Violation::new(format!("{path}.host"), Code::InvalidValue, message));
        }
        if let Some(namespace) = pods.as_ref().and_then(|pods| pods.namespace.as_deref()) {
            network::check_namespace(namespace, &format!("{path}.pods.namespace"), violations);
        }
        if pods.is_some() && !cidrs.is_empty() {
            let message = "pods and cidrs exclude each other: it runs in the cluster or elsewhere";
            violations.push(Violation::new(format!("{path}.cidrs"), Code::Exclusive, message));
        }
        network::check_cidrs(cidrs, &format!("{path}.cidrs"), violations);
    }
}

fn refuse_service_fields(dependency: &Dependency, path: &str, violations: &mut Violations) {
    let fields = [("port", dependency.port.is_some()), ("startAfter", dependency.start_after == Some(true))];
    for (field, _) in fields.iter().filter(|(_, given)| *given) {
        let message = format!("{field} is for services of this app, and {:?} is none", dependency.name);
        violations.push(Violation::new(format!("{path}.{field}"), Code::Exclusive, message));
    }
}

/// What the discovery file says beyond the kind.
fn describe(discovery: &mut Value, dependency: &Dependency, connection: &Connection<'_>) {
    discovery["host"] = connection.host.as_str().into();
    discovery["port"] = connection.port.into();
    discovery["address"] = connection.address().into();
    discovery["url"] = connection.url().into();
    discovery["optional"] = dependency.optional.unwrap_or_default().into();
    if let Some(database) = connection.database {
        discovery["database"] = database.into();
    }
    if connection.secret.is_some() {
        discovery["credentials"] = name::credentials_directory(&dependency.name).into();
    }
}

/// The whole Secret is mounted; what is in variables must be there before the pod can start.
fn credentials_uses(
    secret: SecretKeys<'_>,
    dependency: &Dependency,
    in_variables: bool,
) -> Vec<ReferenceUse> {
    let of = |entries| ReferenceUse {
        key: ReferenceKey { kind: ReferenceKind::Secret, name: secret.name.to_owned() },
        entries,
        optional: dependency.optional.unwrap_or_default(),
    };
    let keys = [secret.username, secret.password].map(str::to_owned).into();
    let mut uses = vec![of(None)];
    uses.extend(in_variables.then(|| of(Some(keys))));
    uses
}
