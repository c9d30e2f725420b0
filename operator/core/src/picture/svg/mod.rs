//! SVG that needs nothing else: layers from left to right, domains framed, light or dark as the reader has it.
//!
//! The layout is the classical one in layers (Sugiyama, Tagawa, Toda: Methods for Visual Understanding of
//! Hierarchical System Structures): circles are opened, nodes get layers, long arrows get bends, crossings are
//! removed by sorting, and what is left is a matter of straightening.

mod grid;
mod layers;
mod letters;
mod order;
mod place;
mod shape;
mod style;

use std::cmp::Reverse;

use super::{Arrow, Kind, Link, Picture};
use crate::violation::Severity;
use grid::{Grid, SMALL_SIZE, Way, grid};
use letters::{LABEL, shortened, width};
use place::{Place, Plan, place};

/// Room around everything, and above for the title.
const MARGIN: f64 = 28.0;
const TITLE: f64 = 34.0;
/// Room between the frame of a domain and what is in it, and above for its name.
const FRAME: f64 = 13.0;
const FRAME_NAME: f64 = 20.0;
const LEGEND: f64 = 40.0;

/// The picture as one SVG document.
pub fn render(picture: &Picture) -> String {
    let grid = grid(picture);
    let plan = place(&grid, &order::order(&grid));
    let (wide, high) = extent(&plan);
    let legend = legend(picture);
    let wide = (wide + 2.0 * MARGIN).max(legend.1 + 2.0 * MARGIN).max(320.0).ceil();
    let above = MARGIN + TITLE + if grid.lanes.iter().any(Option::is_some) { FRAME_NAME } else { 0.0 };
    let legend_top = high + above + MARGIN;
    let height = (legend_top + LEGEND).ceil();
    let title = escaped(picture.title());
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {height}\" width=\"{wide}\" \
         height=\"{height}\" role=\"img\">\n<title>{title}</title>\n{}{}\
         <rect class=\"page\" width=\"{wide}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{title}</text>\n",
        description(picture),
        style::head(),
        MARGIN + 6.0
    );
    text.push_str(&format!("<g transform=\"translate({MARGIN} {above})\">\n"));
    text.push_str(&frames(&grid, &plan));
    text.push_str(&arrows(picture, &grid, &plan));
    for (node, place) in picture.nodes().iter().zip(&plan.items) {
        text.push_str(&shape::node(node, place));
    }
    text.push_str(&format!(
        "</g>\n<g transform=\"translate({MARGIN} {legend_top})\">\n{}</g>\n</svg>\n",
        legend.0
    ));
    text
}

/// What is wrong with the whole, for those who read the file and for programs that read it aloud.
fn description(picture: &Picture) -> String {
    let marks: Vec<String> = picture.marks().iter().map(|mark| escaped(&mark.to_string())).collect();
    if marks.is_empty() { String::new() } else { format!("<desc>{}</desc>\n", marks.join("\n")) }
}

fn extent(plan: &Plan) -> (f64, f64) {
    let wide = plan.items.iter().map(|place| place.right).fold(0.0, f64::max);
    let high = plan.lanes.iter().map(|(_, bottom)| *bottom).fold(0.0, f64::max);
    (wide, high)
}

/// A frame around each domain, only as wide as what is in it.
fn frames(grid: &Grid<'_>, plan: &Plan) -> String {
    let mut text = String::new();
    for (lane, (name, (top, bottom))) in grid.lanes.iter().zip(&plan.lanes).enumerate() {
        let Some(name) = name else { continue };
        let inside = grid.items.iter().zip(&plan.items).filter(|(item, _)| item.lane == lane);
        let nodes = inside.filter(|(item, _)| item.is_node());
        let sides = nodes.map(|(_, place)| (place.left, place.right));
        let (left, right) = sides.fold((f64::MAX, 0.0_f64), |all, one| (all.0.min(one.0), all.1.max(one.1)));
        let right = right.max(left + width(name, 12.0));
        text.push_str(&format!(
            "<rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"10\"/>\n\
             <text class=\"frame-name\" x=\"{}\" y=\"{}\">{}</text>\n",
            round(left - FRAME),
            round(top - FRAME - FRAME_NAME + 4.0),
            round(right - left + 2.0 * FRAME),
            round(bottom - top + 2.0 * FRAME + FRAME_NAME - 4.0),
            round(left - FRAME + 10.0),
            round(top - FRAME),
            escaped(name)
        ));
    }
    text
}

/// Those with problems last, on top of the others.
fn arrows(picture: &Picture, grid: &Grid<'_>, plan: &Plan) -> String {
    let ports = Ports::of(grid, plan);
    let mut drawn: Vec<(Option<Severity>, String)> = Vec::new();
    for (number, (arrow, way)) in picture.arrows().zip(&grid.ways).enumerate() {
        let path = match way {
            Some(way) => path(way, plan, ports.ends[number]),
            None => shape::circle(&plan.items[arrow.from]),
        };
        let label = way.as_ref().and_then(|way| way.label).map(|label| plan.items[label]);
        drawn.push((arrow.edge.severity(), self::arrow(picture, arrow, &path, label)));
    }
    drawn.sort_by_key(|(severity, _)| (severity.is_some(), Reverse(*severity)));
    drawn.into_iter().map(|(_, text)| text).collect()
}

fn arrow(picture: &Picture, arrow: Arrow<'_>, path: &str, label: Option<Place>) -> String {
    let edge = arrow.edge;
    let name = |node: usize| escaped(&picture.nodes()[node].name);
    let mut told = vec![format!("{} → {}: {}", name(arrow.from), name(arrow.to), edge.link.title())];
    told.extend(edge.label.as_deref().map(escaped));
    told.extend(edge.optional.then(|| "optional".to_owned()));
    told.extend(edge.marks.iter().map(shape::told));
    let class = style::class(edge.link, edge.optional, edge.severity());
    let mut text = format!(
        "<g class=\"arrow {class}\"><title>{}</title><path d=\"{path}\" marker-end=\"url(#{})\"/>",
        told.join("\n"),
        style::marker(edge.link, edge.severity())
    );
    if let (Some(place), Some(words)) = (label, &edge.label) {
        let words = &shortened(words, LABEL);
        let wide = width(words, SMALL_SIZE) + 6.0;
        let middle = round((place.left + place.right) / 2.0);
        text.push_str(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"15\" rx=\"4\"/><text x=\"{middle}\" y=\"{}\">{}</text>",
            round(middle - wide / 2.0),
            round(place.middle - 7.5),
            round(wide),
            round(place.middle + 4.0),
            escaped(words)
        ));
    }
    text.push_str("</g>\n");
    text
}

/// From side to side, level inside a rank and turning between two.
fn path(way: &Way, plan: &Plan, (start, end): (f64, f64)) -> String {
    let places = way.items.iter().map(|item| plan.items[*item]);
    let mut points: Vec<(f64, f64)> =
        places.flat_map(|place| [(place.left, place.middle), (place.right, place.middle)]).collect();
    // The ends are inside of the nodes.
    points.remove(0);
    points.pop();
    if let [first, .., last] = points.as_mut_slice() {
        first.1 += start;
        last.1 += end;
    }
    if way.backwards {
        points.reverse();
    }
    let mut path = format!("M{} {}", round(points[0].0), round(points[0].1));
    for pair in points.windows(2) {
        let ((from_x, from_y), (to_x, to_y)) = (pair[0], pair[1]);
        let middle = round((from_x + to_x) / 2.0);
        if (from_y - to_y).abs() < 0.5 {
            path.push_str(&format!(" H{}", round(to_x)));
        } else {
            path.push_str(&format!(
                " C{middle} {} {middle} {} {} {}",
                round(from_y),
                round(to_y),
                round(to_x),
                round(to_y)
            ));
        }
    }
    path
}

/// Where at the sides of nodes arrows start and end, as distances from the middle: in the order of where they go.
struct Ports {
    /// By arrow: at the left and at the right end of its way.
    ends: Vec<(f64, f64)>,
}

impl Ports {
    fn of(grid: &Grid<'_>, plan: &Plan) -> Self {
        let mut ends = vec![(0.0, 0.0); grid.ways.len()];
        let mut right_sides = vec![Vec::new(); grid.items.len()];
        let mut left_sides = vec![Vec::new(); grid.items.len()];
        for (number, way) in grid.ways.iter().enumerate() {
            if let Some([first, second, .., before, last]) = way.as_ref().map(|way| way.items.as_slice()) {
                right_sides[*first].push((plan.items[*second].middle, number));
                left_sides[*last].push((plan.items[*before].middle, number));
            } else if let Some([first, second, last]) = way.as_ref().map(|way| way.items.as_slice()) {
                right_sides[*first].push((plan.items[*second].middle, number));
                left_sides[*last].push((plan.items[*second].middle, number));
            }
        }
        for (node, side) in right_sides.into_iter().enumerate() {
            spread(side, plan.items[node].height).for_each(|(number, offset)| ends[number].0 = offset);
        }
        for (node, side) in left_sides.into_iter().enumerate() {
            spread(side, plan.items[node].height).for_each(|(number, offset)| ends[number].1 = offset);
        }
        Self { ends }
    }
}

/// Arrows of one side of a node, evenly apart.
fn spread(mut arrows: Vec<(f64, usize)>, height: f64) -> impl Iterator<Item = (usize, f64)> {
    arrows.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let gaps = arrows.len().saturating_sub(1).max(1) as f64;
    let step = ((height - 10.0) / gaps).min(10.0);
    let first = -step * (arrows.len().saturating_sub(1)) as f64 / 2.0;
    arrows.into_iter().enumerate().map(move |(place, (_, number))| (number, first + step * place as f64))
}

/// The kinds and links that the picture has, in one line, with its width.
fn legend(picture: &Picture) -> (String, f64) {
    let mut text = String::new();
    let mut left = 0.0;
    for kind in Kind::ALL {
        if picture.nodes().iter().any(|node| node.kind == kind) {
            text.push_str(&shape::legend_node(kind, left));
            left += 30.0 + width(kind.title(), SMALL_SIZE) + 18.0;
        }
    }
    let mut line = |class: &str, marker: &str, words: &str| {
        text.push_str(&format!(
            "<g class=\"arrow {class}\"><path d=\"M{} 8 h30\" marker-end=\"url(#{marker})\"/></g>\
             <text class=\"legend\" x=\"{}\" y=\"12\">{words}</text>\n",
            round(left),
            round(left + 38.0)
        ));
        left += 38.0 + width(words, SMALL_SIZE) + 18.0;
    };
    for link in Link::ALL {
        if picture.arrows().any(|arrow| arrow.edge.link == link) {
            line(&style::class(link, false, None), style::marker(link, None), link.title());
        }
    }
    if picture.arrows().any(|arrow| arrow.edge.optional) {
        line(&style::class(Link::Call, true, None), style::marker(Link::Call, None), "optional");
    }
    for severity in [Severity::Advice, Severity::Warning, Severity::Error] {
        if picture.arrows().any(|arrow| arrow.edge.severity() == Some(severity)) {
            let class = style::class(Link::Call, false, Some(severity));
            line(&class, style::marker(Link::Call, Some(severity)), severity.as_str());
        }
    }
    (text, left)
}

/// Whole or half pixels: as short as numbers can be.
fn round(number: f64) -> f64 {
    // Adding zero turns -0 into 0.
    (number * 2.0).round() / 2.0 + 0.0
}

/// Text in which nothing is markup; letters that XML does not allow are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
