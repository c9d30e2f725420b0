use regex::Regex;

use super::*;
use crate::violation::Severity;

fn node(kind: Kind, name: &str, domain: &str, detail: &str) -> Node {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Node { domain: some(domain), kind, name: name.to_owned(), detail: some(detail), marks: Vec::new() }
}

fn edge(from: (Kind, &str), link: Link, to: (Kind, &str), label: &str) -> Edge {
    let end = |(kind, name): (Kind, &str)| End { kind, name: name.to_owned() };
    let label = (!label.is_empty()).then(|| label.to_owned());
    Edge { from: end(from), to: end(to), link, optional: false, label, marks: Vec::new() }
}

fn mark(severity: Severity, text: &str) -> Mark {
    Mark { severity, code: "some-code".to_owned(), text: text.to_owned() }
}

const CALLS: [(&str, &str, &str); 17] = [
    ("search", "catalog", "9090"),
    ("recommendation", "catalog", "9090"),
    ("recommendation", "user", "80"),
    ("cart", "catalog", "80"),
    ("cart", "recommendation", "9090"),
    ("wishlist", "catalog", "80"),
    ("wishlist", "user", "80"),
    ("order-taking", "cart", "80"),
    ("order-taking", "payment", "9090"),
    ("order-taking", "user", "80"),
    ("order-processing", "warehouse", "80"),
    ("order-processing", "logistics", "80"),
    ("notification", "user", "80"),
    ("warehouse", "logistics", "80"),
    ("logistics", "warehouse", "80"),
    ("payment", "user", "80"),
    ("catalog", "search", "80"),
];

const DATA: [(&str, &str, &str, &str); 11] = [
    ("user", "users-db", "PostgreSQL", "5432"),
    ("user", "sessions", "Valkey", "6379"),
    ("catalog", "catalog-db", "MongoDB", "27017"),
    ("catalog", "catalog-cache", "Memcached", "11211"),
    ("search", "search-index", "Elasticsearch", "9200"),
    ("cart", "cart-cache", "Redis", "6379"),
    ("wishlist", "wishlist-db", "MySQL", "3306"),
    ("order-taking", "orders-db", "PostgreSQL", "5432"),
    ("order-processing", "orders-db", "PostgreSQL", "5432"),
    ("payment", "payments-db", "PostgreSQL", "5432"),
    ("warehouse", "warehouse-db", "PostgreSQL", "5432"),
];

fn domain(service: &str) -> &'static str {
    match service {
        "user" | "notification" => "customers",
        "catalog" | "search" | "recommendation" => "catalog",
        "cart" | "wishlist" | "order-taking" | "payment" => "ordering",
        _ => "fulfilment",
    }
}

/// A shop with two circles, an event, entries from outside and two problems.
pub(super) fn shop() -> (Vec<Node>, Vec<Edge>) {
    let mut nodes = vec![
        node(Kind::Outside, "internet", "", ""),
        node(Kind::External, "stripe", "", "api.stripe.com"),
        node(Kind::Event, "OrderPlaced", "ordering", "events"),
    ];
    let mut edges = vec![
        edge((Kind::Service, "order-taking"), Link::Publish, (Kind::Event, "OrderPlaced"), ""),
        edge((Kind::Event, "OrderPlaced"), Link::Consume, (Kind::Worker, "order-processing"), ""),
        edge((Kind::Event, "OrderPlaced"), Link::Consume, (Kind::Worker, "notification"), ""),
        edge((Kind::Service, "payment"), Link::Call, (Kind::External, "stripe"), "443 TLS"),
    ];
    for (from, to, port) in CALLS {
        for name in [from, to] {
            let kind = if ["notification", "order-processing"].contains(&name) {
                Kind::Worker
            } else {
                Kind::Service
            };
            nodes.push(node(kind, name, domain(name), ""));
        }
        edges.push(edge((Kind::Service, from), Link::Call, (Kind::Service, to), port));
    }
    for (from, to, engine, port) in DATA {
        if from != "order-processing" {
            nodes.push(node(Kind::Backing, to, domain(from), engine));
        }
        edges.push(edge((Kind::Service, from), Link::Data, (Kind::Backing, to), port));
    }
    for name in ["cart", "catalog", "search", "order-taking"] {
        edges.push(edge(
            (Kind::Outside, "internet"),
            Link::Entry,
            (Kind::Service, name),
            &format!("/{name}"),
        ));
    }
    troubled(&mut nodes, &mut edges);
    (nodes, edges)
}

/// Names made of what means something to one of the forms.
const HOSTILE: [&str; 26] = [
    "end",
    "a\"b",
    "a'b",
    "a\\",
    "\\n",
    "a&lt;b",
    "<b>x</b>",
    "a&b",
    "#quot;",
    "a;b",
    "a|b",
    "a]b",
    "a}}b",
    "a)b",
    "`code`",
    "%%{init: {}}%%",
    "1. list",
    "- item",
    "a\nb",
    "style x:y#z;",
    "*bold*",
    "_a_",
    "--> x",
    "Größe 漢字",
    "a-b",
    "a_b",
];

pub(super) fn hostile() -> Picture {
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    for (number, name) in HOSTILE.iter().enumerate() {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let mut one = node(kind, name, name, name);
        let mark = |severity, name: &&str| Mark { code: (*name).to_owned(), ..mark(severity, name) };
        one.marks = if number % 5 == 0 { vec![mark(Severity::Error, name)] } else { Vec::new() };
        nodes.push(one);
        let mut to_next =
            edge((kind, name), Link::Call, (Kind::ALL[(number + 1) % 7], HOSTILE[(number + 1) % 26]), name);
        to_next.marks = if number % 3 == 0 { vec![mark(Severity::Warning, name)] } else { Vec::new() };
        edges.push(to_next);
    }
    Picture::new("a \"title\" <of> & \\", nodes, edges)
}

/// A system of that many services, each with up to so many calls, without randomness.
pub(super) fn large(services: usize, calls: usize) -> Picture {
    let name = |number: usize| format!("service-{number:03}");
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    for number in 0..services {
        nodes.push(node(Kind::Service, &name(number), &format!("domain-{}", number * 7 / services), ""));
        for call in 1..=calls {
            let to = (number * 5 + call * call * 13 + 1) % services;
            edges.push(edge((Kind::Service, &name(number)), Link::Call, (Kind::Service, &name(to)), "80"));
        }
    }
    Picture::new("large", nodes, edges)
}

/// The problems of the shop, and what it can do without.
fn troubled(nodes: &mut [Node], edges: &mut [Edge]) {
    for edge in edges {
        match (edge.from.name.as_str(), edge.to.name.as_str()) {
            ("catalog", "search") => {
                edge.marks = vec![mark(Severity::Warning, "catalog and search call each other")];
            }
            ("order-processing", "orders-db") => {
                edge.marks = vec![mark(Severity::Error, "orders-db belongs to order-taking")];
            }
            (_, "catalog-cache" | "recommendation") => edge.optional = true,
            _ => {}
        }
    }
    if let Some(node) = nodes.iter_mut().find(|node| node.name == "orders-db") {
        node.marks = vec![mark(Severity::Error, "two services write to it")];
    }
}

const FORMS: [fn(&Picture) -> String; 4] = [text::render, mermaid::render, dot::render, svg::render];

#[test]
fn the_order_of_nodes_and_edges_means_nothing() {
    let (mut nodes, mut edges) = shop();
    let picture = Picture::new("shop", nodes.clone(), edges.clone());
    nodes.reverse();
    edges.rotate_left(7);
    nodes.extend(nodes.clone());
    edges.extend(edges.clone());
    let shuffled = Picture::new("shop", nodes, edges);
    for render in FORMS {
        assert_eq!(render(&picture), render(&shuffled));
    }
}

#[test]
fn an_edge_to_what_is_not_shown_is_left_out() {
    let (mut nodes, edges) = shop();
    nodes.retain(|node| node.name != "user");
    let picture = Picture::new("shop", nodes, edges);
    assert!(picture.arrows().count() > 0);
    assert!(picture.arrows().all(|arrow| arrow.edge.from.name != "user" && arrow.edge.to.name != "user"));
}

#[test]
fn an_event_may_be_called_like_a_service() {
    let nodes = vec![node(Kind::Service, "cart", "", ""), node(Kind::Event, "cart", "", "")];
    let edges = vec![edge((Kind::Service, "cart"), Link::Publish, (Kind::Event, "cart"), "")];
    let picture = Picture::new("shop", nodes, edges);
    assert!(mermaid::render(&picture).contains("service_cart ==> event_cart"));
    assert!(dot::render(&picture).contains("\"service:cart\" -> \"event:cart\""));
}

#[test]
fn those_that_call_each_other_are_a_circle_and_those_that_share_events_are_none() {
    let (nodes, edges) = shop();
    let picture = Picture::new("shop", nodes, edges);
    let names = |circle: &Vec<usize>| -> Vec<&str> {
        circle.iter().map(|place| picture.nodes()[*place].name.as_str()).collect()
    };
    let found: Vec<_> = circles(&picture).iter().map(names).collect();
    assert_eq!(found, [vec!["catalog", "search"], vec!["logistics", "warehouse"]]);
}

#[test]
fn text_tells_who_calls_whom_and_what_is_wrong() {
    let (nodes, edges) = shop();
    insta::assert_snapshot!(text::render(&Picture::new("shop", nodes, edges)));
}

#[test]
fn lines_of_text_stay_within_a_terminal() {
    let text = text::render(&large(100, 32));
    assert_eq!(
        text.lines().filter(|line| line.chars().count() > 100).collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
    assert_eq!(text.matches("    calls ").count(), 100);
}

#[test]
fn mermaid_sees_nothing_but_its_own_marks() {
    let words = r"(?:[\p{L}\p{N} /,()._-]|#[0-9]+;|(?:error|warning): |<br/>|</?small>)*";
    let line = format!(
        r#"^\s*(?:flowchart LR|direction LR|end|subgraph \w+\["{words}"\]|\w+[\[({{/]+"{words}"[\])}}\\]+:::\w+|\w+ (?:-->|-\.->|==>)(?:\|"{words}"\|)? \w+|class \w+ \w+|(?:classDef|style|linkStyle) \w+ [\w:#,. -]+)$"#
    );
    let line = Regex::new(&line).expect("a pattern");
    for text in [mermaid::render(&hostile()), mermaid::render(&Picture::new("shop", shop().0, shop().1))] {
        let wrong: Vec<&str> = text.lines().filter(|text| !line.is_match(text)).collect();
        assert_eq!(wrong, Vec::<&str>::new());
    }
}

#[test]
fn graphviz_sees_nothing_but_its_own_marks() {
    let text = dot::render(&hostile());
    let quoted = Regex::new(r#""(?:[^"\\\n]|\\["\\n])*""#).expect("a pattern");
    let rest = quoted.replace_all(&text, "Q");
    let line =
        Regex::new(r"^\s*(?:digraph Q \{|subgraph Q \{|\}|\w+=[\w]+|(?:node|edge|Q|Q -> Q) \[[\w=, ]+\])$");
    let line = line.expect("a pattern");
    assert_eq!(rest.lines().filter(|text| !line.is_match(text)).collect::<Vec<_>>(), Vec::<&str>::new());
    let entity = Regex::new("&(?:amp;)?").expect("a pattern");
    assert!(entity.find_iter(&text).all(|found| found.as_str() == "&amp;"), "Graphviz reads entities");
}
