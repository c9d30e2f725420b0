//! Colours and lines, for light and for dark readers.

use super::super::Link;
use crate::violation::Severity;

/// Class, light line and fill, dark line and fill.
const NODES: [(&str, [&str; 2], [&str; 2]); 7] = [
    ("outside", ["#64748b", "#f1f5f9"], ["#94a3b8", "#1e293b"]),
    ("domain", ["#4f46e5", "#eef2ff"], ["#818cf8", "#1e1b4b"]),
    ("service", ["#2563eb", "#eff6ff"], ["#60a5fa", "#172554"]),
    ("worker", ["#6366f1", "#eef2ff"], ["#a5b4fc", "#1e1b4b"]),
    ("event", ["#9333ea", "#faf5ff"], ["#c084fc", "#3b0764"]),
    ("backing", ["#16a34a", "#f0fdf4"], ["#4ade80", "#052e16"]),
    ("external", ["#78716c", "#fafaf9"], ["#a8a29e", "#292524"]),
];

/// Class, light and dark colour.
const LINES: [(&str, &str, &str); 9] = [
    ("entry", "#64748b", "#94a3b8"),
    ("call", "#475569", "#cbd5e1"),
    ("data", "#15803d", "#4ade80"),
    ("publish", "#9333ea", "#c084fc"),
    ("consume", "#9333ea", "#c084fc"),
    ("admitted", "#475569", "#cbd5e1"),
    ("advice", "#0284c7", "#38bdf8"),
    ("warning", "#d97706", "#fbbf24"),
    ("error", "#dc2626", "#f87171"),
];

const BASE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;text-anchor:middle;\
font-size:11px}
.title{font-size:16px;font-weight:600;text-anchor:start}
.frame-name{font-size:12px;font-weight:600;text-anchor:start}
.legend{text-anchor:start}
.name{font-size:13px;font-weight:500}
.frame{stroke-dasharray:4 4}
.node>rect,.node>path{stroke-width:1.4}
.node .lid,.worker>path{fill:none}
.external>rect{stroke-dasharray:5 3}
.node.error>rect,.node.error>path,.node.warning>rect,.node.warning>path{stroke-width:2.4}
circle.badge{stroke:none}
text.badge{font-weight:700;fill:#fff}
.arrow path{fill:none;stroke-width:1.4}
.arrow.optional path{stroke-dasharray:2 4}
.arrow.publish path,.arrow.consume path{stroke-width:2}
.arrow.advice path,.arrow.warning path,.arrow.error path{stroke-width:2.4;stroke-dasharray:8 4}
.arrow:hover path{stroke-width:3.5}
";

/// Page, text, quiet text, frame line, frame fill.
const LIGHT: [&str; 5] = ["#ffffff", "#0f172a", "#475569", "#94a3b8", "#f8fafc"];
const DARK: [&str; 5] = ["#0d1117", "#e2e8f0", "#a3b1c6", "#475569", "#131a24"];

/// Style sheet and arrow heads. The page has a colour of its own: where a reader's page is light and his system
/// dark, the picture stays readable.
pub(super) fn head() -> String {
    let light = NODES.map(|(class, light, _)| (class, light));
    let dark = NODES.map(|(class, _, dark)| (class, dark));
    let heads: String = LINES.iter().map(|(class, ..)| head_of(class)).collect();
    format!(
        "<style>\n{BASE}{}@media (prefers-color-scheme:dark){{\n{}}}\n</style>\n<defs>\n{heads}</defs>\n",
        colours(&light, &LINES.map(|(class, light, _)| (class, light)), LIGHT),
        colours(&dark, &LINES.map(|(class, _, dark)| (class, dark)), DARK)
    )
}

fn colours(nodes: &[(&str, [&str; 2])], lines: &[(&str, &str)], colours: [&str; 5]) -> String {
    let [page, text, quiet, frame, inside] = colours;
    let mut sheet = format!(
        ".page,.arrow rect{{fill:{page}}}\ntext{{fill:{text}}}\n.detail,.legend,.frame-name,.arrow text{{fill:{quiet}}}\n\
         .frame{{stroke:{frame};fill:{inside}}}\n"
    );
    for (class, [line, fill]) in nodes {
        sheet.push_str(&format!(".{class}>rect,.{class}>path{{stroke:{line};fill:{fill}}}\n"));
    }
    for (class, line) in lines {
        sheet.push_str(&format!(".arrow.{class} path{{stroke:{line}}}\n#head-{class} path{{fill:{line}}}\n"));
    }
    for (class, line) in lines.iter().filter(|(class, _)| is_severity(class)) {
        sheet.push_str(&format!(
            ".node.{class}>rect,.node.{class}>path{{stroke:{line}}}\n.{class} circle.badge{{fill:{line}}}\n\
             .arrow.{class} text{{fill:{line}}}\n"
        ));
    }
    sheet
}

fn is_severity(class: &str) -> bool {
    [Severity::Advice, Severity::Warning, Severity::Error].iter().any(|severity| severity.as_str() == class)
}

fn head_of(class: &str) -> String {
    format!(
        "<marker id=\"head-{class}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 1 L10 5 L0 9 Z\"/></marker>\n"
    )
}

/// The classes of an arrow: a problem hides what it is otherwise.
pub(super) fn class(link: Link, optional: bool, severity: Option<Severity>) -> String {
    let word = severity.map_or(link.word(), Severity::as_str);
    if optional { format!("{word} optional") } else { word.to_owned() }
}

/// The arrow head of that colour.
pub(super) fn marker(link: Link, severity: Option<Severity>) -> &'static str {
    match (severity, link) {
        (Some(Severity::Advice), _) => "head-advice",
        (Some(Severity::Warning), _) => "head-warning",
        (Some(Severity::Error), _) => "head-error",
        (None, Link::Entry) => "head-entry",
        (None, Link::Call) => "head-call",
        (None, Link::Data) => "head-data",
        (None, Link::Publish) => "head-publish",
        (None, Link::Consume) => "head-consume",
        (None, Link::Admitted) => "head-admitted",
    }
}
