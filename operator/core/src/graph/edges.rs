//! Edges: what follows from one declared dependency.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};
use msapp_crds::v1alpha1::{
    BackingService, ConnectionFormat, Dependency, DependencyEnv, Engine, ExternalService, PeerPods, Protocol,
};
use serde_json::{Value, json};

use super::app::{Edge, Peer, Port};
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

/// Where a target is.
struct Connection<'a> {
    host: String,
    port: i32,
    scheme: &'static str,
    database: Option<&'a str>,
    secret: Option<SecretKeys<'a>>,
}

#[derive(Clone, Copy)]
struct SecretKeys<'a> {
    name: &'a str,
    username: &'a str,
    password: &'a str,
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
    let env = environment(dependency, &connection, path, violations);
    let credentials = connection.secret.map(|secret| secret.name.to_owned());
    let references =
        connection.secret.map(|secret| credentials_use(secret, dependency)).into_iter().collect();
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
    discovery["address"] = address(connection).into();
    discovery["url"] =
        format!("{}://{}{}", connection.scheme, address(connection), path_of(connection)).into();
    discovery["optional"] = dependency.optional.unwrap_or_default().into();
    if let Some(database) = connection.database {
        discovery["database"] = database.into();
    }
    if connection.secret.is_some() {
        discovery["credentials"] = name::credentials_directory(&dependency.name).into();
    }
}

/// `host:port`, an IPv6 address in brackets (RFC 3986).
fn address(connection: &Connection<'_>) -> String {
    if connection.host.contains(':') {
        format!("[{}]:{}", connection.host, connection.port)
    } else {
        format!("{}:{}", connection.host, connection.port)
    }
}

fn path_of(connection: &Connection<'_>) -> String {
    connection.database.map(|database| format!("/{database}")).unwrap_or_default()
}

fn credentials_use(secret: SecretKeys<'_>, dependency: &Dependency) -> ReferenceUse {
    ReferenceUse {
        key: ReferenceKey { kind: ReferenceKind::Secret, name: secret.name.to_owned() },
        entries: None,
        optional: dependency.optional.unwrap_or_default(),
    }
}

fn environment(
    dependency: &Dependency,
    connection: &Connection<'_>,
    path: &str,
    violations: &mut Violations,
) -> Vec<(EnvVar, String)> {
    let mut variables: Vec<(EnvVar, String)> = Vec::new();
    let mut needs_credentials = false;
    for (index, env) in dependency.env.iter().enumerate() {
        let path = format!("{path}.env[{index}]");
        let template = match (env.from, &env.template) {
            (Some(format), None) => usual_template(format, connection),
            (None, Some(template)) => template.clone(),
            _ => {
                let message = "exactly one of from and template is given";
                violations.push(Violation::new(path, Code::Exclusive, message));
                continue;
            }
        };
        let filled =
            Template { dependency, connection, path: format!("{path}.template") }.fill(&template, violations);
        if let Some((value, secret)) = filled {
            needs_credentials |= secret;
            variables.push((literal(env, value), format!("{path}.name")));
        }
    }
    if let Some(secret) = connection.secret.filter(|_| needs_credentials) {
        let optional = dependency.optional.unwrap_or_default();
        let prefix = name::variable_prefix(&dependency.name);
        let of = |suffix: &str, key: &str| {
            (secret_variable(format!("{prefix}_{suffix}"), secret.name, key, optional), path.to_owned())
        };
        // A variable can only use those that stand before it.
        variables.splice(0..0, [of("USER", secret.username), of("PASSWORD", secret.password)]);
    }
    variables
}

fn usual_template(format: ConnectionFormat, connection: &Connection<'_>) -> String {
    match format {
        ConnectionFormat::Address => "{address}".to_owned(),
        ConnectionFormat::Host => "{host}".to_owned(),
        ConnectionFormat::Port => "{port}".to_owned(),
        ConnectionFormat::Url => {
            let user = if connection.secret.is_some() { "{user}:{password}@" } else { "" };
            let database = if connection.database.is_some() { "/{database}" } else { "" };
            format!("{}://{user}{{address}}{database}", connection.scheme)
        }
    }
}

fn literal(env: &DependencyEnv, value: String) -> EnvVar {
    EnvVar {
        name: env.name.clone(),
        value: Some(value).filter(|value| !value.is_empty()),
        ..EnvVar::default()
    }
}

fn secret_variable(variable: String, secret: &str, key: &str, optional: bool) -> EnvVar {
    let selector = SecretKeySelector {
        name: secret.to_owned(),
        key: key.to_owned(),
        optional: optional.then_some(true),
    };
    let value_from = Some(EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() });
    EnvVar { name: variable, value_from, ..EnvVar::default() }
}

struct Template<'a> {
    dependency: &'a Dependency,
    connection: &'a Connection<'a>,
    path: String,
}

const PLACEHOLDERS: [&str; 6] = ["host", "port", "address", "database", "user", "password"];

impl Template<'_> {
    /// The text with its placeholders replaced, and whether credentials are among them. `{{` and `}}` are braces.
    fn fill(&self, template: &str, violations: &mut Violations) -> Option<(String, bool)> {
        let (mut text, mut secret) = (String::new(), false);
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            let placeholder = after.split_once('}').filter(|_| brace == "{");
            let Some((placeholder, after)) = placeholder else {
                self.report(violations, "a brace that is not part of {placeholder} is doubled", None);
                return None;
            };
            text.push_str(&self.value(placeholder, violations)?);
            secret |= matches!(placeholder, "user" | "password");
            rest = after;
        }
        text.push_str(rest);
        Some((text, secret))
    }

    fn value(&self, placeholder: &str, violations: &mut Violations) -> Option<String> {
        let connection = self.connection;
        let prefix = name::variable_prefix(&self.dependency.name);
        match placeholder {
            "host" => Some(connection.host.clone()),
            "port" => Some(connection.port.to_string()),
            "address" => Some(address(connection)),
            // `$` would begin a reference to another variable.
            "database" if connection.database.is_some() => {
                connection.database.map(|name| name.replace('$', "$$"))
            }
            "user" if connection.secret.is_some() => Some(format!("$({prefix}_USER)")),
            "password" if connection.secret.is_some() => Some(format!("$({prefix}_PASSWORD)")),
            "database" | "user" | "password" => {
                let what = if placeholder == "database" { "database" } else { "secret" };
                let message = format!(
                    "{:?} declares no {what}, so there is no {{{placeholder}}}",
                    self.dependency.name
                );
                self.report(violations, &message, None);
                None
            }
            unknown => {
                let message =
                    format!("there is no {{{unknown}}}; known are {{{}}}", PLACEHOLDERS.join("}, {"));
                self.report(violations, &message, nearest(unknown, PLACEHOLDERS));
                None
            }
        }
    }

    fn report(&self, violations: &mut Violations, message: &str, suggestion: Option<&str>) {
        violations.push(Violation::new(&self.path, Code::InvalidValue, message).suggest(suggestion));
    }
}
