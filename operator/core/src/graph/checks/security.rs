//! Security: what is open though it should not be, and secrets in the open.

use k8s_openapi::api::core::v1::EnvVar;
use msapp_crds::v1alpha1::Visibility;

use super::Limits;
use super::finding::{Check, Finding};
use crate::graph::{App, Reach, Service};

/// Words that names of credentials hold.
const WORDS: [&str; 9] =
    ["password", "passwd", "secret", "token", "apikey", "api_key", "credential", "private_key", "access_key"];
/// Ends of names that hold such a word and say where to find or how to treat it.
const HARMLESS: [&str; 12] = [
    "_file", "_path", "_url", "_uri", "_name", "_ttl", "_type", "_header", "_issuer", "_length", "_expiry",
    "_enabled",
];

/// Isolation, exposure, addresses, credentials.
pub(super) fn findings(app: &App, _: &Limits) -> Vec<Finding> {
    let mut found = Vec::new();
    if app.network.is_none() {
        let message = "isolation is disabled: every pod of the cluster may talk to every service".to_owned();
        found.push(Finding::new(Check::IsolationDisabled, "spec.network.isolation", &app.name, message));
    }
    found.extend(app.services.iter().filter_map(exposed));
    found.extend(names(app));
    found.extend(app.services.iter().flat_map(credentials));
    found
}

fn exposed(service: &Service) -> Option<Finding> {
    let exposure = service.exposure.as_ref().filter(|_| service.visibility == Visibility::Internal)?;
    let message = format!("{} is internal, and {} leads to it", service.name, exposure.url());
    Some(Finding::new(
        Check::PublicInternalService,
        &format!("{}.expose", service.path),
        &service.name,
        message,
    ))
}

/// Targets of which only a name is known, as far as somebody depends on them.
fn names(app: &App) -> Vec<Finding> {
    let used =
        |name: &str| app.services.iter().any(|service| service.edges.iter().any(|edge| edge.name == name));
    let backing = app.backing_services.iter().map(|one| (&one.name, &one.reach, &one.path));
    let external = app.external_services.iter().map(|one| (&one.name, &one.reach, &one.path));
    let all = backing.chain(external).filter(|(name, _, _)| app.network.is_some() && used(name));
    all.filter_map(|(name, reach, path)| {
        let opened = match reach {
            Reach::AnyAddress => "its port is open to every address: give cidrs or pods",
            Reach::Nowhere => {
                "isolation Strict opens nothing to it: give cidrs or pods, or set spec.network.isolation: Lenient"
            }
            Reach::Service | Reach::Pods { .. } | Reach::Cidrs(_) => return None,
        };
        let message = format!("only the name of {name:?} is known, and a NetworkPolicy cannot hold a name; {opened}");
        Some(Finding::new(Check::NameWithoutAddress, path, name, message))
    })
    .collect()
}

fn credentials(service: &Service) -> impl Iterator<Item = Finding> {
    let suspicious = service.env.iter().filter(|variable| looks_like_a_credential(variable));
    suspicious.map(|variable| {
        let path = service.env_origins.get(&variable.name).unwrap_or(&service.path);
        let message = format!(
            "{:?} looks like a credential and is readable by whoever may read this resource: refer to a Secret",
            variable.name
        );
        Finding::new(Check::PlainTextCredential, path.trim_end_matches(".name"), &service.name, message)
    })
}

/// A literal text under a telling name, or a URL with a password in it.
fn looks_like_a_credential(variable: &EnvVar) -> bool {
    let Some(value) = variable.value.as_deref().filter(|value| !value.contains("$(")) else { return false };
    let name = variable.name.to_lowercase();
    let telling =
        WORDS.iter().any(|word| name.contains(word)) && !HARMLESS.iter().any(|end| name.ends_with(end));
    telling && !is_flag(value) || has_password(value)
}

/// A switch or a number is no credential.
fn is_flag(value: &str) -> bool {
    value.parse::<f64>().is_ok() || matches!(value.to_lowercase().as_str(), "true" | "false" | "yes" | "no")
}

/// `scheme://user:password@host`
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}
