//! Where the far end of an edge is, and how the environment of a caller tells it.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};
use msapp_crds::v1alpha1::{ConnectionFormat, Dependency, DependencyEnv};

use crate::name;
use crate::violation::{Code, Violation, Violations, nearest};

/// Where a target is.
pub(super) struct Connection<'a> {
    pub host: String,
    pub port: i32,
    pub scheme: &'static str,
    pub database: Option<&'a str>,
    pub secret: Option<SecretKeys<'a>>,
}

/// The Secret with the credentials, and the names of their keys.
#[derive(Clone, Copy)]
pub(super) struct SecretKeys<'a> {
    pub name: &'a str,
    pub username: &'a str,
    pub password: &'a str,
}

impl Connection<'_> {
    /// `host:port`, an IPv6 address in brackets (RFC 3986).
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// `scheme://host:port[/database]`, without credentials.
    pub(super) fn url(&self) -> String {
        let database = self.database.map(|database| format!("/{database}")).unwrap_or_default();
        format!("{}://{}{database}", self.scheme, self.address())
    }
}

/// What the environment of a caller gets from an edge.
#[derive(Default)]
pub(super) struct Variables {
    /// Each with the path it was written at.
    pub env: Vec<(EnvVar, String)>,
    /// Whether some of them are credentials, so that the Secret must have its keys.
    pub credentials: bool,
}

/// The variables that an edge declares, those with its credentials first.
pub(super) fn environment(
    dependency: &Dependency,
    connection: &Connection<'_>,
    path: &str,
    violations: &mut Violations,
) -> Variables {
    let mut variables = Variables::default();
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
            variables.credentials |= secret;
            variables.env.push((literal(env, value), format!("{path}.name")));
        }
    }
    if let Some(secret) = connection.secret.filter(|_| variables.credentials) {
        let optional = dependency.optional.unwrap_or_default();
        let prefix = name::variable_prefix(&dependency.name);
        let of = |suffix: &str, key: &str| {
            (secret_variable(format!("{prefix}_{suffix}"), secret.name, key, optional), path.to_owned())
        };
        // A variable can only use those that stand before it.
        variables.env.splice(0..0, [of("USER", secret.username), of("PASSWORD", secret.password)]);
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
            "address" => Some(connection.address()),
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
