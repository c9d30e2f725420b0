//! Arithmetic along paths of calls: retries multiply, and a caller should outwait the service it calls. Both speak only
//! where somebody configured timeouts or retries.

use super::System;
use super::calls::calls;
use super::finding::{Check, Finding, listed, names_of, written_at};
use super::groups::Way;
use crate::graph::{App, Edge, Service};

/// Paths of too many tries, then callers that give up too early.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    let ways = system.groups.worst_ways(1, |edge, behind| tries(edge).saturating_mul(behind));
    let mut found: Vec<Finding> =
        ways.iter().filter_map(|way| amplified(way, system.limits.retry_amplification)).collect();
    found.extend(system.app.services.iter().flat_map(|caller| inverted(system.app, caller)));
    found
}

/// Calls that one call becomes while every try of it fails.
fn tries(edge: &Edge) -> i64 {
    i64::from(edge.retries.unwrap_or_default()) + 1
}

fn amplified(way: &Way<'_>, bound: i64) -> Option<Finding> {
    (way.weight > bound).then(|| {
        let message = format!(
            "one request can become {} calls at the end of {}, more than {bound}; retry at one of these hops only",
            number(way.weight),
            listed(&way.stops, " → ")
        );
        let (path, subjects) = (way.start[0].path.clone(), names_of(way.start));
        Finding { check: Check::RetryAmplification, path, subjects, message }
    })
}

/// How many, as far as it still says anything.
fn number(calls: i64) -> String {
    if calls > 1_000_000 { "more than 1,000,000".to_owned() } else { calls.to_string() }
}

/// Edges whose caller gives up before the callee does with one of its own calls.
fn inverted<'a>(app: &'a App, caller: &'a Service) -> impl Iterator<Item = Finding> + 'a {
    calls(caller).filter_map(move |edge| {
        let timeout = edge.timeout?;
        let callee = app.service(&edge.name)?;
        let longest = callee.edges.iter().filter_map(|next| next.timeout).max().filter(|it| *it > timeout)?;
        let slowest = callee.edges.iter().find(|next| next.timeout == Some(longest))?;
        let message = format!(
            "{} waits {} for {}, which may wait {} for {}; give the first more time, or the second less",
            caller.name,
            duration(timeout),
            callee.name,
            duration(longest),
            slowest.name
        );
        let subjects = names_of(&[caller, callee]);
        Some(Finding { check: Check::DeadlineInversion, path: written_at(edge), subjects, message })
    })
}

/// Milliseconds as somebody would write them.
fn duration(milliseconds: i64) -> String {
    if milliseconds % 1000 == 0 { format!("{}s", milliseconds / 1000) } else { format!("{milliseconds}ms") }
}
