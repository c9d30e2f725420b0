//! Bounded contexts: calls past their entries, and contexts of very many tiny services.

use super::Limits;
use super::calls::calls;
use super::finding::{Check, Finding};
use crate::graph::{App, Domain, Service};
use crate::scalar::Quantity;

/// CPU request up to which a service counts as tiny, in cores × 10⁻⁹.
const TINY: i128 = 100_000_000;

/// Calls past entries, then contexts of tiny services.
pub(super) fn findings(app: &App, limits: &Limits) -> Vec<Finding> {
    let mut found: Vec<Finding> = app.services.iter().flat_map(|service| bypasses(app, service)).collect();
    found.extend(app.domains.iter().filter_map(|domain| tiny(app, domain, limits)));
    found
}

fn bypasses<'a>(app: &'a App, caller: &'a Service) -> impl Iterator<Item = Finding> + 'a {
    calls(caller).filter_map(move |edge| {
        let callee = app.service(&edge.name)?;
        let domain = callee.domain.as_ref().filter(|domain| caller.domain.as_ref() != Some(*domain))?;
        let declared = app.domains.iter().find(|declared| declared.name == *domain)?;
        if declared.entries.is_empty() || declared.entries.contains(&callee.name) {
            return None;
        }
        let entries: Vec<&str> = declared.entries.iter().map(String::as_str).collect();
        let message = format!(
            "{} calls {} inside domain {domain}, whose entries are {}",
            caller.name,
            callee.name,
            entries.join(", ")
        );
        let subjects = vec![caller.name.clone(), callee.name.clone(), domain.clone()];
        let path = edge.origins.first().cloned().unwrap_or_default();
        Some(Finding { check: Check::BypassedBoundary, path, subjects, message })
    })
}

fn tiny(app: &App, domain: &Domain, limits: &Limits) -> Option<Finding> {
    let members = app.services.iter().filter(|service| service.domain.as_ref() == Some(&domain.name));
    let tiny = members.filter(|service| is_tiny(service)).count();
    (tiny > limits.tiny_services).then(|| {
        let message = format!(
            "domain {} has {tiny} services with a CPU request of at most 100m, more than {}: some may belong together",
            domain.name, limits.tiny_services
        );
        Finding::new(Check::TinyServices, &domain.path, &domain.name, message)
    })
}

fn is_tiny(service: &Service) -> bool {
    let requests = service.settings.resources.requests.as_ref();
    let cpu = requests.and_then(|requests| requests.get("cpu"));
    cpu.and_then(|cpu| Quantity::parse(&cpu.0)).is_some_and(|cpu| cpu.nano() <= TINY)
}
