//! The shape of the tree: which service stands where, callers above what they call.

use std::collections::BTreeSet;

use super::app::{App, Service};

/// A line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// The branches to the left of the name.
    pub(super) branches: String,
    /// Position of the service in the app.
    pub(super) service: usize,
    /// Services that it calls and that stand elsewhere in the tree.
    pub(super) elsewhere: Vec<&'a str>,
    /// What it uses that is no service of the app.
    pub(super) outside: Vec<&'a str>,
}

/// Every service once, in dependency order: first those that nobody calls, below each what it calls.
pub(super) fn rows(app: &App) -> Vec<Row<'_>> {
    let mut planter = Planter { services: &app.services, placed: BTreeSet::new(), rows: Vec::new() };
    let called: BTreeSet<&str> = app.services.iter().flat_map(others).collect();
    let roots = (0..app.services.len()).filter(|index| !called.contains(app.services[*index].name.as_str()));
    // Services of a circle have callers all: they follow, each circle from where it is written first.
    for root in roots.chain(0..app.services.len()) {
        if planter.placed.insert(root) {
            planter.plant(root, "", "");
        }
    }
    planter.rows
}

struct Planter<'a> {
    services: &'a [Service],
    placed: BTreeSet<usize>,
    rows: Vec<Row<'a>>,
}

impl<'a> Planter<'a> {
    fn plant(&mut self, index: usize, branches: &str, indent: &str) {
        let service = &self.services[index];
        let mut row =
            Row { branches: branches.to_owned(), service: index, elsewhere: Vec::new(), outside: Vec::new() };
        let mut children = Vec::new();
        for name in others(service) {
            match self.services.iter().position(|other| other.name == name) {
                None => row.outside.push(name),
                Some(child) if self.placed.insert(child) => children.push(child),
                Some(_) => row.elsewhere.push(name),
            }
        }
        self.rows.push(row);
        let last = children.len().saturating_sub(1);
        for (position, child) in self.callers_first(children).into_iter().enumerate() {
            let (branch, below) = if position == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.plant(child, &format!("{indent}{branch}"), &format!("{indent}{below}"));
        }
    }
}

impl Planter<'_> {
    /// Siblings in such an order that one stands above those it calls, as far as they do not call in a circle.
    fn callers_first(&self, mut left: Vec<usize>) -> Vec<usize> {
        let mut ordered = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let is_called = |index: usize| {
                let name = self.services[index].name.as_str();
                left.iter()
                    .any(|other| *other != index && others(&self.services[*other]).any(|call| call == name))
            };
            let next = left.iter().position(|index| !is_called(*index)).unwrap_or_default();
            ordered.push(left.remove(next));
        }
        ordered
    }
}

/// What a service depends on, itself apart.
fn others(service: &Service) -> impl Iterator<Item = &str> {
    service.dependencies.iter().map(String::as_str).filter(|name| *name != service.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(edges: &[(&str, &[&str])]) -> App {
        let services = edges.iter().map(|(name, calls)| Service {
            name: (*name).to_owned(),
            dependencies: calls.iter().map(|call| (*call).to_owned()).collect(),
            ..Service::default()
        });
        App { services: services.collect(), ..App::default() }
    }

    fn drawn(edges: &[(&str, &[&str])]) -> String {
        let app = app(edges);
        let lines = rows(&app).into_iter().map(|row| {
            let refers = |mark: &str, names: &[&str]| match names {
                [] => String::new(),
                names => format!(" {mark} {}", names.join(" ")),
            };
            let name = &app.services[row.service].name;
            format!(
                "{}{name}{}{}\n",
                row.branches,
                refers("->", &row.elsewhere),
                refers("uses", &row.outside)
            )
        });
        lines.collect()
    }

    #[test]
    fn callers_stand_above_what_they_call_and_a_shared_service_stands_once() {
        insta::assert_snapshot!(drawn(&[
            ("payment", &["stripe"]),
            ("cart", &["cart-cache"]),
            ("orders", &["cart", "payment", "orders-db"]),
            ("web", &["cart", "orders", "catalog"]),
            ("worker", &["orders-db"]),
            ("catalog", &[]),
        ]));
    }

    #[test]
    fn services_that_call_each_other_in_a_circle_are_all_shown() {
        insta::assert_snapshot!(drawn(&[
            ("a", &["b"]),
            ("b", &["c"]),
            ("c", &["a", "c"]),
            ("web", &["c"]),
            ("x", &["y"]),
            ("y", &["x"])
        ]));
    }

    #[test]
    fn every_service_stands_once_however_dense_the_graph_is() {
        let names: Vec<String> = (0..12).map(|index| format!("s{index}")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let edges: Vec<(&str, &[&str])> = all.iter().map(|name| (*name, all.as_slice())).collect();
        assert_eq!(rows(&app(&edges)).len(), 12);
    }
}
