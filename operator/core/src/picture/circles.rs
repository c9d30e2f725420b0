//! Circles: things that reach each other.

use std::collections::BTreeSet;

use super::{Link, Picture};
use crate::graph::reachable;

/// The sets of nodes that call each other in a circle, each sorted, in the order of their first nodes.
pub fn circles(picture: &Picture) -> Vec<Vec<usize>> {
    let mut calls = vec![Vec::new(); picture.nodes().len()];
    for arrow in picture.arrows().filter(|arrow| arrow.edge.link == Link::Call) {
        calls[arrow.from].push(arrow.to);
    }
    let called = |node: usize| calls[node].iter().copied();
    let reached: Vec<BTreeSet<usize>> = (0..calls.len()).map(|node| reachable(node, called)).collect();
    let mut circles: Vec<Vec<usize>> = Vec::new();
    for node in 0..calls.len() {
        if reached[node].contains(&node) && !circles.iter().any(|circle| circle.contains(&node)) {
            let members = reached[node].iter().copied().filter(|other| reached[*other].contains(&node));
            circles.push(members.collect());
        }
    }
    circles
}
