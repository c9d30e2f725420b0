//! Where a backing service is and how to log in, from the directory of its binding, its variables and the discovery file.

use crate::discovery::Dependency;

/// What is needed to speak to a backing service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Login {
    /// Its host.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Its database, or virtual host.
    pub database: Option<String>,
    /// Who logs in.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<String>,
}

/// Reads them anew, since a binding follows its Secret. The binding is asked first, then the variables `<NAME>_…` of the
/// edge, then a URI that holds everything, then the discovery file.
pub fn of(name: &str, dependency: &Dependency) -> Login {
    resolved(dependency, |key, variable| {
        let bound = dependency
            .binding
            .as_ref()
            .and_then(|directory| std::fs::read_to_string(directory.join(key)).ok());
        let prefix = name.to_uppercase().replace('-', "_");
        bound.or_else(|| std::env::var(format!("{prefix}_{variable}")).ok())
    })
}

fn resolved(dependency: &Dependency, told: impl Fn(&str, &str) -> Option<String>) -> Login {
    let told = |key, variable| told(key, variable).map(|text| text.trim_end_matches('\n').to_owned());
    let uri = told("uri", "URI").map(|uri| parts(&uri)).unwrap_or_default();
    Login {
        host: told("host", "HOST").or(uri.host).or(dependency.host.clone()),
        port: told("port", "PORT").and_then(|port| port.parse().ok()).or(uri.port).or(dependency.port),
        database: told("database", "DATABASE").or(uri.database).or(dependency.database.clone()),
        user: told("username", "USER").or(uri.user),
        password: told("password", "PASSWORD").or(uri.password),
    }
}

/// The parts of `scheme://user:password@host:port/database?…`.
fn parts(uri: &str) -> Login {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (host, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let some = |text: &str| (!text.is_empty()).then(|| decoded(text));
    Login {
        host: some(host),
        port: port.parse().ok(),
        database: some(path),
        user: some(user),
        password: some(password),
    }
}

/// Without percent encoding; <https://www.rfc-editor.org/rfc/rfc3986#section-2.1>.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency() -> Dependency {
        serde_json::from_str(
            r#"{"kind": "BackingService", "engine": "PostgreSQL", "host": "pg.data", "port": 5432, "database": "orders"}"#,
        )
        .unwrap()
    }

    #[test]
    fn credentials_come_from_where_they_are_told_and_the_address_from_the_discovery_file() {
        let login = resolved(&dependency(), |key, _| match key {
            "username" => Some("orders\n".into()),
            "password" => Some("p@ss".into()),
            _ => None,
        });
        assert_eq!((login.user.as_deref(), login.password.as_deref()), (Some("orders"), Some("p@ss")));
        assert_eq!((login.host.as_deref(), login.port), (Some("pg.data"), Some(5432)));
        assert_eq!(login.database.as_deref(), Some("orders"));
    }

    #[test]
    fn a_uri_may_hold_everything() {
        let uri = "amqp://shop:p%40ss%2F1@rabbit.data:5673/shop?heartbeat=30";
        let login = resolved(&dependency(), |_, variable| (variable == "URI").then(|| uri.to_owned()));
        assert_eq!((login.user.as_deref(), login.password.as_deref()), (Some("shop"), Some("p@ss/1")));
        assert_eq!((login.host.as_deref(), login.port), (Some("rabbit.data"), Some(5673)));
        assert_eq!(login.database.as_deref(), Some("shop"));
    }

    #[test]
    fn a_uri_without_credentials_leaves_them_out() {
        assert_eq!(
            parts("redis://cache:6379"),
            Login { host: Some("cache".into()), port: Some(6379), ..Login::default() }
        );
    }

    #[test]
    fn the_binding_is_read_from_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("username"), "one").unwrap();
        let bound = Dependency { binding: Some(directory.path().to_owned()), ..dependency() };
        assert_eq!(of("orders-db-of-no-variable", &bound).user.as_deref(), Some("one"));
        std::fs::write(directory.path().join("username"), "two").unwrap();
        assert_eq!(of("orders-db-of-no-variable", &bound).user.as_deref(), Some("two"));
    }
}
