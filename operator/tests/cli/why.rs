//! `msapp why`

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::program::{Directory, Ran};

pub(crate) const SHOP: &str = "\
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: shop, namespace: shop}
spec:
  network: {monitoringNamespace: monitoring, ingressNamespace: ingress-nginx}
  defaults:
    probes: {path: /healthz}
    resources: {limits: {memory: 128Mi}}
  domains:
  - {name: ordering, owner: team-orders}
  - {name: browsing, owner: team-catalog}
  services:
  - name: order-taking
    domain: ordering
    image: order-taking:1
    ports: [{name: http, port: 80, targetPort: 8080}]
    dependencies:
    - {name: cart, env: [{name: CART_URL, from: Url}]}
    - {name: stripe}
    env: [{name: ADMIN_PASSWORD, value: hunter2}]
    publishes: [OrderPlaced]
    expose: {host: shop.example.com, path: /orders}
  - name: cart
    domain: ordering
    image: cart:1
    ports: [{name: http, port: 80, targetPort: 8081}, {name: admin, port: 9000}]
    dependencies:
    - {name: catalog, optional: true}
    - {name: cart-db, env: [{name: DB, from: Url}]}
  - {name: catalog, domain: browsing, image: 'catalog:1', ports: [{name: http, port: 80}]}
  - {name: mailer, domain: browsing, image: 'mailer:1', probes: {exec: {command: [/healthy]}}, consumes: [OrderPlaced]}
  backingServices:
  - {name: cart-db, engine: PostgreSQL, owner: cart, host: pg.data, secret: {name: cart-db}, pods: {namespace: data}}
  - {name: events, engine: NATS, host: nats.data, pods: {namespace: data}, events: [{name: OrderPlaced}]}
  externalServices:
  - {name: stripe, host: api.stripe.com, port: 443, tls: true, cidrs: [198.51.100.0/24]}
";

fn asked(edge: &[&str]) -> Ran {
    let words: Vec<&str> = [&["why", "shop.yaml"], edge].concat();
    Directory::with(&[("shop.yaml", SHOP)]).msapp(&words)
}

#[test]
fn what_is_allowed_names_the_line_that_allows_it() {
    assert_snapshot!(asked(&["order-taking", "cart:80"]).fine());
}

#[test]
fn what_is_not_allowed_names_the_line_to_add_and_ends_with_1() {
    let ran = asked(&["catalog->cart:admin"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert_snapshot!(ran.stdout);
}

#[test]
fn the_outside_enters_through_the_ingress_controller() {
    assert_snapshot!(asked(&["internet", "order-taking"]).fine());
}

#[test]
fn for_a_machine_each_path_has_file_and_line() {
    let told: Value =
        serde_json::from_str(&asked(&["order-taking", "stripe", "-o", "json"]).fine()).expect("JSON");
    assert_eq!((&told["allowed"], &told["ports"]), (&json!(true), &json!("TCP 443")));
    let reason = &told["reasons"][0];
    assert_eq!(reason["path"], "spec.services[0].dependencies[1]");
    assert_eq!((&reason["file"], &reason["line"]), (&json!("shop.yaml"), &json!(19)));
}

#[test]
fn the_standard_input_is_a_file_too() {
    let ran = Directory::with(&[]).msapp_with_input(&["why", "-", "cart", "catalog"], SHOP);
    assert!(ran.fine().contains("<stdin>:28 spec.services[1].dependencies[0]"));
}

#[test]
fn an_arrow_that_the_shell_took_away_is_recognised() {
    let ran = asked(&["cart-"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("your shell took > for the name of a file. Write cart CALLED"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_slip_of_the_finger_gets_a_suggestion() {
    let ran = asked(&["crat", "catalog"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean \"cart\"?"), "{}", ran.stderr);
}

#[test]
fn of_several_apps_one_is_chosen() {
    let other = SHOP.replace("name: shop, namespace: shop", "name: other, namespace: there");
    let directory = Directory::with(&[("a.yaml", SHOP), ("b.yaml", &other)]);
    let ran = directory.msapp(&["why", ".", "cart", "catalog"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("choose one of shop, other with --app"), "{}", ran.stderr);
    let told = directory.msapp(&["why", ".", "cart", "catalog", "--app", "other"]).fine();
    assert!(told.contains("b.yaml:28"), "{told}");
}

#[test]
fn a_resource_with_mistakes_has_no_answer() {
    let wrong = SHOP.replace("- {name: catalog, optional: true}", "- {name: catalgo}");
    let ran = Directory::with(&[("shop.yaml", &wrong)]).msapp(&["why", "shop.yaml", "cart", "catalog"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("did you mean \"catalog\"?"), "{}", ran.stderr);
}

#[test]
fn of_a_port_that_is_closed_the_open_one_is_told_at_both_ends() {
    let ran = asked(&["order-taking", "cart:admin"]);
    assert_eq!(ran.code, 1);
    let egress = "egress   NetworkPolicy order-taking lets TCP 8081 out to cart, not TCP 9000\n";
    let ingress = "ingress  NetworkPolicy cart lets TCP 8081 in from order-taking, not TCP 9000\n";
    assert!(ran.stdout.contains(egress) && ran.stdout.contains(ingress), "{}", ran.stdout);
    let ran = asked(&["order-taking", "cart:65536"]);
    assert!(ran.stdout.contains("lets TCP 8081 out to cart, not port 65536\n"), "{}", ran.stdout);
}

#[test]
fn a_denial_has_no_reason_that_reads_as_a_permission() {
    let ran = asked(&["order-taking", "dns:80"]);
    assert!(ran.stdout.contains("because  this is not the port of DNS"), "{}", ran.stdout);
}
