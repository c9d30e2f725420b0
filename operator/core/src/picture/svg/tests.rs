use regex::Regex;

use super::super::tests::{hostile, large, shop};
use super::super::{Edge, End, Mark, Node};
use super::*;
use crate::violation::Severity;

fn pictures() -> Vec<Picture> {
    let (nodes, edges) = shop();
    let flat = nodes.iter().map(|node| Node { domain: None, ..node.clone() }).collect();
    let empty = Picture::new("empty", Vec::new(), Vec::new());
    vec![
        Picture::new("shop", nodes, edges.clone()),
        Picture::new("flat", flat, edges),
        hostile(),
        large(40, 4),
        empty,
    ]
}

#[test]
fn nothing_overlaps() {
    for picture in pictures() {
        let grid = grid(&picture);
        let plan = place(&grid, &order::order(&grid));
        for (number, (item, place)) in grid.items.iter().zip(&plan.items).enumerate() {
            for (other, below) in grid.items.iter().zip(&plan.items).skip(number + 1) {
                let beside = place.right < below.left || below.right < place.left;
                let distance = (place.middle - below.middle).abs();
                let apart = distance >= (item.height + other.height) / 2.0;
                assert!(beside || apart, "{}: {item:?} {place:?}, {other:?} {below:?}", picture.title());
            }
            let (top, bottom) = plan.lanes[item.lane];
            let half = item.height / 2.0 - 1.0;
            assert!(place.middle - half >= top && place.middle + half <= bottom, "it stays in its lane");
        }
        assert!(plan.lanes.windows(2).all(|lanes| lanes[0].1 + FRAME * 2.0 + FRAME_NAME <= lanes[1].0));
    }
}

#[test]
fn callers_stand_left_of_what_they_call_but_where_a_circle_is_closed() {
    let (nodes, edges) = shop();
    let picture = Picture::new("shop", nodes, edges);
    let backwards: Vec<(&str, &str)> = picture
        .arrows()
        .zip(grid(&picture).ways)
        .filter(|(_, way)| way.as_ref().is_some_and(|way| way.backwards))
        .map(|(arrow, _)| (arrow.edge.from.name.as_str(), arrow.edge.to.name.as_str()))
        .collect();
    assert_eq!(backwards, [("search", "catalog"), ("warehouse", "logistics")]);
}

#[test]
fn markup_is_balanced_and_names_are_no_markup() {
    let tag =
        Regex::new(r"<(/?)([a-z]+)((?:\s[a-zA-Z-]+=\x22[^\x22<>]*\x22|\s[a-z]+=\x22[^\x22]*\x22)*)(/?)>")
            .expect("a pattern");
    for picture in pictures() {
        let text = render(&picture);
        let mut open: Vec<String> = Vec::new();
        for found in tag.captures_iter(&text) {
            match (&found[1], &found[4]) {
                ("/", _) => assert_eq!(open.pop().as_deref(), Some(&found[2])),
                (_, "/") => {}
                _ => open.push(found[2].to_owned()),
            }
        }
        assert_eq!(open, Vec::<String>::new());
        assert!(!tag.replace_all(&text, "").contains('<'), "{}", tag.replace_all(&text, ""));
    }
}

#[test]
fn a_problem_is_coloured_and_tells_what_it_is() {
    let text = render(&pictures()[0]);
    assert!(text.contains("class=\"arrow error\"><title>order-processing → orders-db: data\n5432\nerror: orders-db belongs to order-taking [some-code]</title>"));
    assert!(text.contains("class=\"node backing error\"><title>orders-db (backing service)\nPostgreSQL\nerror: two services write to it [some-code]</title>"));
}

#[test]
fn what_calls_itself_gets_a_loop_and_a_name_without_end_is_cut() {
    let name = "n".repeat(200);
    let node = Node {
        domain: None,
        kind: Kind::Service,
        name: name.clone(),
        detail: None,
        marks: vec![Mark {
            severity: Severity::Advice,
            code: "long".to_owned(),
            text: "a long name".to_owned(),
        }],
    };
    let end = End { kind: Kind::Service, name: name.clone() };
    let edge = Edge {
        from: end.clone(),
        to: end,
        link: Link::Call,
        optional: false,
        label: Some("80".to_owned()),
        marks: Vec::new(),
    };
    let text = render(&Picture::new("loop", vec![node], vec![edge]));
    assert!(text.contains(&format!("<title>{name} (service)")));
    assert!(text.contains(&format!(">{}…</text>", "n".repeat(33))));
    assert_eq!(text.matches("class=\"arrow call\"><title>").count(), 1);
}
