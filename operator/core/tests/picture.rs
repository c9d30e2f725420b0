//! Pictures of apps: everything that is declared is drawn, and what is wrong stands where it is wrong.

use insta::assert_snapshot;
use msapp_core::build;
use msapp_core::desired::{ChildKind, DesiredObject, DesiredSet};
use msapp_core::graph::{self, App};
use msapp_core::picture::{self, Picture, text};
use msapp_core::policy::prove;
use msapp_core::source::Source;
use serde_json::json;

/// Two domains that call each other in a circle, a broker, an event from outside, a call past an entry, a name without
/// an address, an unused database.
const TRAVEL: &str = "
network: {monitoringNamespace: monitoring}
defaults: {resources: {limits: {memory: 64Mi}}}
domains:
- {name: booking, entries: [bookings]}
- {name: loyalty}
services:
- name: gateway
  image: gateway:1
  ports: [{name: http, port: 80}]
  expose: {host: travel.example.com, controllerNamespace: ingress}
  dependencies: [{name: bookings}, {name: points, optional: true}, {name: seats}]
- name: bookings
  domain: booking
  image: bookings:1
  ports: [{name: http, port: 80}, {name: grpc, port: 9090, protocol: GRPC}]
  dependencies: [{name: seats}, {name: bookings-db}]
  publishes: [Booked]
- name: seats
  domain: booking
  image: seats:1
  ports: [{name: http, port: 80}]
  dependencies: [{name: bookings, ports: [grpc]}, {name: airline}]
- name: points
  domain: loyalty
  image: points:1
  ports: [{name: http, port: 80}]
  dependencies: [{name: events}]
- name: mailer
  domain: loyalty
  image: mailer:1
  consumes: [Booked, Cancelled]
backingServices:
- {name: bookings-db, engine: PostgreSQL, owner: bookings, host: pg.data, pods: {namespace: data}}
- {name: old-db, engine: MySQL, host: old.data, pods: {namespace: data}}
- {name: events, engine: Kafka, host: kafka.data, pods: {namespace: data}, events: [{name: Booked}, {name: Cancelled, topic: cancelled.v1, external: Publisher}]}
externalServices:
- {name: airline, host: api.airline.example, port: 443, tls: true}
";

fn app(spec: &str) -> App {
    let spec = serde_saphyr::from_str(spec).expect("YAML");
    let source =
        Source { name: "travel".to_owned(), namespace: "travel".to_owned(), spec, ..Source::default() };
    graph::resolve(&source).unwrap_or_else(|violations| panic!("{violations}"))
}

fn drawn(picture: &Picture) -> Vec<String> {
    let name = |node: usize| picture.nodes()[node].name.as_str();
    picture
        .arrows()
        .map(|arrow| format!("{} {} {}", name(arrow.from), arrow.edge.link.word(), name(arrow.to)))
        .collect()
}

#[test]
fn an_app_is_drawn_with_what_the_checks_say() {
    assert_snapshot!(text::render(&picture::of(&app(TRAVEL), false)));
}

#[test]
fn with_events_the_broker_keeps_the_edges_that_are_no_exchange() {
    let edges = drawn(&picture::of(&app(TRAVEL), true));
    let of_events: Vec<&str> = edges
        .iter()
        .map(String::as_str)
        .filter(|edge| edge.contains("events") || !edge.contains("call"))
        .collect();
    assert_eq!(
        of_events,
        [
            "travel.example.com entry gateway",
            "bookings publish Booked",
            "bookings data bookings-db",
            "points data events",
            "Booked consume mailer",
            "Cancelled consume mailer",
        ]
    );
}

#[test]
fn a_broker_of_which_only_events_are_left_is_not_drawn_with_them() {
    let without = TRAVEL.replace("dependencies: [{name: events}]", "labels: {a: b}");
    let names = |events| -> Vec<String> {
        picture::of(&app(&without), events).nodes().iter().map(|node| node.name.clone()).collect()
    };
    assert!(names(false).contains(&"events".to_owned()));
    assert!(!names(true).contains(&"events".to_owned()));
    assert!(names(true).contains(&"Cancelled".to_owned()));
}

#[test]
fn a_domain_is_drawn_with_its_neighbours_and_without_their_affairs() {
    let picture = picture::of(&app(TRAVEL), false).around("loyalty");
    assert_eq!(drawn(&picture), ["gateway call points", "mailer data events", "points data events"]);
}

#[test]
fn domains_alone_count_their_edges_and_keep_their_problems() {
    assert_snapshot!(text::render(&picture::of(&app(TRAVEL), true).by_domain()));
}

#[test]
fn the_picture_of_the_policies_shows_what_they_admit() {
    let app = app(TRAVEL);
    assert_snapshot!(text::render(&picture::admitted(&app, &prove(&app, &build::objects(&app)))));
}

#[test]
fn an_opening_that_nothing_declares_is_an_error_in_the_picture_of_the_policies() {
    let app = app(TRAVEL);
    let mut objects: Vec<DesiredObject> = build::objects(&app).iter().cloned().collect();
    for object in objects.iter_mut().filter(|object| object.key.kind == ChildKind::NetworkPolicy) {
        match object.service.as_str() {
            "points" => {
                let data =
                    json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}}});
                let rules = object.manifest["spec"]["egress"].as_array_mut().expect("it is isolated");
                rules.push(json!({"to": [data], "ports": [{"protocol": "TCP", "port": 3306}]}));
            }
            "gateway" => object.manifest["spec"]["ingress"] = json!([]),
            _ => {}
        }
    }
    let picture = picture::admitted(&app, &prove(&app, &DesiredSet::new(objects)));
    let marked: Vec<String> = picture
        .arrows()
        .filter(|arrow| arrow.edge.severity().is_some())
        .map(|arrow| format!("{} → {}: {}", arrow.edge.from.name, arrow.edge.to.name, arrow.edge.marks[0]))
        .collect();
    assert_snapshot!(marked.join("\n"));
}

#[test]
fn without_isolation_the_picture_of_the_policies_says_so() {
    let app = app(&TRAVEL.replace("network: {", "network: {isolation: Disabled, "));
    let picture = picture::admitted(&app, &prove(&app, &build::objects(&app)));
    assert_eq!(picture.arrows().count(), 0);
    assert_eq!(picture.marks()[0].text, "isolation is disabled, so everybody may reach everybody");
}
