//! `msapp render`

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::Directory;

const HELLO: &str = "\
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: hello}
spec:
  services:
  - name: web
    image: web:1
    ports: [{name: http, port: 80, targetPort: 8080}]
    env: [{name: MOTTO, value: 'yes'}, {name: FLAG, configMap: {name: flags, key: beta}}]
    dependencies: [{name: api, env: [{name: API_URL, from: Url}]}]
  - name: api
    image: api:1
    ports: [{name: http, port: 8080}]
";

/// The same, with everything whose order means nothing in another order.
const SHUFFLED: &str = "\
kind: MicroserviceApp
apiVersion: msapp.dev/v1alpha1
spec:
  services:
  - ports: [{port: 8080, name: http}]
    image: api:1
    name: api
  - dependencies: [{env: [{from: Url, name: API_URL}], name: api}]
    env: [{value: 'yes', name: MOTTO}, {configMap: {key: beta, name: flags}, name: FLAG}]
    ports: [{targetPort: 8080, port: 80, name: http}]
    image: web:1
    name: web
metadata: {name: hello}
";

const FLAGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: flags}\ndata: {beta: 'on'}\n";

fn rendered(text: &str, arguments: &[&str]) -> String {
    let all: Vec<&str> = [&["render", "-"], arguments].concat();
    Directory::with(&[]).msapp_with_input(&all, text).fine()
}

fn values(text: &str) -> Vec<Value> {
    let options = serde_saphyr::Options::default();
    serde_saphyr::from_multiple_with_options(text, options).expect("it is YAML")
}

#[test]
fn the_objects_are_printed_in_the_order_of_writing() {
    let kinds: Vec<String> = values(&rendered(HELLO, &[]))
        .iter()
        .map(|object| {
            format!(
                "{} {}",
                object["kind"].as_str().unwrap_or_default(),
                object["metadata"]["name"].as_str().unwrap_or_default()
            )
        })
        .collect();
    assert_snapshot!(kinds.join("\n"));
}

#[test]
fn the_same_input_gives_the_same_bytes_in_whatever_order_it_stands() {
    let first = rendered(HELLO, &[]);
    assert_eq!(first, rendered(HELLO, &[]));
    assert_eq!(first, rendered(SHUFFLED, &[]));
}

#[test]
fn several_apps_are_sorted_whatever_the_order_of_files() {
    let other = HELLO.replace("name: hello", "name: another, namespace: there");
    let directory = Directory::with(&[("a.yaml", HELLO), ("b.yaml", &other)]);
    let forth = directory.msapp(&["render", "a.yaml", "b.yaml"]).fine();
    assert_eq!(forth, directory.msapp(&["render", "b.yaml", "a.yaml"]).fine());
    assert_eq!(forth, directory.msapp(&["render", "."]).fine());
}

#[test]
fn the_namespace_is_that_of_the_resource_or_else_the_given_one() {
    let namespaces = |text: &str, arguments: &[&str]| -> Vec<String> {
        let objects = values(&rendered(text, arguments));
        let mut names: Vec<String> = objects
            .iter()
            .map(|object| object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned())
            .collect();
        names.dedup();
        names
    };
    assert_eq!(namespaces(HELLO, &[]), ["default"]);
    assert_eq!(namespaces(HELLO, &["-n", "shop"]), ["shop"]);
    assert_eq!(
        namespaces(&HELLO.replace("name: hello", "name: hello, namespace: own"), &["-n", "shop"]),
        ["own"]
    );
}

#[test]
fn yaml_and_json_say_the_same() {
    let list: Value = serde_json::from_str(&rendered(HELLO, &["-o", "json"])).expect("it is JSON");
    assert_eq!(list["kind"], "List");
    assert_eq!(list["items"].as_array().expect("a list"), &values(&rendered(HELLO, &[])));
    let motto = list["items"].to_string();
    assert!(motto.contains(r#"{"name":"MOTTO","value":"yes"}"#), "text stays text: {motto}");
}

#[test]
fn a_config_map_of_the_input_decides_when_the_pods_restart() {
    let digests = |text: &str| -> Vec<Value> {
        let objects = values(&rendered(text, &[]));
        let annotations = objects.iter().map(|object| {
            object["spec"]["template"]["metadata"]["annotations"]["msapp.dev/reference-digest"].clone()
        });
        annotations.filter(|digest| !digest.is_null()).collect()
    };
    let unknown = digests(HELLO);
    let on = digests(&format!("{HELLO}---\n{FLAGS}"));
    let off = digests(&format!("{}---\n{HELLO}", FLAGS.replace("'on'", "'off'")));
    assert!(unknown.is_empty());
    assert_eq!((on.len(), off.len()), (1, 1), "only the service that uses it restarts");
    assert_ne!(on, off);
    let elsewhere = FLAGS.replace("name: flags", "name: flags, namespace: elsewhere");
    assert!(
        digests(&format!("{HELLO}---\n{elsewhere}")).is_empty(),
        "that of another namespace is another one"
    );
}

#[test]
fn a_resource_with_mistakes_is_not_rendered() {
    let directory = Directory::with(&[("hello.yaml", &HELLO.replace("name: api, env", "name: apy, env"))]);
    let ran = directory.msapp(&["render", "hello.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_snapshot!(ran.stderr);
}

#[test]
fn nothing_to_render_is_another_exit_code() {
    let ran = Directory::with(&[]).msapp_with_input(&["render", "-"], FLAGS);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (2, "", "error: no MicroserviceApp in 1 file\n")
    );
}
