//! A large picture made smaller: one domain with its neighbours, or the domains alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edge, End, Kind, Link, Mark, Node, Picture};

/// What becomes one edge between two domains.
#[derive(Default)]
struct Bundle {
    edges: usize,
    optional: usize,
    marks: Vec<Mark>,
}

impl Picture {
    /// The names of the domains.
    pub fn domain_names(&self) -> BTreeSet<&str> {
        self.nodes.iter().filter_map(|node| node.domain.as_deref()).collect()
    }

    /// One domain and everything that it has an edge with; edges among the others are left out.
    #[must_use]
    pub fn around(&self, domain: &str) -> Self {
        let inside = |node: usize| self.nodes[node].domain.as_deref() == Some(domain);
        let near: Vec<_> = self.arrows().filter(|arrow| inside(arrow.from) || inside(arrow.to)).collect();
        let shown: BTreeSet<usize> = near
            .iter()
            .flat_map(|arrow| [arrow.from, arrow.to])
            .chain((0..self.nodes.len()).filter(|node| inside(*node)))
            .collect();
        let nodes = shown.into_iter().map(|node| self.nodes[node].clone()).collect();
        let edges = near.into_iter().map(|arrow| arrow.edge.clone()).collect();
        Self::new(format!("{}, domain {domain}", self.title), nodes, edges)
    }

    /// Each domain as one node, with how many edges of each kind lead from one to another. What belongs to no domain
    /// stays as it is.
    #[must_use]
    pub fn by_domain(&self) -> Self {
        let mut bundles: BTreeMap<(End, End, Link), Bundle> = BTreeMap::new();
        for arrow in self.arrows() {
            let ends = (self.folded(arrow.from), self.folded(arrow.to));
            // What is within a domain is its own affair.
            if ends.0 != ends.1 {
                let bundle = bundles.entry((ends.0, ends.1, arrow.edge.link)).or_default();
                bundle.edges += 1;
                bundle.optional += usize::from(arrow.edge.optional);
                bundle.marks.extend(arrow.edge.marks.iter().cloned());
            }
        }
        let edges = bundles.into_iter().map(|((from, to, link), bundle)| bundle.into_edge(from, to, link));
        let alone = self.nodes.iter().filter(|node| node.domain.is_none()).cloned();
        let domains = self.domains();
        let folded = domains.iter().filter_map(|(name, places)| Some(self.domain((*name)?, places)));
        Self::new(format!("{}, by domain", self.title), folded.chain(alone).collect(), edges.collect())
            .with_marks(self.marks.clone())
    }

    fn folded(&self, node: usize) -> End {
        let node = &self.nodes[node];
        match &node.domain {
            Some(domain) => End { kind: Kind::Domain, name: domain.clone() },
            None => End { kind: node.kind, name: node.name.clone() },
        }
    }

    /// With the problems of what is in it; those of edges within it are its own too.
    fn domain(&self, name: &str, places: &[usize]) -> Node {
        let services =
            places.iter().filter(|place| matches!(self.nodes[**place].kind, Kind::Service | Kind::Worker));
        let within = self.arrows().filter(|arrow| places.contains(&arrow.from) && places.contains(&arrow.to));
        let marks = places.iter().flat_map(|place| &self.nodes[*place].marks);
        let marks = marks.chain(within.flat_map(|arrow| &arrow.edge.marks)).cloned().collect();
        let detail = Some(counted(services.count(), "service"));
        Node { domain: None, kind: Kind::Domain, name: name.to_owned(), detail, marks }
    }
}

impl Bundle {
    fn into_edge(self, from: End, to: End, link: Link) -> Edge {
        let what = match link {
            Link::Entry => "entry",
            Link::Call => "call",
            Link::Data => "use",
            Link::Publish | Link::Consume => "event",
            Link::Admitted => "opening",
        };
        let label = Some(counted(self.edges, what));
        Edge { from, to, link, optional: self.optional == self.edges, label, marks: self.marks }
    }
}

fn counted(count: usize, what: &str) -> String {
    match (count, what) {
        (1, what) => format!("1 {what}"),
        (count, "entry") => format!("{count} entries"),
        (count, what) => format!("{count} {what}s"),
    }
}
