//! Everything that takes up room: nodes, labels of arrows and the bends of long arrows, each in a rank and a lane.
//!
//! Even ranks hold nodes, odd ranks hold labels. A lane is a domain; no two lanes share any height, so that the
//! frames of domains never overlap.

use std::collections::BTreeMap;

use super::super::{Kind, Node, Picture};
use super::layers::layers;
use super::letters::{DETAIL, LABEL, NAME, shortened, width};

/// Height of a node of one line; each further one adds `LINE`.
const NODE_HEIGHT: f64 = 30.0;
const LINE: f64 = 14.0;
/// Room that each arrow needs at the side of a node.
const ARROW_ROOM: f64 = 7.0;
const LABEL_HEIGHT: f64 = 15.0;
const BEND_HEIGHT: f64 = 4.0;

/// Size of the letters of names and of everything else.
pub(super) const NAME_SIZE: f64 = 13.0;
pub(super) const SMALL_SIZE: f64 = 11.0;

/// A thing that takes up room.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Column, nodes in the even ones.
    pub(super) rank: usize,
    /// Row of columns: the domain.
    pub(super) lane: usize,
    /// Pixels.
    pub(super) width: f64,
    /// Pixels.
    pub(super) height: f64,
}

impl Item {
    /// Whether it is a node rather than a label or a bend.
    pub(super) fn is_node(&self) -> bool {
        self.rank.is_multiple_of(2) && self.width > 0.0
    }
}

/// The way of an arrow through the ranks.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// Items from the left to the right, its ends included.
    pub(super) items: Vec<usize>,
    /// Whether the arrow goes from right to left.
    pub(super) backwards: bool,
    /// The item that holds its label.
    pub(super) label: Option<usize>,
}

/// All items and ways.
pub(super) struct Grid<'a> {
    /// The nodes first, in their order.
    pub(super) items: Vec<Item>,
    /// One for each arrow; none for an arrow from a node to itself.
    pub(super) ways: Vec<Option<Way>>,
    /// The domains by lane.
    pub(super) lanes: Vec<Option<&'a str>>,
    /// Number of ranks.
    pub(super) ranks: usize,
}

impl Grid<'_> {
    /// Neighbours of each item on the left and on the right.
    pub(super) fn neighbours(&self) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        let mut left = vec![Vec::new(); self.items.len()];
        let mut right = vec![Vec::new(); self.items.len()];
        for pair in self.ways.iter().flatten().flat_map(|way| way.items.windows(2)) {
            right[pair[0]].push(pair[1]);
            left[pair[1]].push(pair[0]);
        }
        (left, right)
    }
}

/// Lays out ranks and lanes; nothing has a position yet.
pub(super) fn grid(picture: &Picture) -> Grid<'_> {
    let layers = layers(picture);
    let (lanes, lane_of) = lanes(picture);
    let mut items: Vec<Item> = picture
        .nodes()
        .iter()
        .zip(layers.of.iter().zip(&lane_of))
        .map(|(node, (layer, lane))| Item {
            rank: layer * 2,
            lane: *lane,
            width: node_width(node),
            height: NODE_HEIGHT + if node.detail.is_some() { LINE } else { 0.0 },
        })
        .collect();
    let mut ways = Vec::new();
    for (arrow, backwards) in picture.arrows().zip(layers.backwards) {
        let ends = if backwards { (arrow.to, arrow.from) } else { (arrow.from, arrow.to) };
        let label = arrow
            .edge
            .label
            .as_deref()
            .map_or(0.0, |label| width(&shortened(label, LABEL), SMALL_SIZE) + 8.0);
        ways.push((ends.0 != ends.1).then(|| way(&mut items, ends, backwards, label)));
    }
    let ranks = items.iter().map(|item| item.rank + 1).max().unwrap_or(0);
    let mut grid = Grid { items, ways, lanes, ranks };
    make_room_for_arrows(&mut grid, picture.nodes().len());
    grid
}

/// Bends in every rank between the ends. The label stands beside the one who starts the arrow.
fn way(items: &mut Vec<Item>, (left, right): (usize, usize), backwards: bool, label: f64) -> Way {
    let between = items[left].rank + 1..items[right].rank;
    let labelled = if backwards { between.end - 1 } else { between.start };
    let mut way = Way { items: vec![left], backwards, label: None };
    for rank in between.clone() {
        let is_label = rank == labelled && label > 0.0;
        let lane = if rank == between.start { items[left].lane } else { items[right].lane };
        let (width, height) = if is_label { (label, LABEL_HEIGHT) } else { (0.0, BEND_HEIGHT) };
        way.label = if is_label { Some(items.len()) } else { way.label };
        way.items.push(items.len());
        items.push(Item { rank, lane, width, height });
    }
    way.items.push(right);
    way
}

/// A node that many call is tall, so that their arrows stay apart.
fn make_room_for_arrows(grid: &mut Grid<'_>, nodes: usize) {
    let (left, right) = grid.neighbours();
    for node in 0..nodes {
        let arrows = left[node].len().max(right[node].len()) as f64;
        grid.items[node].height = grid.items[node].height.max(arrows * ARROW_ROOM + 10.0);
    }
}

fn node_width(node: &Node) -> f64 {
    let name = width(&shortened(&node.name, NAME), NAME_SIZE);
    let detail = node.detail.as_deref().map_or(0.0, |detail| width(&shortened(detail, DETAIL), SMALL_SIZE));
    let sides = if node.kind == Kind::Event { 40.0 } else { 28.0 };
    (name.max(detail) + sides).max(72.0)
}

/// The domains in such an order that those with many arrows between them are near each other.
fn lanes(picture: &Picture) -> (Vec<Option<&str>>, Vec<usize>) {
    let domains = picture.domains();
    let mut lane_of = vec![0; picture.nodes().len()];
    for (lane, places) in domains.values().enumerate() {
        for place in places {
            lane_of[*place] = lane;
        }
    }
    let mut between: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for arrow in picture.arrows() {
        *between.entry((lane_of[arrow.from], lane_of[arrow.to])).or_default() += 1;
    }
    let order = nearest_together(domains.len(), &between);
    let place = |lane: usize| order.iter().position(|other| *other == lane).unwrap_or_default();
    let names: Vec<Option<&str>> = domains.into_keys().collect();
    let lane_of = lane_of.into_iter().map(place).collect();
    (order.iter().map(|lane| names[*lane]).collect(), lane_of)
}

/// Swaps neighbours as long as that shortens arrows.
fn nearest_together(count: usize, between: &BTreeMap<(usize, usize), usize>) -> Vec<usize> {
    let length = |order: &[usize]| -> usize {
        let place = |lane| order.iter().position(|other| *other == lane).unwrap_or_default();
        between.iter().map(|((from, to), arrows)| place(*from).abs_diff(place(*to)) * arrows).sum()
    };
    let mut order: Vec<usize> = (0..count).collect();
    let mut best = length(&order);
    loop {
        let before = best;
        for place in 1..count {
            order.swap(place - 1, place);
            let swapped = length(&order);
            if swapped < best {
                best = swapped;
            } else {
                order.swap(place - 1, place);
            }
        }
        if best == before {
            return order;
        }
    }
}
