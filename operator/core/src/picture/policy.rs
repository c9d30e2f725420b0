//! The picture of what the network policies of an app admit, whatever it declares.

use std::collections::{BTreeMap, BTreeSet};

use super::app::{bare, common_domain, edge, engine, node};
use super::{Edge, Kind, Link, Mark, Node, Picture};
use crate::graph::{App, Check};
use crate::policy::{Deviation, Difference, Proof, Traffic};
use crate::violation::Severity;

/// Two pods of one service, as the proof calls the second one.
const ANOTHER_POD: &str = "another pod of ";

/// Who may reach whom on which ports, as the proof found it. Where that is not what the app declares, the edge is
/// marked as an error.
pub fn admitted(app: &App, proof: &Proof) -> Picture {
    let places = Places { app };
    let mut edges: BTreeMap<(&str, &str), Edge> = BTreeMap::new();
    for (from, row) in &proof.matrix {
        for (to, traffic) in row {
            let admitted = edge(places.end(from), Link::Admitted, places.end(to));
            edges.insert((from, to), Edge { label: Some(ports(traffic)), ..admitted });
        }
    }
    let (pairs, whole): (Vec<&Difference>, Vec<&Difference>) =
        proof.differences.iter().partition(|difference| !difference.to.is_empty());
    for difference in pairs {
        let (from, to) = (difference.from.as_str(), difference.to.as_str());
        let label = Some(ports(&difference.ports));
        let otherwise = || Edge { label, ..edge(places.end(from), Link::Admitted, places.end(to)) };
        edges.entry((from, to)).or_insert_with(otherwise).marks.push(error(difference));
    }
    let mut nodes: Vec<Node> = app.services.iter().map(bare).collect();
    let ends: BTreeSet<&str> = edges.keys().flat_map(|(from, to)| [*from, *to]).collect();
    nodes.extend(ends.into_iter().map(|name| places.node(name)));
    let open = (!proof.isolated).then(|| Mark {
        severity: Severity::Warning,
        code: Check::IsolationDisabled.as_str().to_owned(),
        text: "isolation is disabled, so everybody may reach everybody".to_owned(),
    });
    let whole = whole.into_iter().map(error).chain(open);
    Picture::new(
        format!("{}, what its network policies admit", app.name),
        nodes,
        edges.into_values().collect(),
    )
    .with_marks(whole)
}

/// `TCP 80/443, UDP 53`: each protocol once.
fn ports(traffic: &Traffic) -> String {
    let mut text = String::new();
    let mut last = "";
    let told = traffic.to_string();
    for part in told.split(", ") {
        match part.split_once(' ') {
            Some((protocol, ports)) if protocol == last => text.push_str(&format!("/{ports}")),
            other => {
                last = other.map_or("", |(protocol, _)| protocol);
                text.push_str(if text.is_empty() { "" } else { ", " });
                text.push_str(part);
            }
        }
    }
    text
}

fn error(difference: &Difference) -> Mark {
    let code = match difference.deviation {
        Deviation::Open => "not declared",
        Deviation::Closed => "not admitted",
        Deviation::Foreign => "not of this app",
        Deviation::Unreadable => "not understood",
    };
    Mark { severity: Severity::Error, code: code.to_owned(), text: difference.sentence.clone() }
}

/// Names of the proof: things of the app by their name, everything else in words that can be no name.
struct Places<'a> {
    app: &'a App,
}

impl Places<'_> {
    fn end<'n>(&self, name: &'n str) -> (Kind, &'n str) {
        let name = name.strip_prefix(ANOTHER_POD).unwrap_or(name);
        (self.node(name).kind, name)
    }

    fn node(&self, name: &str) -> Node {
        let name = name.strip_prefix(ANOTHER_POD).unwrap_or(name);
        let app = self.app;
        if let Some(service) = app.service(name) {
            return bare(service);
        }
        if let Some(backing) = app.backing_service(name) {
            let domain = common_domain(app, backing.owner.as_deref());
            return node(Kind::Backing, name, domain, engine(backing));
        }
        if let Some(external) = app.external_service(name) {
            return node(Kind::External, name, None, Some(external.host.clone()));
        }
        node(Kind::Outside, name, None, None)
    }
}
