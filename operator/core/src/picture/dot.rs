//! Graphviz DOT. <https://graphviz.org/doc/info/lang.html>

use super::{Arrow, Kind, Link, Mark, Node, Picture};
use crate::violation::Severity;

/// The picture as a digraph.
pub fn render(picture: &Picture) -> String {
    // Without newrank Graphviz fails on circles that lead through several clusters ("trouble in init_rank").
    let mut text = format!(
        "digraph {} {{\n  rankdir=LR\n  newrank=true\n  fontname=\"Helvetica\"\n  node [shape=box, style=rounded, fontname=\"Helvetica\"]\n  \
         edge [fontname=\"Helvetica\", fontsize=10]\n",
        quoted(picture.title())
    );
    for mark in picture.marks() {
        text.push_str(&format!("  // {}\n", mark.to_string().replace(char::is_control, " ")));
    }
    for (domain, places) in picture.domains() {
        let indent = if domain.is_some() { "    " } else { "  " };
        if let Some(domain) = domain {
            let cluster = quoted(&format!("cluster_{domain}"));
            text.push_str(&format!("  subgraph {cluster} {{\n    label={}\n", quoted(domain)));
            text.push_str("    style=\"rounded,dashed\"\n    color=gray50\n");
        }
        for place in places {
            text.push_str(&format!("{indent}{}\n", node(&picture.nodes()[place])));
        }
        if domain.is_some() {
            text.push_str("  }\n");
        }
    }
    for arrow in picture.arrows() {
        text.push_str(&format!("  {}\n", edge(picture, arrow)));
    }
    text.push_str("}\n");
    text
}

fn node(node: &Node) -> String {
    let shape = match node.kind {
        Kind::Service => "shape=box, style=rounded",
        Kind::Worker => "shape=component",
        Kind::Backing => "shape=cylinder",
        Kind::External => "shape=box, style=dashed",
        Kind::Event => "shape=hexagon",
        Kind::Outside => "shape=oval",
        Kind::Domain => "shape=tab",
    };
    let label = match &node.detail {
        Some(detail) => quoted(&format!("{}\n{detail}", node.name)),
        None => quoted(&node.name),
    };
    format!("{} [label={label}, {shape}{}]", identifier(node), problem(node.severity(), &node.marks))
}

fn edge(picture: &Picture, arrow: Arrow<'_>) -> String {
    let style = match (arrow.edge.link, arrow.edge.optional) {
        (_, true) => "style=dotted",
        (Link::Call | Link::Entry | Link::Admitted, false) => "style=solid",
        (Link::Data, false) => "style=solid, arrowhead=empty",
        (Link::Publish | Link::Consume, false) => "style=solid, arrowhead=vee",
    };
    let label = arrow.edge.label.as_ref().map(|label| format!(", label={}", quoted(label)));
    format!(
        "{} -> {} [{style}{}{}]",
        identifier(&picture.nodes()[arrow.from]),
        identifier(&picture.nodes()[arrow.to]),
        label.unwrap_or_default(),
        problem(arrow.edge.severity(), &arrow.edge.marks)
    )
}

/// Colour, and what a mouse shows in the SVG that Graphviz makes of it.
fn problem(severity: Option<Severity>, marks: &[Mark]) -> String {
    let colour = match severity {
        Some(Severity::Error) => "red3",
        Some(Severity::Warning) => "darkorange2",
        Some(Severity::Advice) => "dodgerblue3",
        None => return String::new(),
    };
    let texts: Vec<String> = marks.iter().map(ToString::to_string).collect();
    format!(", color={colour}, fontcolor={colour}, penwidth=2, tooltip={}", quoted(&texts.join("\n")))
}

/// The kind is part of it: an event may be called like a service.
fn identifier(node: &Node) -> String {
    quoted(&format!("{}:{}", node.kind.word(), node.name))
}

/// A quoted string in which nothing means anything: backslashes start escapes, and Graphviz reads HTML entities.
fn quoted(text: &str) -> String {
    let mut escaped = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '&' => escaped.push_str("&amp;"),
            '\n' => escaped.push_str("\\n"),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped.push('"');
    escaped
}
