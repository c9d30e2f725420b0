//! Mermaid, as GitHub and GitLab draw it. <https://mermaid.js.org/syntax/flowchart.html>

use std::collections::BTreeSet;

use super::{Arrow, Kind, Link, Mark, Node, Picture};
use crate::violation::Severity;

/// Colours that stand out on light and on dark pages: the text is always dark, the box always light.
const CLASSES: [(&str, &str); 10] = [
    ("outside", "fill:#f1f5f9,stroke:#64748b,color:#0f172a"),
    ("domain", "fill:#eef2ff,stroke:#4f46e5,color:#0f172a"),
    ("service", "fill:#dbeafe,stroke:#2563eb,color:#0f172a"),
    ("worker", "fill:#e0e7ff,stroke:#6366f1,color:#0f172a"),
    ("event", "fill:#f3e8ff,stroke:#9333ea,color:#0f172a"),
    ("backing", "fill:#dcfce7,stroke:#16a34a,color:#0f172a"),
    ("external", "fill:#f5f5f4,stroke:#78716c,color:#0f172a,stroke-dasharray:4 3"),
    ("advice", "stroke:#0284c7,stroke-width:3px"),
    ("warning", "stroke:#d97706,stroke-width:3px"),
    ("error", "stroke:#dc2626,stroke-width:3px"),
];

/// Frames let the page through, whatever its colour.
const FRAME: &str = "fill:transparent,stroke:#94a3b8,stroke-dasharray:4 4";

/// The picture as a flowchart from left to right, with a legend of the kinds that it shows.
pub fn render(picture: &Picture) -> String {
    let identifiers = identifiers(picture);
    let mut text = String::from("flowchart LR\n");
    text.extend(picture.marks().iter().map(|mark| format!("  %% {}\n", told(mark))));
    for (number, (domain, places)) in picture.domains().into_iter().enumerate() {
        let indent = if domain.is_some() { "    " } else { "  " };
        if let Some(domain) = domain {
            text.push_str(&format!("  subgraph domain{number}[\"{}\"]\n", escaped(domain)));
        }
        for place in places {
            text.push_str(&format!("{indent}{}\n", node(&picture.nodes()[place], &identifiers[place])));
        }
        if domain.is_some() {
            text.push_str(&format!("  end\n  style domain{number} {FRAME}\n"));
        }
    }
    for arrow in picture.arrows() {
        text.push_str(&format!("  {}\n", edge(arrow, &identifiers)));
    }
    for (node, identifier) in picture.nodes().iter().zip(&identifiers) {
        let severity =
            node.severity().map(|severity| format!("  class {identifier} {}\n", severity.as_str()));
        text.push_str(&severity.unwrap_or_default());
    }
    text.push_str(&problem_edges(picture));
    text.push_str(&legend(picture));
    text.push_str(&classes(picture));
    text
}

/// Words only, for letters that mean something to Mermaid and for the word `end`; told apart by a number where two
/// names differ in nothing else.
fn identifiers(picture: &Picture) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let unique = |node: &Node| {
        let word = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        let name = format!("{}_{}", node.kind.word(), node.name.chars().map(word).collect::<String>());
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        let free = free.unwrap_or(name);
        taken.insert(free.clone());
        free
    };
    picture.nodes().iter().map(unique).collect()
}

fn node(node: &Node, identifier: &str) -> String {
    let mut label = escaped(&node.name);
    if let Some(detail) = &node.detail {
        label.push_str(&format!("<br/><small>{}</small>", escaped(detail)));
    }
    for mark in &node.marks {
        label.push_str(&format!("<br/><small>{}</small>", told(mark)));
    }
    format!("{identifier}{}:::{}", shape(node.kind, &label), node.kind.word())
}

fn shape(kind: Kind, label: &str) -> String {
    let (open, close) = match kind {
        Kind::Service => ("(", ")"),
        Kind::Worker => ("[[", "]]"),
        Kind::Backing => ("[(", ")]"),
        Kind::External => ("[", "]"),
        Kind::Event => ("{{", "}}"),
        Kind::Outside => ("([", "])"),
        Kind::Domain => ("[/", "\\]"),
    };
    format!("{open}\"{label}\"{close}")
}

/// Short: a flowchart has no place for sentences.
fn told(mark: &Mark) -> String {
    format!("{}: {}", mark.severity.as_str(), escaped(&mark.code))
}

fn edge(arrow: Arrow<'_>, identifiers: &[String]) -> String {
    let line = match (arrow.edge.link, arrow.edge.optional) {
        (_, true) => "-.->",
        (Link::Publish | Link::Consume, false) => "==>",
        (Link::Entry | Link::Call | Link::Data | Link::Admitted, false) => "-->",
    };
    let mut words: Vec<String> = arrow.edge.label.iter().map(|label| escaped(label)).collect();
    words.extend(arrow.edge.marks.iter().map(told));
    let label = if words.is_empty() { String::new() } else { format!("|\"{}\"|", words.join("<br/>")) };
    format!("{} {line}{label} {}", identifiers[arrow.from], identifiers[arrow.to])
}

/// Mermaid numbers edges in the order of their lines.
fn problem_edges(picture: &Picture) -> String {
    let style = |(number, arrow): (usize, Arrow<'_>)| {
        let colour = colour(arrow.edge.severity()?);
        Some(format!("  linkStyle {number} stroke:{colour},stroke-width:3px,stroke-dasharray:8 4\n"))
    };
    picture.arrows().enumerate().filter_map(style).collect()
}

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Advice => "#0284c7",
        Severity::Warning => "#d97706",
        Severity::Error => "#dc2626",
    }
}

fn legend(picture: &Picture) -> String {
    let used: BTreeSet<Kind> = picture.nodes().iter().map(|node| node.kind).collect();
    if used.len() < 2 {
        return String::new();
    }
    let mut text = String::from("  subgraph legend[\"Legend\"]\n    direction LR\n");
    for kind in used {
        let identifier = format!("legend_{}", kind.word());
        text.push_str(&format!("    {identifier}{}:::{}\n", shape(kind, kind.title()), kind.word()));
    }
    text.push_str(&format!("  end\n  style legend {FRAME}\n"));
    text
}

/// Only those that are used: what is pasted into a document should be short.
fn classes(picture: &Picture) -> String {
    let mut used: BTreeSet<&str> = picture.nodes().iter().map(|node| node.kind.word()).collect();
    used.extend(picture.nodes().iter().filter_map(|node| node.severity().map(Severity::as_str)));
    let line = |(name, style): &(&str, &str)| format!("  classDef {name} {style}\n");
    CLASSES.iter().filter(|(name, _)| used.contains(name)).map(line).collect()
}

/// Text in which nothing means anything: all but words goes as the number of its letter, which Mermaid turns back.
/// A dot and an underscore stay inside of a word only, where they make neither lists nor emphasis: Mermaid breaks long
/// words anywhere, and what it breaks inside of a number it does not turn back.
fn escaped(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || " /-,()".contains(letter);
    let mut escaped = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '.' | '_' if is_inside(&escaped, letters.peek()) => escaped.push(letter),
            letter if plain(letter) => escaped.push(letter),
            letter if letter.is_control() || letter.is_whitespace() => escaped.push(' '),
            letter => escaped.push_str(&format!("#{};", u32::from(letter))),
        }
    }
    escaped
}

fn is_inside(before: &str, after: Option<&char>) -> bool {
    before.ends_with(char::is_alphanumeric) && after.is_some_and(|after| after.is_alphanumeric())
}
