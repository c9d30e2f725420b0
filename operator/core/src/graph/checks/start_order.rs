//! Services that wait for each other's first start.

use std::collections::{BTreeMap, BTreeSet};

use msapp_crds::v1alpha1::MicroserviceAppSpec;

use super::groups::strongly_connected;
use crate::violation::{Code, Violation, Violations};

/// Services that wait for each other's first start would wait for ever.
pub(in crate::graph) fn start_order(spec: &MicroserviceAppSpec, violations: &mut Violations) {
    let mut waits: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for (index, service) in spec.services.iter().enumerate() {
        let edges =
            service.dependencies.iter().enumerate().filter(|(_, edge)| edge.start_after == Some(true));
        let edges = edges.filter(|(_, edge)| edge.name != service.name).map(|(number, edge)| {
            (edge.name.as_str(), format!("spec.services[{index}].dependencies[{number}].startAfter"))
        });
        waits.entry(service.name.as_str()).or_default().extend(edges);
    }
    let mut reported: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    let waiting = waits.iter().flat_map(|(name, edges)| edges.iter().map(|(other, _)| (*name, *other)));
    let circles = strongly_connected(waiting).into_iter().filter(|members| members.len() > 1);
    let members: BTreeSet<&str> = circles.flatten().collect();
    for start in members {
        if let Some((cycle, path)) = cycle_from(start, &waits)
            && reported.insert(cycle.iter().copied().collect())
        {
            let message = format!("these services wait for each other's first start: {}", cycle.join(" → "));
            violations.push(Violation::new(path, Code::StartCycle, message));
        }
    }
}

/// The shortest way from a service back to itself, with the path of its last edge.
fn cycle_from<'a>(
    start: &'a str,
    waits: &'a BTreeMap<&'a str, Vec<(&'a str, String)>>,
) -> Option<(Vec<&'a str>, String)> {
    let mut queue = std::collections::VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = queue.pop_front() {
        let last = way.last()?;
        for (next, path) in waits.get(last).into_iter().flatten() {
            if *next == start {
                let mut cycle = way.clone();
                cycle.push(start);
                return Some((cycle, path.clone()));
            }
            if seen.insert(*next) {
                let mut longer = way.clone();
                longer.push(next);
                queue.push_back(longer);
            }
        }
    }
    None
}
