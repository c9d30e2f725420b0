//! Circles: things that reach each other.

use std::collections::BTreeSet;

use super::{Link, Picture};

/// The sets of nodes that call each other in a circle, each sorted, in the order of their first nodes.
pub fn circles(picture: &Picture) -> Vec<Vec<usize>> {
    let mut calls = vec![Vec::new(); picture.nodes().len()];
    for arrow in picture.arrows().filter(|arrow| arrow.edge.link == Link::Call) {
        calls[arrow.from].push(arrow.to);
    }
    let reached: Vec<BTreeSet<usize>> = (0..calls.len()).map(|node| reach(&calls, node)).collect();
    let mut circles: Vec<Vec<usize>> = Vec::new();
    for node in 0..calls.len() {
        if reached[node].contains(&node) && !circles.iter().any(|circle| circle.contains(&node)) {
            let members = reached[node].iter().copied().filter(|other| reached[*other].contains(&node));
            circles.push(members.collect());
        }
    }
    circles
}

/// Everything that a node reaches in one step or more.
fn reach(calls: &[Vec<usize>], start: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open = calls[start].clone();
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            open.extend(&calls[node]);
        }
    }
    seen
}
