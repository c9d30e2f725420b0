//! What is declared beside the services, as the graph knows it.

use msapp_crds::v1alpha1::{BackingService, MicroserviceAppSpec};

use super::connection::{Connection, Part};
use super::inside::canonical_host;
use super::outside::Outside;
use super::resolve::{Target, Targets};
use super::{BackingTarget, Domain, ExternalTarget, Reach};
use crate::violation::{Code, Violation, Violations, nearest};

/// Databases, caches and brokers, sorted by name.
pub(super) fn backing_services(
    spec: &MicroserviceAppSpec,
    namespace: &str,
    targets: &Targets<'_>,
) -> Vec<BackingTarget> {
    let written = spec.backing_services.iter().enumerate();
    let mut all: Vec<BackingTarget> = written
        .filter_map(|(index, backing)| {
            let outside = outside(targets, &backing.name)?;
            Some(BackingTarget {
                name: backing.name.clone(),
                engine: backing.engine,
                owner: backing.owner.clone(),
                host_in_secret: matches!(outside.connection.host, Part::Key(_)),
                identity: identity(backing, namespace, &outside.connection),
                reach: outside.reach.clone(),
                path: format!("spec.backingServices[{index}]"),
            })
        })
        .collect();
    all.sort_by(|left, right| left.name.cmp(&right.name));
    all
}

/// A Service can be written in several ways, and is the same database in all of them.
fn identity(backing: &BackingService, namespace: &str, connection: &Connection) -> String {
    let secret = connection.secret.as_ref().map(|secret| secret.name.as_str()).unwrap_or_default();
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Key(key) => format!("{key} of {secret}"),
    };
    let database = connection.database.as_ref().map(part).unwrap_or_default();
    let host = match &connection.host {
        Part::Text(host) => canonical_host(host, namespace),
        key @ Part::Key(_) => part(key),
    };
    format!("{:?} {host}:{}/{database}", backing.engine, part(&connection.port))
}

/// Services of others, sorted by name.
pub(super) fn external_services(spec: &MicroserviceAppSpec, targets: &Targets<'_>) -> Vec<ExternalTarget> {
    let written = spec.external_services.iter().enumerate();
    let mut all: Vec<ExternalTarget> = written
        .filter_map(|(index, external)| {
            Some(ExternalTarget {
                name: external.name.clone(),
                host: external.host.clone(),
                port: external.port,
                reach: outside(targets, &external.name).map(reach_of)?,
                path: format!("spec.externalServices[{index}]"),
            })
        })
        .collect();
    all.sort_by(|left, right| left.name.cmp(&right.name));
    all
}

fn outside<'a>(targets: &'a Targets<'_>, name: &str) -> Option<&'a Outside> {
    match targets.get(name) {
        Some(Target::Outside(outside)) => Some(outside),
        Some(Target::Service(_)) | None => None,
    }
}

fn reach_of(outside: &Outside) -> Reach {
    outside.reach.clone()
}

/// The domains, sorted by name. Where some are declared, services name one of them.
pub(super) fn domains(spec: &MicroserviceAppSpec, violations: &mut Violations) -> Vec<Domain> {
    let mut domains = Vec::new();
    for (index, domain) in spec.domains.iter().enumerate() {
        let path = format!("spec.domains[{index}]");
        for (at, entry) in domain.entries.iter().enumerate() {
            check_entry(spec, &domain.name, entry, &format!("{path}.entries[{at}]"), violations);
        }
        domains.push(Domain {
            name: domain.name.clone(),
            owner: domain.owner.clone(),
            entries: domain.entries.iter().cloned().collect(),
            path,
        });
    }
    check_members(spec, violations);
    domains.sort_by(|left: &Domain, right| left.name.cmp(&right.name));
    domains
}

fn check_entry(
    spec: &MicroserviceAppSpec,
    domain: &str,
    entry: &str,
    path: &str,
    violations: &mut Violations,
) {
    let members = || spec.services.iter().filter(|service| service.domain.as_deref() == Some(domain));
    if !members().any(|service| service.name == *entry) {
        let message = format!("domain {domain:?} has no service {entry:?}");
        let suggestion = nearest(entry, members().map(|service| service.name.as_str()));
        violations.push(Violation::new(path, Code::UnknownName, message).suggest(suggestion));
    }
}

fn check_members(spec: &MicroserviceAppSpec, violations: &mut Violations) {
    if spec.domains.is_empty() {
        return;
    }
    let known = || spec.domains.iter().map(|domain| domain.name.as_str());
    for (index, service) in spec.services.iter().enumerate() {
        if let Some(domain) = service.domain.as_deref().filter(|domain| !known().any(|name| name == *domain))
        {
            let message = format!("there is no domain {domain:?}");
            let path = format!("spec.services[{index}].domain");
            violations
                .push(Violation::new(path, Code::UnknownName, message).suggest(nearest(domain, known())));
        }
    }
}

/// The owner of a backing service is a service.
pub(super) fn owners(spec: &MicroserviceAppSpec, violations: &mut Violations) {
    let names: Vec<&str> = spec.services.iter().map(|service| service.name.as_str()).collect();
    for (index, backing) in spec.backing_services.iter().enumerate() {
        if let Some(owner) = backing.owner.as_deref().filter(|owner| !names.contains(owner)) {
            let path = format!("spec.backingServices[{index}].owner");
            violations.push(
                Violation::new(path, Code::UnknownName, format!("there is no service {owner:?}"))
                    .suggest(nearest(owner, names.iter().copied())),
            );
        }
    }
}
