//! The graph as people look at it: a picture that knows no spec, and one renderer for each form.
//!
//! Equal pictures are equal bytes in every form, in whatever order their nodes and edges were given.

mod app;
mod circles;
mod domains;
pub mod dot;
mod findings;
pub mod mermaid;
mod policy;
pub mod svg;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use app::of;
pub use circles::circles;
pub use policy::admitted;

use crate::violation::Severity;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody outside the app.
    Outside,
    /// A domain, drawn as one.
    Domain,
    /// A service that can be called.
    Service,
    /// A service without ports.
    Worker,
    /// An event or topic.
    Event,
    /// A database, cache or broker.
    Backing,
    /// A service that somebody else runs.
    External,
}

impl Kind {
    /// Every kind, in the order of a legend.
    pub const ALL: [Kind; 7] = [
        Kind::Outside,
        Kind::Domain,
        Kind::Service,
        Kind::Worker,
        Kind::Event,
        Kind::Backing,
        Kind::External,
    ];

    /// One word for identifiers and classes.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Outside => "outside",
            Kind::Domain => "domain",
            Kind::Service => "service",
            Kind::Worker => "worker",
            Kind::Event => "event",
            Kind::Backing => "backing",
            Kind::External => "external",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Backing => "backing service",
            Kind::External => "external service",
            other => other.word(),
        }
    }
}

/// What an edge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Entry from outside.
    Entry,
    /// The caller waits for the answer.
    Call,
    /// Reads and writes what is stored there.
    Data,
    /// Publishes the event.
    Publish,
    /// The event goes to who consumes it.
    Consume,
    /// What a network policy admits.
    Admitted,
}

impl Link {
    /// Every link, in the order of a legend.
    pub const ALL: [Link; 6] =
        [Link::Entry, Link::Call, Link::Data, Link::Publish, Link::Consume, Link::Admitted];

    /// One word for classes.
    pub fn word(self) -> &'static str {
        match self {
            Link::Entry => "entry",
            Link::Call => "call",
            Link::Data => "data",
            Link::Publish => "publish",
            Link::Consume => "consume",
            Link::Admitted => "admitted",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Link::Entry => "entry from outside",
            Link::Data => "data",
            Link::Publish => "publishes",
            Link::Consume => "is consumed by",
            Link::Call => "call",
            Link::Admitted => "admitted by policy",
        }
    }
}

/// A problem with what it stands at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a word or two: the code of a check.
    pub code: String,
    /// What is wrong, in one sentence without a full stop.
    pub text: String,
}

/// `warning: no service depends on "old-db" [unused-backing-service]`
impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} [{}]", self.severity.as_str(), self.text, self.code)
    }
}

/// A thing in the picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// The domain that it belongs to.
    pub domain: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Its name, unique within its kind; services and workers share theirs.
    pub name: String,
    /// A few more words: the engine, the host.
    pub detail: Option<String>,
    /// What is wrong with it.
    pub marks: Vec<Mark>,
}

/// Who is at the end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

/// What goes from one thing to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who starts it.
    pub from: End,
    /// Who is reached.
    pub to: End,
    /// What it is.
    pub link: Link,
    /// Whether the one who starts it works without.
    pub optional: bool,
    /// A few words: the port, the protocol.
    pub label: Option<String>,
    /// What is wrong with it.
    pub marks: Vec<Mark>,
}

/// An edge with the positions of its ends among the nodes.
#[derive(Clone, Copy, Debug)]
pub struct Arrow<'a> {
    /// Position of who starts it.
    pub from: usize,
    /// Position of who is reached.
    pub to: usize,
    /// The edge.
    pub edge: &'a Edge,
}

/// A graph to be drawn: sorted, each node and each edge once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    title: String,
    marks: Vec<Mark>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    ends: Vec<(usize, usize)>,
}

impl Picture {
    /// Puts everything in order. An edge with an end that is not among the nodes is left out, so that a part of a
    /// graph can be drawn by giving only some of its nodes.
    pub fn new(title: impl Into<String>, mut nodes: Vec<Node>, mut edges: Vec<Edge>) -> Self {
        for marks in
            nodes.iter_mut().map(|node| &mut node.marks).chain(edges.iter_mut().map(|edge| &mut edge.marks))
        {
            marks.sort();
            marks.dedup();
        }
        nodes.sort();
        let mut seen = BTreeSet::new();
        nodes.retain(|node| seen.insert(key(node.kind, &node.name)));
        let places: BTreeMap<(Kind, String), usize> =
            nodes.iter().enumerate().map(|(place, node)| (key(node.kind, &node.name), place)).collect();
        let place = |end: &End| places.get(&key(end.kind, &end.name)).copied();
        edges.retain(|edge| place(&edge.from).is_some() && place(&edge.to).is_some());
        edges.sort();
        edges.dedup();
        let ends = edges.iter().filter_map(|edge| Some((place(&edge.from)?, place(&edge.to)?))).collect();
        Self { title: title.into(), marks: Vec::new(), nodes, edges, ends }
    }

    /// Adds problems that stand at nothing that is drawn.
    #[must_use]
    pub fn with_marks(mut self, marks: impl IntoIterator<Item = Mark>) -> Self {
        self.marks.extend(marks);
        self.marks.sort();
        self.marks.dedup();
        self
    }

    /// What it shows.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Problems of the whole.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The nodes: by domain, those without one first, then by kind and name.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges, sorted by their ends.
    pub fn arrows(&self) -> impl Iterator<Item = Arrow<'_>> {
        self.edges.iter().zip(&self.ends).map(|(edge, (from, to))| Arrow { from: *from, to: *to, edge })
    }

    /// The domains with the positions of their nodes; those of no domain stand first.
    pub fn domains(&self) -> BTreeMap<Option<&str>, Vec<usize>> {
        let mut domains: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (place, node) in self.nodes.iter().enumerate() {
            domains.entry(node.domain.as_deref()).or_default().push(place);
        }
        domains
    }
}

impl Node {
    /// The worst of what is wrong with it.
    pub fn severity(&self) -> Option<Severity> {
        worst(&self.marks)
    }
}

impl Edge {
    /// The worst of what is wrong with it.
    pub fn severity(&self) -> Option<Severity> {
        worst(&self.marks)
    }
}

/// The errors come first.
fn worst(marks: &[Mark]) -> Option<Severity> {
    marks.iter().map(|mark| mark.severity).min()
}

/// Services and workers share their names, so that an edge need not know which of both its end is.
fn key(kind: Kind, name: &str) -> (Kind, String) {
    let kind = if kind == Kind::Worker { Kind::Service } else { kind };
    (kind, name.to_owned())
}

#[cfg(test)]
mod tests;
