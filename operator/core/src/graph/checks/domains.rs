//! Bounded contexts: calls past their entries, and contexts of very many tiny services.

use std::collections::BTreeMap;

use super::System;
use super::calls::calls;
use super::finding::{Check, Finding, written_at};
use crate::graph::{Domain, Edge, Service};
use crate::scalar::Quantity;

/// CPU request up to which a service counts as tiny, in cores × 10⁻⁹.
const TINY: i128 = 100_000_000;

/// Calls past entries, then contexts of tiny services.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    let app = system.app;
    let guarded: BTreeMap<&str, &Domain> = app
        .domains
        .iter()
        .filter(|domain| !domain.entries.is_empty())
        .map(|domain| (domain.name.as_str(), domain))
        .collect();
    let mut found = Vec::new();
    for caller in &app.services {
        let called = calls(caller).filter_map(|edge| Some((edge, app.service(&edge.name)?)));
        found.extend(called.filter_map(|(edge, callee)| {
            let domain = guarded.get(callee.domain.as_deref()?)?;
            bypass(caller, edge, domain)
        }));
    }
    found.extend(app.domains.iter().filter_map(|domain| tiny(system, domain)));
    found
}

fn bypass(caller: &Service, edge: &Edge, domain: &Domain) -> Option<Finding> {
    if caller.domain.as_ref() == Some(&domain.name) || domain.entries.contains(&edge.name) {
        return None;
    }
    let entries: Vec<&str> = domain.entries.iter().map(String::as_str).collect();
    let message = format!(
        "{} calls {} inside domain {}; call its entry {}, or make {} an entry",
        caller.name,
        edge.name,
        domain.name,
        entries.join(" or "),
        edge.name
    );
    let subjects = vec![caller.name.clone(), edge.name.clone(), domain.name.clone()];
    Some(Finding { check: Check::BypassedBoundary, path: written_at(edge), subjects, message })
}

fn tiny(system: &System<'_>, domain: &Domain) -> Option<Finding> {
    let bound = system.limits.tiny_services;
    let members = system.app.services.iter().filter(|service| service.domain.as_ref() == Some(&domain.name));
    let tiny = members.filter(|service| is_tiny(service)).count();
    (tiny > bound).then(|| {
        let message = format!(
            "domain {} has {tiny} services with a CPU request of at most 100m, more than {bound}; merge those that change together, or raise tinyServices",
            domain.name
        );
        Finding::new(Check::TinyServices, &domain.path, &domain.name, message)
    })
}

fn is_tiny(service: &Service) -> bool {
    let requests = service.settings.resources.requests.as_ref();
    let cpu = requests.and_then(|requests| requests.get("cpu"));
    cpu.and_then(|cpu| Quantity::parse(&cpu.0)).is_some_and(|cpu| cpu.nano() <= TINY)
}
