//! Where every item stands: no two overlap, and arrows are as straight as that allows.

use super::grid::Grid;

/// Between two nodes that stand below each other, and around everything thinner.
const NODE_GAP: f64 = 14.0;
const THIN_GAP: f64 = 5.0;
/// Between two lanes, with room for a frame on both sides and a title.
const LANE_GAP: f64 = 52.0;
/// Between two ranks, the more the more arrows turn there.
const RANK_GAP: (f64, f64) = (26.0, 90.0);
const ROUNDS: usize = 24;

/// A place of an item: its centre and its sides.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// Left side.
    pub(super) left: f64,
    /// Right side.
    pub(super) right: f64,
    /// Centre from the top.
    pub(super) middle: f64,
    /// Height.
    pub(super) height: f64,
}

/// Places of all items.
pub(super) struct Plan {
    /// By item.
    pub(super) items: Vec<Place>,
    /// Top and bottom of each lane.
    pub(super) lanes: Vec<(f64, f64)>,
}

/// Places every item, starting at the top left corner.
pub(super) fn place(grid: &Grid<'_>, ranks: &[Vec<usize>]) -> Plan {
    let columns = columns(grid, ranks);
    let lanes = lanes(grid, &columns);
    let (left, right) = grid.neighbours();
    let mut middles = vec![0.0; grid.items.len()];
    for column in &columns {
        let (top, bottom) = lanes[column.lane];
        let centred = vec![(top + bottom) / 2.0; column.items.len()];
        settle(column, &centred, (top, bottom), &mut middles);
    }
    for round in 0..ROUNDS {
        // To the right, back, and both at once to even out.
        let near = |item: usize| match round % 3 {
            0 => left[item].clone(),
            1 => right[item].clone(),
            _ => [left[item].as_slice(), right[item].as_slice()].concat(),
        };
        let order: Vec<&Column> =
            if round % 3 == 1 { columns.iter().rev().collect() } else { columns.iter().collect() };
        for column in order {
            let wanted: Vec<f64> =
                column.items.iter().map(|item| mean(&near(*item), &middles, middles[*item])).collect();
            settle(column, &wanted, lanes[column.lane], &mut middles);
        }
    }
    let sides = sides(grid, ranks);
    let place = |(item, middle): (usize, &f64)| {
        let (left, right) = sides[grid.items[item].rank];
        Place { left, right, middle: middle.round(), height: grid.items[item].height }
    };
    Plan { items: middles.iter().enumerate().map(place).collect(), lanes }
}

/// The items of one rank and one lane, with the distances of their centres from the first one's top.
struct Column {
    lane: usize,
    items: Vec<usize>,
    offsets: Vec<f64>,
    weights: Vec<f64>,
    height: f64,
}

fn columns(grid: &Grid<'_>, ranks: &[Vec<usize>]) -> Vec<Column> {
    let chunks = ranks
        .iter()
        .flat_map(|rank| rank.chunk_by(|one, other| grid.items[*one].lane == grid.items[*other].lane));
    chunks.map(|items| column(grid, items)).collect()
}

fn column(grid: &Grid<'_>, items: &[usize]) -> Column {
    let is_node = |item: usize| grid.items[item].is_node();
    let mut offsets: Vec<f64> = Vec::with_capacity(items.len());
    let mut bottom = 0.0;
    for (number, item) in items.iter().enumerate() {
        let gap = match number.checked_sub(1).map(|above| items[above]) {
            None => 0.0,
            Some(above) if is_node(above) && is_node(*item) => NODE_GAP,
            Some(_) => THIN_GAP,
        };
        let height = grid.items[*item].height;
        offsets.push(bottom + gap + height / 2.0);
        bottom += gap + height;
    }
    // A bend is moved rather than a node: straight arrows matter more where they are long.
    let weights = items.iter().map(|item| if is_node(*item) { 1.0 } else { 4.0 }).collect();
    Column { lane: grid.items[items[0]].lane, items: items.to_vec(), offsets, weights, height: bottom }
}

/// Each lane as high as its highest column, one below the other.
fn lanes(grid: &Grid<'_>, columns: &[Column]) -> Vec<(f64, f64)> {
    let mut heights = vec![0.0_f64; grid.lanes.len()];
    for column in columns {
        heights[column.lane] = heights[column.lane].max(column.height);
    }
    let mut top = 0.0;
    let range = |height: f64| {
        let range = (top, top + height);
        top += height + LANE_GAP;
        range
    };
    heights.into_iter().map(range).collect()
}

fn mean(near: &[usize], middles: &[f64], otherwise: f64) -> f64 {
    if near.is_empty() {
        return otherwise;
    }
    near.iter().map(|item| middles[*item]).sum::<f64>() / near.len() as f64
}

/// Puts the items of a column as near as possible (least squares) to where they want to be, in their order, apart
/// and within their lane: isotonic regression by pooling adjacent violators, then cut to the bounds.
fn settle(column: &Column, wanted: &[f64], (top, bottom): (f64, f64), middles: &mut [f64]) {
    // Mean, weight and number of items of each pool.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (number, wanted) in wanted.iter().enumerate() {
        let mut pool = (wanted - column.offsets[number], column.weights[number], 1);
        while let Some((mean, weight, count)) = pools.pop_if(|(mean, ..)| *mean >= pool.0) {
            let both = weight + pool.1;
            pool = ((mean * weight + pool.0 * pool.1) / both, both, count + pool.2);
        }
        pools.push(pool);
    }
    let last = (bottom - column.height).max(top);
    let starts = pools.into_iter().flat_map(|(mean, _, count)| vec![mean.clamp(top, last); count]);
    for (number, start) in starts.enumerate() {
        middles[column.items[number]] = start + column.offsets[number];
    }
}

/// Left and right side of each rank: as wide as the widest item, nodes and labels alike.
fn sides(grid: &Grid<'_>, ranks: &[Vec<usize>]) -> Vec<(f64, f64)> {
    let mut left = 0.0;
    let (_, right) = grid.neighbours();
    let side = |rank: &Vec<usize>| {
        let width = rank.iter().map(|item| grid.items[*item].width).fold(0.0, f64::max).ceil();
        let turning = rank.iter().map(|item| right[*item].len()).sum::<usize>() as f64;
        let sides = (left, left + width);
        left += width + (RANK_GAP.0 + turning * 1.2).min(RANK_GAP.1).round();
        sides
    };
    ranks.iter().map(side).collect()
}
