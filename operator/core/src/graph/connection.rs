//! Where the far end of an edge is, and how the environment of a caller tells it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};
use msapp_crds::v1alpha1::{ConnectionFormat, Dependency, DependencyEnv, PortReference, Protocol};

use super::EdgePort;
use super::exclusive::exactly_one;
use crate::name;
use crate::violation::{Code, Violation, Violations, nearest};

/// A part of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Known when it is built.
    Text(String),
    /// Known to a key of the Secret alone.
    Key(String),
}

impl Part {
    /// The text, when it is known.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Part::Text(text) => Some(text),
            Part::Key(_) => None,
        }
    }
}

/// Where a target is.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub host: Part,
    pub port: Part,
    pub scheme: &'static str,
    pub database: Option<Part>,
    pub secret: Option<SecretKeys>,
}

/// The Secret with the credentials, and where in it they are.
#[derive(Clone, Debug)]
pub(super) struct SecretKeys {
    pub name: String,
    pub username: Part,
    pub password: String,
    pub uri: Option<String>,
}

/// What a Secret can tell, in the order in which the variables stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Host,
    Port,
    Database,
    User,
    Password,
    Uri,
}

impl Told {
    fn suffix(self) -> &'static str {
        match self {
            Told::Host => "HOST",
            Told::Port => "PORT",
            Told::Database => "DATABASE",
            Told::User => "USER",
            Told::Password => "PASSWORD",
            Told::Uri => "URI",
        }
    }
}

/// The scheme of a URL to a service of this app.
pub(super) fn scheme(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::HTTP | Protocol::HTTP2 | Protocol::GRPC => "http",
        Protocol::TCP => "tcp",
        Protocol::UDP => "udp",
    }
}

impl Connection {
    /// The same service at one of its ports.
    pub(super) fn at(&self, port: &EdgePort) -> Self {
        Self { port: Part::Text(port.port.to_string()), scheme: scheme(port.protocol), ..self.clone() }
    }

    /// `host:port`, an IPv6 address in brackets (RFC 3986); nothing when only a Secret tells it.
    pub(super) fn address(&self) -> Option<String> {
        let (host, port) = (self.host.text()?, self.port.text()?);
        Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }

    /// `scheme://host:port[/database]`, without credentials; nothing when only a Secret tells it.
    pub(super) fn url(&self) -> Option<String> {
        let database = match &self.database {
            Some(database) => format!("/{}", database.text()?),
            None => String::new(),
        };
        Some(format!("{}://{}{database}", self.scheme, self.address()?))
    }

    fn key(&self, told: Told) -> Option<&str> {
        let part = match told {
            Told::Host => Some(&self.host),
            Told::Port => Some(&self.port),
            Told::Database => self.database.as_ref(),
            Told::User => self.secret.as_ref().map(|secret| &secret.username),
            Told::Password => return self.secret.as_ref().map(|secret| secret.password.as_str()),
            Told::Uri => return self.secret.as_ref().and_then(|secret| secret.uri.as_deref()),
        };
        match part {
            Some(Part::Key(key)) => Some(key),
            Some(Part::Text(_)) | None => None,
        }
    }
}

/// What the environment of a caller gets from an edge.
#[derive(Default)]
pub(super) struct Variables {
    /// Each with the path it was written at.
    pub env: Vec<(EnvVar, String)>,
    /// Those that nobody asked for by name: whatever else has their name is taken instead.
    pub usual: Vec<(EnvVar, String)>,
    /// Keys of the Secret that they need.
    pub keys: BTreeSet<String>,
}

/// An edge, and how its variables are made.
pub(super) struct Telling<'a> {
    pub dependency: &'a Dependency,
    pub connection: &'a Connection,
    /// The edge's ports at a service of this app; elsewhere there is only the connection's.
    pub ports: &'a [EdgePort],
    /// Whether the usual variables are wanted.
    pub usual: bool,
    pub path: &'a str,
}

/// The variables of an edge, those that others use first.
pub(super) fn environment(telling: &Telling<'_>, violations: &mut Violations) -> Variables {
    let mut used = BTreeSet::new();
    let mut env = Vec::new();
    for (index, written) in telling.dependency.env.iter().enumerate() {
        let path = format!("{}.env[{index}]", telling.path);
        if let Some(value) = telling.written(written, &path, &mut used, violations) {
            env.push((literal(written.name.clone(), value), format!("{path}.name")));
        }
    }
    let usual = if telling.usual { telling.usual(&mut used) } else { Vec::new() };
    let mut variables = Variables { usual, ..Variables::default() };
    if let Some(secret) = &telling.connection.secret {
        for told in used {
            let Some(key) = telling.connection.key(told) else { continue };
            variables.keys.insert(key.to_owned());
            let variable =
                secret_variable(telling.variable(told.suffix()), &secret.name, key, telling.optional());
            variables.env.push((variable, telling.path.to_owned()));
        }
    }
    // A variable can only use those that stand before it.
    variables.env.extend(env);
    variables
}

impl Telling<'_> {
    fn optional(&self) -> bool {
        self.dependency.optional.unwrap_or_default()
    }

    fn variable(&self, suffix: &str) -> String {
        format!("{}_{suffix}", name::variable_prefix(&self.dependency.name))
    }

    fn written(
        &self,
        written: &DependencyEnv,
        path: &str,
        used: &mut BTreeSet<Told>,
        violations: &mut Violations,
    ) -> Option<String> {
        let at_port = self.at_port(written.port.as_ref(), &format!("{path}.port"), violations)?;
        let connection = at_port.as_ref().unwrap_or(self.connection);
        let template = match (written.from, &written.template) {
            (Some(format), None) => usual_template(format, connection),
            (None, Some(template)) => template.clone(),
            (from, template) => {
                let given = [("from", from.is_some()), ("template", template.is_some())];
                exactly_one(&given, path, violations);
                return None;
            }
        };
        let path = format!("{path}.{}", if written.from.is_some() { "from" } else { "template" });
        Template { telling: self, connection, path }.fill(&template, used, violations)
    }

    /// The connection to another port than the first, when one is asked for; nothing when there is no such port.
    #[allow(clippy::option_option, reason = "not asked for, and asked for in vain, are different")]
    fn at_port(
        &self,
        wanted: Option<&PortReference>,
        path: &str,
        violations: &mut Violations,
    ) -> Option<Option<Connection>> {
        let Some(PortReference(text)) = wanted else { return Some(None) };
        let port = self.ports.iter().find(|port| port.name == *text || port.port.to_string() == *text);
        if port.is_none() {
            let known: Vec<&str> = self.ports.iter().map(|port| port.name.as_str()).collect();
            let message = if self.ports.is_empty() {
                format!("port is for services of this app, and {:?} is none", self.dependency.name)
            } else {
                format!("this dependency uses no port {text:?}, its ports are {}", known.join(", "))
            };
            violations.push(Violation::new(path, Code::UnknownName, message).suggest(nearest(text, known)));
        }
        port.map(|port| Some(self.connection.at(port)))
    }

    /// `<NAME>_HOST`, `<NAME>_PORT`, `<NAME>_URL` without credentials, and port and URL of every further port.
    fn usual(&self, used: &mut BTreeSet<Told>) -> Vec<(EnvVar, String)> {
        let mut told: Vec<(String, String)> = Vec::new();
        // What only the Secret knows has these names already.
        if let Some(host) = self.connection.host.text() {
            told.push((self.variable("HOST"), host.to_owned()));
        }
        if let Some(port) = self.connection.port.text() {
            told.push((self.variable("PORT"), port.to_owned()));
        }
        told.push((self.variable("URL"), self.plain_url(self.connection, used)));
        for port in self.ports.iter().skip(1) {
            let suffix = name::variable_prefix(&port.name);
            told.push((self.variable(&format!("PORT_{suffix}")), port.port.to_string()));
            let url = self.plain_url(&self.connection.at(port), used);
            told.push((self.variable(&format!("URL_{suffix}")), url));
        }
        told.into_iter().map(|(name, value)| (literal(name, value), self.path.to_owned())).collect()
    }

    fn plain_url(&self, connection: &Connection, used: &mut BTreeSet<Told>) -> String {
        let database = connection.database.as_ref().map_or("", |_| "/{database}");
        let template = format!("{}://{{address}}{database}", connection.scheme);
        let template = Template { telling: self, connection, path: String::new() }.fill(
            &template,
            used,
            &mut Violations::default(),
        );
        template.expect("every placeholder of it has a value")
    }
}

fn usual_template(format: ConnectionFormat, connection: &Connection) -> String {
    match format {
        ConnectionFormat::Address => "{address}".to_owned(),
        ConnectionFormat::Host => "{host}".to_owned(),
        ConnectionFormat::Port => "{port}".to_owned(),
        ConnectionFormat::SecretUri => "{uri}".to_owned(),
        ConnectionFormat::Url => {
            let user = if connection.secret.is_some() { "{user}:{password}@" } else { "" };
            let database = if connection.database.is_some() { "/{database}" } else { "" };
            format!("{}://{user}{{address}}{database}", connection.scheme)
        }
    }
}

fn literal(name: String, value: String) -> EnvVar {
    EnvVar { name, value: Some(value).filter(|value| !value.is_empty()), ..EnvVar::default() }
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
    telling: &'a Telling<'a>,
    connection: &'a Connection,
    path: String,
}

const PLACEHOLDERS: [&str; 7] = ["host", "port", "address", "database", "user", "password", "uri"];

impl Template<'_> {
    /// The text with its placeholders replaced. `{{` and `}}` are braces.
    fn fill(&self, template: &str, used: &mut BTreeSet<Told>, violations: &mut Violations) -> Option<String> {
        let mut text = String::new();
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
            text.push_str(&self.value(placeholder, used, violations)?);
            rest = after;
        }
        text.push_str(rest);
        Some(text)
    }

    fn value(
        &self,
        placeholder: &str,
        used: &mut BTreeSet<Told>,
        violations: &mut Violations,
    ) -> Option<String> {
        let connection = self.connection;
        let mut part = |told: Told, part: &Part| match part {
            // `$` would begin a reference to another variable.
            Part::Text(text) => text.replace('$', "$$"),
            Part::Key(_) => {
                used.insert(told);
                format!("$({})", self.telling.variable(told.suffix()))
            }
        };
        let secret = connection.secret.as_ref();
        let value = match placeholder {
            "host" => Some(part(Told::Host, &connection.host)),
            "port" => Some(part(Told::Port, &connection.port)),
            "address" => Some(connection.address().unwrap_or_else(|| {
                format!("{}:{}", part(Told::Host, &connection.host), part(Told::Port, &connection.port))
            })),
            "database" => connection.database.as_ref().map(|database| part(Told::Database, database)),
            "user" => secret.map(|secret| part(Told::User, &secret.username)),
            "password" => secret.map(|secret| part(Told::Password, &Part::Key(secret.password.clone()))),
            "uri" => secret.and_then(|secret| secret.uri.clone()).map(|key| part(Told::Uri, &Part::Key(key))),
            _ => None,
        };
        if value.is_none() {
            self.report_missing(placeholder, violations);
        }
        value
    }

    fn report_missing(&self, placeholder: &str, violations: &mut Violations) {
        let what = match placeholder {
            "database" => "database",
            "user" | "password" => "secret",
            "uri" => "secret with a uriKey",
            unknown => {
                let message =
                    format!("there is no {{{unknown}}}; known are {{{}}}", PLACEHOLDERS.join("}, {"));
                return self.report(violations, &message, nearest(unknown, PLACEHOLDERS));
            }
        };
        let target = &self.telling.dependency.name;
        let message = format!("{target:?} declares no {what}, so there is no {{{placeholder}}}");
        self.report(violations, &message, None);
    }

    fn report(&self, violations: &mut Violations, message: &str, suggestion: Option<&str>) {
        violations.push(Violation::new(&self.path, Code::InvalidValue, message).suggest(suggestion));
    }
}
