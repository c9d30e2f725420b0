//! `msapp graph`

use insta::assert_snapshot;

use crate::program::{Directory, Ran};

const TRAVEL: &str = "\
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: travel}
spec:
  defaults: {resources: {limits: {memory: 64Mi}}}
  services:
  - name: bookings
    domain: booking
    image: bookings:1
    dependencies: [{name: seats}, {name: bookings-db}]
    publishes: [Booked]
  - name: seats
    domain: booking
    image: seats:1
    ports: [{name: http, port: 80}]
    probes: {path: /healthz}
  - name: mailer
    domain: loyalty
    image: mailer:latest
    consumes: [Booked]
  backingServices:
  - {name: bookings-db, engine: PostgreSQL, owner: bookings, host: pg.data, pods: {namespace: data}}
  - {name: broker, engine: Kafka, host: kafka.data, pods: {namespace: data}, events: [{name: Booked}]}
";

fn ran(arguments: &[&str]) -> Ran {
    let all: Vec<&str> = [&["graph", "travel.yaml"], arguments].concat();
    Directory::with(&[("travel.yaml", TRAVEL)]).msapp(&all)
}

fn drawn(arguments: &[&str]) -> String {
    ran(arguments).fine()
}

#[test]
fn a_terminal_gets_a_list() {
    assert_snapshot!(drawn(&[]));
}

#[test]
fn events_stand_between_those_who_exchange_them() {
    assert_snapshot!(drawn(&["--events", "-o", "mermaid"]));
}

#[test]
fn policies_are_drawn_as_their_proof_finds_them() {
    assert_snapshot!(drawn(&["--policy", "--domain", "loyalty", "-o", "dot"]));
}

#[test]
fn every_form_and_every_view_draws_the_services() {
    let cases: [(&[&str], &str); 5] = [
        (&["-o", "svg", "--events"], "<svg xmlns="),
        (&["-o", "dot"], "digraph \"travel\" {\n"),
        (&["-o", "mermaid", "--policy"], "flowchart LR\n"),
        (&["--by-domain"], "travel, by domain: 2 domains"),
        (&["--domain", "booking"], "travel, domain booking: 1 service"),
    ];
    for (arguments, beginning) in cases {
        let picture = drawn(arguments);
        assert!(picture.starts_with(beginning), "{arguments:?}: {picture}");
        assert!(picture.contains("booking"), "{arguments:?}: {picture}");
    }
}

#[test]
fn a_domain_that_nothing_is_in_is_told_with_the_nearest() {
    let ran = ran(&["--domain", "bookin"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert_eq!(
        ran.stderr,
        "error: no service of travel is in a domain \"bookin\"; did you mean \"booking\"?\n"
    );
}

#[test]
fn several_apps_are_one_list_and_no_single_picture() {
    let other = TRAVEL.replace("name: travel", "name: other, namespace: there");
    let directory = Directory::with(&[("a.yaml", TRAVEL), ("b.yaml", &other)]);
    let list = directory.msapp(&["graph", "."]).fine();
    assert!(list.starts_with("travel: ") && list.contains("\n\nother: "), "{list}");
    let ran = directory.msapp(&["graph", ".", "-o", "svg"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert_eq!(ran.stderr, "error: there are 2 MicroserviceApps, and a picture of this form shows one\n");
}

#[test]
fn a_resource_with_mistakes_is_not_drawn() {
    for arguments in [vec!["graph", "-"], vec!["graph", "-", "--policy"]] {
        let ran = Directory::with(&[])
            .msapp_with_input(&arguments, &TRAVEL.replace("[{name: seats}", "[{name: saets}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
        assert!(ran.stderr.contains("did you mean \"seats\"?"), "{}", ran.stderr);
    }
}
