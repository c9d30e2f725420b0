//! Which layer each node stands in: callers left of what they call, circles opened where that is needed.

use super::super::{Kind, Picture};

/// The layers of the nodes, from the left, and which arrows point backwards.
pub(super) struct Layers {
    /// Layer of each node.
    pub(super) of: Vec<usize>,
    /// For each arrow whether it goes from right to left.
    pub(super) backwards: Vec<bool>,
}

/// Longest way from a node that nobody calls; then each moves right as far as what it calls allows.
pub(super) fn layers(picture: &Picture) -> Layers {
    let arrows: Vec<(usize, usize)> = picture.arrows().map(|arrow| (arrow.from, arrow.to)).collect();
    let count = picture.nodes().len();
    let order = visit(picture, &arrows);
    let mut rank = vec![0; count];
    for (place, node) in order.iter().enumerate() {
        rank[*node] = place;
    }
    let backwards: Vec<bool> = arrows.iter().map(|(from, to)| rank[*from] > rank[*to]).collect();
    let mut after = vec![Vec::new(); count];
    let mut before = vec![Vec::new(); count];
    for ((from, to), backwards) in arrows.iter().zip(&backwards).filter(|((from, to), _)| from != to) {
        let (left, right) = if *backwards { (*to, *from) } else { (*from, *to) };
        after[left].push(right);
        before[right].push(left);
    }
    let mut of = vec![0; count];
    for node in &order {
        of[*node] = before[*node].iter().map(|left| of[*left] + 1).max().unwrap_or(0);
    }
    for node in order.iter().rev() {
        let nearest = after[*node].iter().map(|right| of[*right]).min();
        // Only where it shortens more arrows than it lengthens; the outside stays at the edge.
        if let Some(nearest) = nearest
            && after[*node].len() > before[*node].len()
            && picture.nodes()[*node].kind != Kind::Outside
        {
            of[*node] = nearest - 1;
        }
    }
    Layers { of, backwards }
}

/// An order in which every arrow goes forwards but for those that close a circle: depth first, those that nobody
/// calls before all others.
fn visit(picture: &Picture, arrows: &[(usize, usize)]) -> Vec<usize> {
    let count = picture.nodes().len();
    let mut after = vec![Vec::new(); count];
    let mut is_called = vec![false; count];
    for (from, to) in arrows.iter().filter(|(from, to)| from != to) {
        after[*from].push(*to);
        is_called[*to] = true;
    }
    let roots = (0..count).filter(|node| !is_called[*node]);
    let mut seen = vec![false; count];
    let mut finished = Vec::with_capacity(count);
    for root in roots.chain(0..count) {
        // Each with the number of those it calls that were visited already.
        let mut way = if seen[root] { Vec::new() } else { vec![(root, 0)] };
        seen[root] = true;
        while let Some((node, next)) = way.last_mut() {
            if let Some(called) = after[*node].get(*next) {
                *next += 1;
                if !seen[*called] {
                    seen[*called] = true;
                    way.push((*called, 0));
                }
            } else {
                finished.push(*node);
                way.pop();
            }
        }
    }
    finished.reverse();
    finished
}
