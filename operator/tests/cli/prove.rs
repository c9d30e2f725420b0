//! `msapp prove`

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::Directory;

const SHOP: &str = "\
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: shop, namespace: shop}
spec:
  network: {monitoringNamespace: monitoring}
  services:
  - name: order-taking
    image: order-taking:1
    ports: [{name: http, port: 80, targetPort: 8080}]
    dependencies: [{name: cart}, {name: orders-db}, {name: stripe}]
  - name: cart
    image: cart:1
    ports: [{name: http, port: 80, targetPort: 8081}]
  - {name: idle, image: 'idle:1'}
  backingServices:
  - {name: orders-db, engine: PostgreSQL, host: pg.data, pods: {namespace: data, labels: {cluster: pg}}}
  externalServices:
  - {name: stripe, host: api.stripe.com, port: 443, tls: true}
";

fn proven(text: &str, arguments: &[&str]) -> String {
    let all: Vec<&str> = [&["prove", "-"], arguments].concat();
    Directory::with(&[]).msapp_with_input(&all, text).fine()
}

#[test]
fn the_result_is_one_line_and_the_table_has_a_line_for_each_pair() {
    assert_snapshot!(proven(SHOP, &[]));
}

#[test]
fn a_target_of_which_only_a_name_is_known_is_open_to_every_address_where_the_resource_says_so() {
    let lenient = SHOP.replace("{monitoringNamespace: monitoring}", "{isolation: Lenient}");
    let told = proven(&lenient, &[]);
    assert!(told.contains("stripe (any address)  TCP 443"), "{told}");
    assert!(!told.contains("nothing"), "{told}");
}

#[test]
fn an_app_without_isolation_is_told_so_without_a_table() {
    let open = SHOP.replace("{monitoringNamespace: monitoring}", "{isolation: Disabled}");
    assert_snapshot!(proven(&open, &[]));
}

#[test]
fn for_a_machine_it_is_json() {
    let proofs: Value = serde_json::from_str(&proven(SHOP, &["--output", "json"])).expect("it is JSON");
    let proof = &proofs[0];
    assert_eq!(proof["app"], "shop");
    assert_eq!(proof["isolated"], true);
    assert_eq!(proof["counts"]["pairs"], 6);
    assert_eq!(proof["counts"]["openPairs"], 1);
    assert_eq!(proof["matrix"]["order-taking"]["cart"], "TCP 8081");
    assert_eq!(proof["closed"], serde_json::json!({"order-taking": ["stripe"]}));
    assert_eq!(proof["differences"], serde_json::json!([]));
}

#[test]
fn several_apps_are_proven_each_for_itself() {
    let other = SHOP.replace("name: shop, namespace: shop", "name: another, namespace: there");
    let directory = Directory::with(&[("a.yaml", SHOP), ("b.yaml", &other)]);
    let told = directory.msapp(&["prove", "."]).fine();
    let results: Vec<&str> = told.lines().filter(|line| line.contains("pairs,")).collect();
    assert_eq!(
        results,
        [
            "shop: 6 pairs, both directions, every port: reachable equals declared",
            "another: 6 pairs, both directions, every port: reachable equals declared"
        ]
    );
}

#[test]
fn a_resource_with_mistakes_is_not_proven() {
    let ran = Directory::with(&[("shop.yaml", &SHOP.replace("{name: cart}", "{name: cast}"))])
        .msapp(&["prove", "shop.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("did you mean \"cart\"?"), "{}", ran.stderr);
}

#[test]
fn nothing_to_prove_is_another_exit_code() {
    let ran = Directory::with(&[]).msapp_with_input(&["prove", "-"], "kind: ConfigMap\napiVersion: v1\n");
    assert_eq!((ran.code, ran.stderr.as_str()), (2, "error: no MicroserviceApp in 1 file\n"));
}
