//! How each kind of node looks.

use super::super::{Kind, Mark, Node};
use super::letters::{DETAIL, NAME, shortened};
use super::place::Place;
use super::{escaped, round};

/// A node with its name, a few words, and a badge where something is wrong.
pub(super) fn node(node: &Node, place: &Place) -> String {
    let severity = node.severity().map_or(String::new(), |severity| format!(" {}", severity.as_str()));
    let mut told = vec![format!("{} ({})", escaped(&node.name), node.kind.title())];
    told.extend(node.detail.as_deref().map(escaped));
    told.extend(node.marks.iter().map(self::told));
    let mut text = format!(
        "<g class=\"node {}{severity}\"><title>{}</title>{}",
        node.kind.word(),
        told.join("\n"),
        outline(node.kind, place)
    );
    let middle = round((place.left + place.right) / 2.0);
    // The lid of a cylinder takes its share.
    let centre = if node.kind == Kind::Backing { place.middle + 3.0 } else { place.middle };
    let name_line = if node.detail.is_some() { centre - 2.0 } else { centre + 4.5 };
    text.push_str(&format!(
        "<text class=\"name\" x=\"{middle}\" y=\"{}\">{}</text>",
        round(name_line),
        escaped(&shortened(&node.name, NAME))
    ));
    if let Some(detail) = &node.detail {
        let line = round(centre + 12.0);
        text.push_str(&format!(
            "<text class=\"detail\" x=\"{middle}\" y=\"{line}\">{}</text>",
            escaped(&shortened(detail, DETAIL))
        ));
    }
    if node.severity().is_some() {
        let (right, top) = (round(place.right - 2.0), round(place.middle - place.height / 2.0 + 2.0));
        text.push_str(&format!(
            "<circle class=\"badge\" cx=\"{right}\" cy=\"{top}\" r=\"7\"/>\
             <text class=\"badge\" x=\"{right}\" y=\"{}\">!</text>",
            round(top + 4.0)
        ));
    }
    text.push_str("</g>\n");
    text
}

/// What a mouse shows of a problem.
pub(super) fn told(mark: &Mark) -> String {
    escaped(&mark.to_string())
}

/// An arrow from a node to itself: a loop at its top.
pub(super) fn circle(place: &Place) -> String {
    let (left, right) = (round(place.right - 26.0), round(place.right - 12.0));
    let top = round(place.middle - place.height / 2.0);
    format!("M{left} {top} C{left} {} {right} {} {right} {top}", top - 16.0, top - 16.0)
}

/// A small node with its meaning.
pub(super) fn legend_node(kind: Kind, left: f64) -> String {
    let place = Place { left, right: left + 24.0, middle: 8.0, height: 14.0 };
    format!(
        "<g class=\"node {}\">{}</g><text class=\"legend\" x=\"{}\" y=\"12\">{}</text>\n",
        kind.word(),
        outline(kind, &place),
        round(left + 30.0),
        kind.title()
    )
}

fn outline(kind: Kind, place: &Place) -> String {
    let (left, right) = (round(place.left), round(place.right));
    let (top, bottom) = (round(place.middle - place.height / 2.0), round(place.middle + place.height / 2.0));
    let (wide, high) = (right - left, bottom - top);
    let rectangle = |corner: f64| {
        format!("<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" rx=\"{corner}\"/>")
    };
    match kind {
        Kind::Service | Kind::Domain => rectangle(6.0),
        Kind::External => rectangle(0.0),
        Kind::Outside => rectangle((high / 2.0).min(16.0)),
        Kind::Worker => format!(
            "{}<path d=\"M{} {top} V{bottom} M{} {top} V{bottom}\"/>",
            rectangle(0.0),
            left + 5.0,
            right - 5.0
        ),
        Kind::Event => {
            let point = (high / 2.0).min(14.0);
            let middle = round((top + bottom) / 2.0);
            format!(
                "<path d=\"M{left} {top} H{} L{right} {middle} L{} {bottom} H{left} Z\"/>",
                right - point,
                right - point
            )
        }
        Kind::Backing => {
            let (round_x, round_y) = (round(wide / 2.0), 4.0);
            format!(
                "<path d=\"M{left} {} A{round_x} {round_y} 0 0 1 {right} {0} V{} A{round_x} {round_y} 0 0 1 {left} {1} Z\"/>\
                 <path class=\"lid\" d=\"M{left} {0} A{round_x} {round_y} 0 0 0 {right} {0}\"/>",
                top + round_y,
                bottom - round_y
            )
        }
    }
}
