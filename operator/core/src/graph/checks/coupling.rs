//! Services so coupled that none of them can be deployed alone.

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::Limits;
use super::calls::calls;
use super::data::shared;
use super::finding::{Check, Finding};
use crate::graph::App;

/// Strongly connected sets over calls that cannot fail and data that is shared, beyond the bound.
pub(super) fn findings(app: &App, limits: &Limits) -> Vec<Finding> {
    let mut graph: DiGraphMap<&str, ()> = DiGraphMap::new();
    for service in &app.services {
        for edge in calls(service).filter(|edge| !edge.optional) {
            graph.add_edge(service.name.as_str(), edge.name.as_str(), ());
        }
    }
    for database in shared(app) {
        for (one, other) in
            database.users.iter().flat_map(|one| database.users.iter().map(move |other| (one, other)))
        {
            graph.add_edge(one.name.as_str(), other.name.as_str(), ());
        }
    }
    let mut sets = tarjan_scc(&graph);
    sets.iter_mut().for_each(|members| members.sort_unstable());
    sets.sort();
    let large = sets.iter().filter(|members| members.len() > limits.coupled_services);
    large.filter_map(|members| coupled(app, members)).collect()
}

fn coupled(app: &App, members: &[&str]) -> Option<Finding> {
    let first = app.service(members[0])?;
    let message = format!(
        "none of these {} can be deployed without the others, by calls and shared data: {}",
        members.len(),
        members.join(", ")
    );
    let subjects = members.iter().map(|name| (*name).to_owned()).collect();
    Some(Finding { check: Check::DistributedMonolith, path: first.path.clone(), subjects, message })
}
