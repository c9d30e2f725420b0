//! Secrets in the open: credentials that are written as text.

use k8s_openapi::api::core::v1::EnvVar;

use super::System;
use super::finding::{Check, Finding};
use crate::difference::credential::is_authorization;
use crate::graph::Service;

/// What names of credentials end with, without their separators. What stands before the end names an aspect of it:
/// `TOKEN_URL` and `PASSWORD_POLICY` hold no credential.
const ENDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "apikey",
    "privatekey",
    "secretkey",
    "accesskey",
    "signingkey",
    "encryptionkey",
    "credential",
    "credentials",
];
/// Shorter ones, which are whole words: a compass is no password.
const WORDS: [&str; 2] = ["pass", "pwd"];
/// Parts of connection strings that a password follows.
const KEYS: [&str; 2] = ["password=", "pwd="];

/// Variables of every service.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    system.app.services.iter().flat_map(of_service).collect()
}

fn of_service(service: &Service) -> impl Iterator<Item = Finding> {
    let suspicious = service.env.iter().filter(|variable| is_credential(variable));
    suspicious.map(|variable| {
        let path = service.env_origins.get(&variable.name).unwrap_or(&service.path);
        let message = format!(
            "{:?} looks like a credential, and whoever may read this resource can read it; take it from a Secret",
            variable.name
        );
        Finding::new(Check::PlainTextCredential, path.trim_end_matches(".name"), &service.name, message)
    })
}

/// A literal text under a telling name, an address with a password in it, or the value of a header. What takes a part from another variable is
/// none: that part is the secret one.
fn is_credential(variable: &EnvVar) -> bool {
    let Some(value) = variable.value.as_deref().filter(|value| !value.contains("$(")) else { return false };
    is_telling(&variable.name) && !is_harmless(&variable.name, value)
        || has_password(value)
        || has_password_key(value)
        || is_authorization(value.trim())
}

fn is_telling(name: &str) -> bool {
    let name = name.to_lowercase();
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let last = name.rsplit(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
    ENDS.iter().any(|end| letters.ends_with(end)) || WORDS.contains(&last)
}

/// A switch, an address without a password, a file, or how many tokens.
fn is_harmless(name: &str, value: &str) -> bool {
    let switch = ["true", "false", "yes", "no", "on", "off", "enabled", "disabled", "none"];
    let count = name.to_lowercase().ends_with("token") && value.parse::<i64>().is_ok();
    switch.contains(&value.to_lowercase().as_str())
        || value.starts_with('/')
        || value.contains("://")
        || count
}

/// `scheme://user:password@host`
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

/// `Server=db;User Id=shop;Password=...`
fn has_password_key(value: &str) -> bool {
    let value = value.to_lowercase();
    KEYS.iter().any(|key| {
        let (_, behind) = value.split_once(key).unwrap_or_default();
        behind.starts_with(|letter: char| !letter.is_whitespace() && !";&".contains(letter))
    })
}
