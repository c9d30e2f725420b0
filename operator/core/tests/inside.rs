//! What is declared as outside of the app and is inside, and one thing under several names.

use msapp_core::graph;
use msapp_core::source::Source;
use serde_json::{Value, json};

fn told(backing: &Value) -> Vec<String> {
    let spec = json!({
        "services": [
            {"name": "postgres", "image": "postgres:17", "labels": {"tier": "data"}, "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}]},
            {"name": "a", "image": "a:1", "dependencies": [{"name": "one"}]},
            {"name": "b", "image": "b:1", "dependencies": [{"name": "two"}]},
        ],
        "backingServices": backing,
    });
    let source = Source { name: "shop".into(), namespace: "shop".into(), spec, ..Source::default() };
    match graph::resolve(&source) {
        Ok(_) => Vec::new(),
        Err(violations) => violations.errors().map(ToString::to_string).collect(),
    }
}

fn backing(name: &str, host: &str, more: &Value) -> Value {
    let mut backing = json!({"name": name, "engine": "PostgreSQL", "host": host, "database": name});
    backing.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
    backing
}

#[test]
fn a_host_or_pods_of_a_service_of_the_app_are_told_to_be_that_service() {
    let elsewhere = |name: &str| backing(name, "pg.data", &json!({}));
    for host in ["postgres", "postgres.shop", "postgres.shop.svc", "postgres.shop.svc.cluster.local"] {
        let found = told(&json!([backing("one", host, &json!({})), elsewhere("two")]));
        assert_eq!(found.len(), 1, "{host}: {found:?}");
        assert!(
            found[0].starts_with("spec.backingServices[0].host: this is the service \"postgres\""),
            "{found:?}"
        );
    }
    let pods =
        |pods: Value| told(&json!([backing("one", "pg.data", &json!({"pods": pods})), elsewhere("two")]));
    assert!(pods(json!({"labels": {"tier": "data"}}))[0].starts_with("spec.backingServices[0].pods.labels"));
    assert!(pods(json!({"namespace": "data", "labels": {"tier": "data"}})).is_empty());
    assert!(pods(json!({"labels": {"tier": "web"}})).is_empty());
    assert!(told(&json!([backing("one", "postgres.data", &json!({})), elsewhere("two")])).is_empty());
}

#[test]
fn one_database_under_two_spellings_of_its_host_is_one_database() {
    let owned = |name: &str, host: &str, owner: &str| {
        backing(name, host, &json!({"database": "orders", "owner": owner}))
    };
    for (one, two, same) in [
        ("pg.data", "pg.data.svc.cluster.local", true),
        ("pg", "pg.shop.svc", true),
        ("pg.data", "pg.other", false),
        ("10.0.0.1", "10.0.0.2", false),
    ] {
        let found = told(&json!([owned("one", one, "a"), owned("two", two, "b")]));
        assert_eq!(!found.is_empty(), same, "{one} and {two}: {found:?}");
    }
}
