//! Text for terminals: each thing with what it calls and who calls it.

use std::collections::BTreeMap;

use super::{Arrow, Kind, Link, Node, Picture, circles};

/// Columns that a line may have; a longer one goes on below.
const WIDTH: usize = 100;
/// Columns of the verbs: the longest, `published by`, and a space.
const VERB: usize = 13;

/// The picture as a list, domain by domain, circles of calls marked.
pub fn render(picture: &Picture) -> String {
    let circles = circles(picture);
    let mut text = format!("{}: {}\n", picture.title(), counts(picture));
    text.extend(picture.marks().iter().map(|mark| format!("! {mark}\n")));
    let domains = picture.domains();
    let several = domains.len() > 1;
    let (without, within): (Vec<_>, Vec<_>) = domains.into_iter().partition(|(domain, _)| domain.is_none());
    for (domain, places) in within.into_iter().chain(without) {
        match domain {
            Some(domain) => text.push_str(&format!("\ndomain {domain}\n")),
            None if several => text.push_str("\nin no domain\n"),
            None => text.push('\n'),
        }
        for place in places {
            text.push_str(&entry(picture, place, &circles));
        }
    }
    for circle in &circles {
        text.push_str(&format!("\n{}", told(picture, circle)));
    }
    text
}

/// `12 services, 3 backing services, 2 problems`
fn counts(picture: &Picture) -> String {
    let of = |kind| picture.nodes().iter().filter(|node| node.kind == kind).count();
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Outside);
    let mut parts: Vec<(usize, &str)> = kinds.map(|kind| (of(kind), kind.title())).collect();
    let on_nodes: usize = picture.nodes().iter().map(|node| node.marks.len()).sum();
    let on_edges: usize = picture.arrows().map(|arrow| arrow.edge.marks.len()).sum();
    parts.push((picture.marks().len() + on_nodes + on_edges, "problem"));
    let counted = |(count, what): (usize, &str)| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        count => Some(format!("{count} {what}s")),
    };
    let counted: Vec<String> = parts.into_iter().filter_map(counted).collect();
    if counted.is_empty() { "nothing".to_owned() } else { counted.join(", ") }
}

fn entry(picture: &Picture, place: usize, circles: &[Vec<usize>]) -> String {
    let node = &picture.nodes()[place];
    let mut text = format!("  {}\n", heading(node));
    let mut lines: BTreeMap<(bool, Link), Vec<String>> = BTreeMap::new();
    for arrow in picture.arrows() {
        let link = arrow.edge.link;
        if arrow.from == place {
            lines.entry((false, link)).or_default().push(far_end(picture, arrow, arrow.to, circles));
        }
        if arrow.to == place {
            lines.entry((true, link)).or_default().push(far_end(picture, arrow, arrow.from, circles));
        }
    }
    for ((inwards, link), mut ends) in lines {
        ends.sort();
        text.push_str(&objects(verb(link, inwards), &ends));
    }
    for mark in &node.marks {
        text.push_str(&format!("    ! {mark}\n"));
    }
    for arrow in picture.arrows().filter(|arrow| arrow.from == place) {
        let to = &picture.nodes()[arrow.to].name;
        let marks = arrow.edge.marks.iter();
        text.extend(marks.map(|mark| format!("    ! → {to}: {mark}\n")));
    }
    text
}

/// `orders-db (backing service, PostgreSQL)`; that a service is one goes without saying.
fn heading(node: &Node) -> String {
    let kind =
        (!matches!(node.kind, Kind::Service | Kind::Outside | Kind::Domain)).then(|| node.kind.title());
    let words: Vec<&str> = kind.into_iter().chain(node.detail.as_deref()).collect();
    if words.is_empty() { node.name.clone() } else { format!("{} ({})", node.name, words.join(", ")) }
}

/// `payment 9090`, with what is special about the edge behind it.
fn far_end(picture: &Picture, arrow: Arrow<'_>, far: usize, circles: &[Vec<usize>]) -> String {
    let mut text = picture.nodes()[far].name.clone();
    if let Some(label) = &arrow.edge.label {
        // What has commas of its own must not look like several things.
        text.push_str(&if label.contains(',') { format!(" ({label})") } else { format!(" {label}") });
    }
    if arrow.edge.optional {
        text.push_str(" (optional)");
    }
    let both = |circle: &Vec<usize>| circle.contains(&arrow.from) && circle.contains(&arrow.to);
    if arrow.edge.link == Link::Call && circles.iter().any(both) {
        text.push_str(" ↻");
    }
    if !arrow.edge.marks.is_empty() {
        text.push_str(" !");
    }
    text
}

fn verb(link: Link, inwards: bool) -> &'static str {
    match (link, inwards) {
        (Link::Entry, false) => "enters",
        (Link::Entry, true) => "entered by",
        (Link::Call, false) => "calls",
        (Link::Call, true) => "called by",
        (Link::Data, false) => "uses",
        (Link::Data, true) => "used by",
        (Link::Publish, false) => "publishes",
        (Link::Publish, true) => "published by",
        (Link::Consume, false) => "consumed by",
        (Link::Consume, true) => "consumes",
        (Link::Admitted, false) => "may reach",
        (Link::Admitted, true) => "reached by",
    }
}

/// One verb with all its objects.
fn objects(verb: &str, objects: &[String]) -> String {
    wrapped(&format!("    {verb:<VERB$}"), objects)
}

/// A list behind its beginning, on as many lines as it needs.
fn wrapped(beginning: &str, objects: &[String]) -> String {
    let indent = beginning.chars().count();
    let mut text = String::new();
    let mut line = beginning.to_owned();
    let mut columns = indent;
    for (number, object) in objects.iter().enumerate() {
        let comma = if number + 1 < objects.len() { "," } else { "" };
        let wide = object.chars().count() + comma.len();
        if columns > indent && columns + 1 + wide > WIDTH {
            text.push_str(&format!("{line}\n"));
            line = " ".repeat(indent);
            columns = indent;
        } else if columns > indent {
            line.push(' ');
            columns += 1;
        }
        line.push_str(&format!("{object}{comma}"));
        columns += wide;
    }
    format!("{text}{line}\n")
}

fn told(picture: &Picture, circle: &[usize]) -> String {
    let names: Vec<String> = circle.iter().map(|place| picture.nodes()[*place].name.clone()).collect();
    let beginning = if names.len() == 1 { "↻ calls itself: " } else { "↻ call each other in a circle: " };
    wrapped(beginning, &names)
}
