//! Services so coupled that none of them can be deployed alone.

use super::System;
use super::calls::calls;
use super::data::databases;
use super::finding::{Check, Finding, listed, names_of};
use super::groups::strongly_connected;
use crate::graph::Service;

/// Strongly connected sets over calls that cannot fail and data that is shared, beyond the bound.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    let hard = system.app.services.iter().flat_map(|service| {
        let edges = calls(service).filter(|edge| !edge.optional);
        edges.map(|edge| (service.name.as_str(), edge.name.as_str()))
    });
    let databases = databases(system);
    // A ring through its users couples each of them with all others.
    let shared = databases.iter().flat_map(|database| {
        let users = || database.users.iter().map(|(user, _)| user.name.as_str());
        users().zip(users().skip(1).chain(users().take(1)))
    });
    let mut sets = strongly_connected(hard.chain(shared));
    sets.sort();
    let large = sets.iter().filter(|members| members.len() > system.limits.coupled_services);
    large.filter_map(|members| coupled(system, members)).collect()
}

fn coupled(system: &System<'_>, members: &[&str]) -> Option<Finding> {
    let members: Vec<&Service> = members.iter().filter_map(|name| system.app.service(name)).collect();
    let subjects = names_of(&members);
    let message = format!(
        "none of these {} can be deployed without the others, by calls and shared data: {}; make a call optional or an event, or merge them",
        members.len(),
        listed(&subjects, ", ")
    );
    Some(Finding {
        check: Check::DistributedMonolith,
        path: members.first()?.path.clone(),
        subjects,
        message,
    })
}
