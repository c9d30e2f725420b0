//! Calls: circles, long chains, and services that call very many.

use std::collections::BTreeSet;

use super::System;
use super::finding::{Check, Finding, listed, names_of, written_at};
use super::groups::Way;
use crate::graph::{Edge, Service};

/// Circles first, then chains, then fans.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        system.groups.circles().filter_map(|members| cycle(system, members)).collect();
    let calls_in_a_row = |edge: &Edge, behind| if edge.is_call() { behind + 1 } else { behind };
    let ways = system.groups.worst_ways(0, calls_in_a_row);
    found.extend(ways.iter().filter_map(|way| deep(way, system.limits.call_depth)));
    found.extend(system.app.services.iter().filter_map(|service| wide(service, system.limits.fan_out)));
    found
}

/// The calls of a service.
pub(super) fn calls(service: &Service) -> impl Iterator<Item = &Edge> {
    service.edges.iter().filter(|edge| edge.is_call())
}

/// The shortest circle through the first member tells where to look.
fn cycle(system: &System<'_>, members: &[&Service]) -> Option<Finding> {
    let first = *members.first()?;
    let names: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut seen = BTreeSet::from([first.name.as_str()]);
    let mut ways: Vec<Vec<&Service>> = vec![vec![first]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            for edge in calls(way.last()?).filter(|edge| names.contains(edge.name.as_str())) {
                if edge.name == first.name {
                    return Some(circle(way, members, edge));
                }
                if seen.insert(&edge.name) {
                    longer.push(way.iter().copied().chain(system.app.service(&edge.name)).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

fn circle(way: &[&Service], members: &[&Service], last: &Edge) -> Finding {
    let (stops, subjects) = (names_of(way), names_of(members));
    let message = format!(
        "these services wait for each other's answers: {} → {}; make one of the calls an event, or merge them",
        listed(&stops, " → "),
        stops[0]
    );
    Finding { check: Check::SynchronousCycle, path: written_at(last), subjects, message }
}

fn deep(way: &Way<'_>, bound: i64) -> Option<Finding> {
    (way.weight > bound).then(|| {
        let message = format!(
            "{} calls wait for one another, more than {bound}: {}; make one of them an event, or raise callDepth",
            way.weight,
            listed(&way.stops, " → ")
        );
        let (path, subjects) = (way.start[0].path.clone(), names_of(way.start));
        Finding { check: Check::DeepCallChain, path, subjects, message }
    })
}

fn wide(service: &Service, bound: usize) -> Option<Finding> {
    let called = calls(service).count();
    (called > bound).then(|| {
        let message = format!(
            "{} calls {called} services, more than {bound}; let one service answer for several, or raise fanOut",
            service.name
        );
        Finding::new(Check::WideFanOut, &format!("{}.dependencies", service.path), &service.name, message)
    })
}
