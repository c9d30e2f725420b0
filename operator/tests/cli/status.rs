//! `msapp status`

use std::net::TcpListener;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::api::{event, failure, kubeconfig, list, serve};
use crate::program::{Directory, Ran};

fn app(name: &str, ready: bool) -> Value {
    let (status, reason, message, pods) = if ready {
        ("True", "AllServicesReady", "2/2 services are ready", 1)
    } else {
        ("False", "RollingOut", "1/2: cart: RollingOut", 0)
    };
    let cart = if ready {
        json!({"name": "cart", "ready": pods, "desired": 1, "image": "cart:1"})
    } else {
        json!({"name": "cart", "ready": pods, "desired": 1, "image": "cart:1", "reason": "RollingOut"})
    };
    json!({
        "apiVersion": "msapp.dev/v1alpha1", "kind": "MicroserviceApp",
        "metadata": {"name": name, "namespace": "shop", "generation": 3, "resourceVersion": "2", "uid": name},
        "spec": {"services": [
            {"name": "cart", "image": "cart:1"},
            {"name": "web", "image": "web:2", "dependencies": [{"name": "cart"}]},
        ]},
        "status": {
            "observedGeneration": 3,
            "summary": if ready { "2/2" } else { "1/2" },
            "url": "https://shop.example.com/",
            "conditions": [{"type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 3}],
            "services": [cart, {"name": "web", "ready": 1, "desired": 1, "image": "web:2"}],
        },
    })
}

fn with_apps(apps: Vec<Value>) -> Directory {
    serve(move |_| list(&apps))
}

fn refused(ran: Ran) -> String {
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    ran.stderr
}

#[test]
fn the_only_app_of_the_namespace_is_shown_as_a_tree() {
    assert_snapshot!(with_apps(vec![app("shop", false)]).msapp(&["status"]).fine());
}

#[test]
fn several_apps_are_shown_as_a_table() {
    assert_snapshot!(
        with_apps(vec![app("shop", false), app("booking", true)]).msapp(&["status", "-A"]).fine()
    );
}

#[test]
fn a_named_app_is_an_object_in_json() {
    let text = with_apps(vec![app("shop", true)]).msapp(&["status", "shop", "-o", "json"]).fine();
    let value: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!((&value["name"], &value["ready"]["status"]), (&json!("shop"), &json!("True")));
    assert_eq!(value["services"][1]["dependencies"], json!(["cart"]));
}

#[test]
fn a_name_that_does_not_exist_is_told_with_what_was_meant() {
    let directory = with_apps(vec![app("shop", true), app("booking", true)]);
    assert_eq!(
        refused(directory.msapp(&["status", "shpo"])),
        "error: no MicroserviceApp \"shpo\" in namespace shop; did you mean \"shop\"?\n"
    );
    assert_eq!(
        refused(with_apps(vec![]).msapp(&["status", "-n", "empty"])),
        "error: no MicroserviceApp in namespace empty\n"
    );
}

#[test]
fn an_app_of_another_namespace_is_pointed_out() {
    let directory =
        serve(|path| if path.contains("/namespaces/") { list(&[]) } else { list(&[app("shop", true)]) });
    let told = refused(directory.msapp(&["status", "shop", "-n", "default"]));
    assert_eq!(
        told,
        "error: no MicroserviceApp \"shop\" in namespace default; there is one in namespace shop: add `-n shop`\n"
    );
}

#[test]
fn a_cluster_without_the_definition_is_told_how_to_get_it() {
    let directory = serve(|_| (404, "404 page not found\n".to_owned()));
    assert_snapshot!(refused(directory.msapp(&["status"])));
}

#[test]
fn what_the_user_may_not_see_is_told() {
    let directory = serve(|_| failure(403, "Forbidden", "microserviceapps is forbidden"));
    assert_snapshot!(refused(directory.msapp(&["status", "-n", "secret"])));
    let directory = serve(|_| failure(401, "Unauthorized", "Unauthorized"));
    assert!(refused(directory.msapp(&["status"])).contains("does not accept your credentials"));
}

#[test]
fn a_cluster_that_cannot_be_reached_is_told() {
    // The port was free a moment ago, and nobody listens on it.
    let address = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("there is a free port");
    let told = refused(kubeconfig(&address.to_string()).msapp(&["status"]));
    assert!(
        told.starts_with(&format!("error: cannot reach the API server at http://{address}/: ")),
        "{told}"
    );
    assert!(told.contains("Connection refused"), "{told}");
}

#[test]
fn without_a_kubeconfig_it_says_what_is_missing() {
    let told = refused(Directory::with(&[]).msapp(&["status"]));
    assert!(told.starts_with("error: no cluster is configured: "), "{told}");
}

#[test]
fn a_context_that_does_not_exist_is_told_with_what_was_meant() {
    let told = refused(kubeconfig("127.0.0.1:1").msapp(&["status", "--context", "tset"]));
    assert_eq!(told, "error: the kubeconfig has no context \"tset\"; did you mean \"test\"?\n");
}

#[test]
fn it_ends_when_everything_is_ready() {
    let directory = serve(|path| match path.contains("watch=true") {
        true => event("MODIFIED", &app("shop", true)),
        false => list(&[app("shop", false)]),
    });
    let text = directory.msapp(&["status", "shop", "--until-ready", "--timeout", "1m"]).fine();
    // The seconds since the beginning are the only thing that is not always the same.
    let lines = text.lines().map(|line| {
        line.trim_start()
            .split_once("s  ")
            .filter(|(seconds, _)| seconds.parse::<u64>().is_ok())
            .map_or(line, |(_, rest)| rest)
    });
    assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_app_that_is_ready_already_is_not_waited_for() {
    let text = with_apps(vec![app("shop", true)]).msapp(&["status", "shop", "--until-ready"]).fine();
    assert!(text.contains("Ready: True"), "{text}");
}

#[test]
fn an_app_that_does_not_become_ready_in_time_is_a_failure() {
    let directory = serve(|path| match path.contains("watch=true") {
        true => (200, String::new()),
        false => list(&[app("shop", false)]),
    });
    let ran = directory.msapp(&["status", "shop", "--until-ready", "--timeout", "1s"]);
    assert_eq!((ran.code, ran.stderr.lines().last()), (1, Some("not ready after 1s")));
}

#[test]
fn an_app_that_is_deleted_is_not_waited_for() {
    let directory = serve(|path| match path.contains("watch=true") {
        true => event("DELETED", &app("shop", false)),
        false => list(&[app("shop", false)]),
    });
    let ran = directory.msapp(&["status", "shop", "--until-ready"]);
    assert_eq!((ran.code, ran.stderr.lines().last()), (1, Some("the app was deleted")));
}

#[test]
fn options_that_make_no_sense_together_are_refused() {
    for arguments in [
        &["status", "-A", "-n", "x"][..],
        &["status", "-w", "-o", "json"],
        &["status", "--timeout", "5m"],
        &["status", "--until-ready", "--timeout", "soon"],
    ] {
        assert_eq!(kubeconfig("127.0.0.1:1").msapp(arguments).code, 2, "{arguments:?}");
    }
}
