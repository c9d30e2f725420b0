//! Calls: circles, long chains, and services that call very many.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::Limits;
use super::finding::{Check, Finding};
use crate::graph::{App, Edge, Service};

/// Circles first, then chains, then fans.
pub(super) fn findings(app: &App, limits: &Limits) -> Vec<Finding> {
    let groups = Groups::of(app);
    let mut found: Vec<Finding> = groups.circles().filter_map(|members| cycle(app, members)).collect();
    found.extend(groups.chains(app).into_iter().filter_map(|chain| deep(app, &chain, limits)));
    found.extend(app.services.iter().filter_map(|service| wide(service, limits)));
    found
}

/// The calls of a service.
pub(super) fn calls(service: &Service) -> impl Iterator<Item = &Edge> {
    service.edges.iter().filter(|edge| edge.is_call())
}

/// Services grouped by circles of calls; every group that is left calls only groups before it.
pub(super) struct Groups<'a> {
    /// Sorted names, callees first.
    groups: Vec<Vec<&'a str>>,
    /// Service → its group.
    of: BTreeMap<&'a str, usize>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(app: &'a App) -> Self {
        let mut graph: DiGraphMap<&str, ()> = DiGraphMap::new();
        for service in &app.services {
            graph.add_node(service.name.as_str());
            for edge in calls(service) {
                graph.add_edge(service.name.as_str(), edge.name.as_str(), ());
            }
        }
        let mut groups = tarjan_scc(&graph);
        groups.iter_mut().for_each(|members| members.sort_unstable());
        let of =
            groups.iter().enumerate().flat_map(|(at, members)| members.iter().map(move |name| (*name, at)));
        Self { of: of.collect(), groups }
    }

    fn circles(&self) -> impl Iterator<Item = &[&'a str]> {
        self.groups.iter().filter(|members| members.len() > 1).map(Vec::as_slice)
    }

    /// Groups that a group calls, callees first.
    fn callees<'b>(&'b self, app: &'b App, group: usize) -> impl Iterator<Item = usize> + 'b {
        let members = self.groups[group].iter().filter_map(|name| app.service(name));
        let callees = members.flat_map(calls).filter_map(|edge| self.of.get(edge.name.as_str()).copied());
        callees.filter(move |callee| *callee != group)
    }

    /// The longest chain of each service that nobody calls, from it to its end; a circle counts as one hop.
    fn chains(&self, app: &App) -> Vec<Vec<&'a str>> {
        let mut longest: Vec<(usize, Option<usize>)> = Vec::new();
        for group in 0..self.groups.len() {
            let best =
                self.callees(app, group).max_by_key(|callee| (longest[*callee].0, usize::MAX - callee));
            longest.push(best.map_or((0, None), |callee| (longest[callee].0 + 1, Some(callee))));
        }
        let called: Vec<usize> = (0..self.groups.len()).flat_map(|group| self.callees(app, group)).collect();
        let starts = (0..self.groups.len()).filter(|group| !called.contains(group));
        let chain = |start| std::iter::successors(Some(start), |group: &usize| longest[*group].1);
        let mut chains: Vec<Vec<&str>> =
            starts.map(|start| chain(start).map(|group| self.groups[group][0]).collect()).collect();
        chains.sort();
        chains
    }
}

/// The shortest circle through the first member tells where to look.
fn cycle(app: &App, members: &[&str]) -> Option<Finding> {
    let mut ways: Vec<Vec<&str>> = vec![vec![members[0]]];
    let mut seen = vec![members[0]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            let last = app.service(way.last()?)?;
            for edge in calls(last).filter(|edge| members.contains(&edge.name.as_str())) {
                if edge.name == members[0] {
                    return Some(circle(way, members, edge));
                }
                if !seen.contains(&edge.name.as_str()) {
                    seen.push(&edge.name);
                    longer.push(way.iter().copied().chain([edge.name.as_str()]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

fn circle(way: &[&str], members: &[&str], last: &Edge) -> Finding {
    let message = format!("these services wait for each other's answers: {} → {}", way.join(" → "), way[0]);
    let path = last.origins.first().cloned().unwrap_or_default();
    let subjects = members.iter().map(|name| (*name).to_owned()).collect();
    Finding { check: Check::SynchronousCycle, path, subjects, message }
}

fn deep(app: &App, chain: &[&str], limits: &Limits) -> Option<Finding> {
    let calls = chain.len() - 1;
    let start = app.service(chain[0])?;
    (calls > limits.call_depth).then(|| {
        let message = format!(
            "{calls} calls wait for one another, more than {}: {}",
            limits.call_depth,
            chain.join(" → ")
        );
        Finding::new(Check::DeepCallChain, &start.path, &start.name, message)
    })
}

fn wide(service: &Service, limits: &Limits) -> Option<Finding> {
    let called = calls(service).count();
    (called > limits.fan_out).then(|| {
        let message = format!("{} calls {called} services, more than {}", service.name, limits.fan_out);
        Finding::new(Check::WideFanOut, &format!("{}.dependencies", service.path), &service.name, message)
    })
}
