//! Services grouped by circles of edges, and the worst way down from the groups that nobody calls.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::finding::listed;
use crate::graph::{App, Edge, Service};

/// Names that lead to each other in circles, each group sorted; every group leads only to groups before it.
pub(super) fn strongly_connected<'a>(
    edges: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<Vec<&'a str>> {
    let mut graph: DiGraphMap<&str, ()> = DiGraphMap::new();
    for (from, to) in edges {
        graph.add_edge(from, to, ());
    }
    let mut groups = tarjan_scc(&graph);
    groups.iter_mut().for_each(|members| members.sort_unstable());
    groups
}

/// The services of an app, in groups that call each other in circles; callees first.
pub(super) struct Groups<'a> {
    /// Services of each group, sorted by name.
    members: Vec<Vec<&'a Service>>,
    /// Service → its group.
    of: BTreeMap<&'a str, usize>,
}

/// A way from a group that nobody calls to where it is worst.
pub(super) struct Way<'a> {
    /// How bad it is, as the caller counts.
    pub weight: i64,
    /// Services that it begins with: one, or those of a circle.
    pub start: &'a [&'a Service],
    /// Every stop, the start first; a circle is one stop: `(cart, catalog)`.
    pub stops: Vec<String>,
}

/// The worst way down from a group.
struct Worst<'a> {
    weight: i64,
    next: Option<&'a str>,
}

impl<'a> Groups<'a> {
    /// Groups the services of an app by its calls.
    pub(super) fn of(app: &'a App) -> Self {
        let calls = app.services.iter().flat_map(|service| {
            let called = service.edges.iter().filter(|edge| edge.is_call()).map(|edge| edge.name.as_str());
            // The edge to itself puts a service without calls into the graph.
            called.chain([service.name.as_str()]).map(|callee| (service.name.as_str(), callee))
        });
        let members: Vec<Vec<&Service>> = strongly_connected(calls)
            .iter()
            .map(|names| names.iter().filter_map(|name| app.service(name)).collect())
            .collect();
        let of = members.iter().enumerate().flat_map(|(at, services): (usize, &Vec<&Service>)| {
            services.iter().map(move |service| (service.name.as_str(), at))
        });
        Self { of: of.collect(), members }
    }

    /// Groups of more than one service.
    pub(super) fn circles(&self) -> impl Iterator<Item = &[&'a Service]> {
        self.members.iter().filter(|members| members.len() > 1).map(Vec::as_slice)
    }

    /// Edges of a group, but those within it.
    fn leaving(&self, group: usize) -> impl Iterator<Item = &'a Edge> {
        let edges = self.members[group].iter().flat_map(|service| service.edges.iter());
        edges.filter(move |edge| self.of.get(edge.name.as_str()) != Some(&group))
    }

    /// The worst way down from each group that nobody outside of it calls, sorted by the names of its stops. A way
    /// weighs `least` at its end, and `step` says what it weighs with one more edge before it.
    pub(super) fn worst_ways(&self, least: i64, step: impl Fn(&Edge, i64) -> i64) -> Vec<Way<'_>> {
        let mut worst: Vec<Worst<'_>> = Vec::with_capacity(self.members.len());
        for group in 0..self.members.len() {
            let mut found = Worst { weight: least, next: None };
            for edge in self.leaving(group) {
                let behind = self.of.get(edge.name.as_str()).map_or(least, |callee| worst[*callee].weight);
                let weight = step(edge, behind);
                if weight > found.weight {
                    found = Worst { weight, next: Some(&edge.name) };
                }
            }
            worst.push(found);
        }
        let groups = 0..self.members.len();
        let called: BTreeSet<&str> =
            groups.clone().flat_map(|group| self.leaving(group)).map(|edge| edge.name.as_str()).collect();
        let is_called =
            |group: usize| self.members[group].iter().any(|service| called.contains(service.name.as_str()));
        let mut ways: Vec<Way<'_>> =
            groups.filter(|group| !is_called(*group)).map(|group| self.way(group, &worst)).collect();
        ways.sort_by(|left, right| left.stops.cmp(&right.stops));
        ways
    }

    fn way(&self, start: usize, worst: &[Worst<'_>]) -> Way<'_> {
        let mut stops = vec![self.stop(start)];
        let mut next = worst[start].next;
        while let Some(name) = next {
            let group = self.of.get(name);
            stops.push(group.map_or_else(|| name.to_owned(), |group| self.stop(*group)));
            next = group.and_then(|group| worst[*group].next);
        }
        Way { weight: worst[start].weight, start: &self.members[start], stops }
    }

    fn stop(&self, group: usize) -> String {
        let names: Vec<&str> = self.members[group].iter().map(|service| service.name.as_str()).collect();
        if names.len() == 1 { names[0].to_owned() } else { format!("({})", listed(&names, ", ")) }
    }
}
