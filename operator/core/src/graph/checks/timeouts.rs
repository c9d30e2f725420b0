//! Arithmetic along paths of calls: retries multiply, and a caller should outwait the service it calls. Both speak only
//! where somebody configured timeouts or retries.

use std::collections::BTreeMap;

use super::Limits;
use super::calls::calls;
use super::finding::{Check, Finding};
use crate::graph::{App, Edge, Service};

/// Paths of too many tries, then callers that give up too early.
pub(super) fn findings(app: &App, limits: &Limits) -> Vec<Finding> {
    let called: Vec<&str> =
        app.services.iter().flat_map(|service| calls(service).map(|edge| edge.name.as_str())).collect();
    let starts = app.services.iter().filter(|service| !called.contains(&service.name.as_str()));
    let mut worst = BTreeMap::new();
    let mut found: Vec<Finding> =
        starts.filter_map(|start| amplified(app, start, limits, &mut worst)).collect();
    found.extend(app.services.iter().flat_map(|caller| inverted(app, caller)));
    found
}

/// The path behind a service on which one request becomes most calls: how many, and over which services.
#[derive(Clone)]
struct Path {
    calls: i64,
    hops: Vec<String>,
}

fn amplified<'a>(
    app: &'a App,
    start: &'a Service,
    limits: &Limits,
    worst: &mut BTreeMap<&'a str, Option<Path>>,
) -> Option<Finding> {
    let path = worst_path(app, start, worst);
    (path.calls > limits.retry_amplification).then(|| {
        let message = format!(
            "one request can become {} calls at the end of {} → {}, more than {}",
            path.calls,
            start.name,
            path.hops.join(" → "),
            limits.retry_amplification
        );
        Finding::new(Check::RetryAmplification, &start.path, &start.name, message)
    })
}

/// Every service is visited once; a circle counts until it closes (`None` is a service that is being visited).
fn worst_path<'a>(app: &'a App, service: &'a Service, worst: &mut BTreeMap<&'a str, Option<Path>>) -> Path {
    if let Some(known) = worst.get(service.name.as_str()) {
        return known.clone().unwrap_or(Path { calls: 1, hops: Vec::new() });
    }
    worst.insert(&service.name, None);
    let mut found = Path { calls: 1, hops: Vec::new() };
    for edge in calls(service) {
        let Some(callee) = app.service(&edge.name) else { continue };
        let behind = worst_path(app, callee, worst);
        let calls = tries(edge).saturating_mul(behind.calls);
        if calls > found.calls {
            let hops = std::iter::once(edge.name.clone()).chain(behind.hops).collect();
            found = Path { calls, hops };
        }
    }
    worst.insert(&service.name, Some(found.clone()));
    found
}

fn tries(edge: &Edge) -> i64 {
    i64::from(edge.retries.unwrap_or_default()) + 1
}

/// Edges whose caller gives up before the callee does with one of its own calls.
fn inverted<'a>(app: &'a App, caller: &'a Service) -> impl Iterator<Item = Finding> + 'a {
    calls(caller).filter_map(move |edge| {
        let timeout = edge.timeout?;
        let callee = app.service(&edge.name)?;
        let slowest = calls(callee).filter(|next| !next.optional).max_by_key(|next| next.timeout)?;
        let needed = slowest.timeout.filter(|needed| *needed > timeout)?;
        let message = format!(
            "{} waits {timeout}ms for {}, which may wait {needed}ms for {}",
            caller.name, callee.name, slowest.name
        );
        let path = edge.origins.first().cloned().unwrap_or_default();
        let subjects = vec![caller.name.clone(), callee.name.clone()];
        Some(Finding { check: Check::DeadlineInversion, path, subjects, message })
    })
}
