//! The health script for Argo CD, run by a Lua of the version that Argo CD speaks, on statuses as the operator writes
//! them: those of the golden files and scenes of the core.

use std::{fs, path::PathBuf};

use mlua::{Lua, LuaSerdeExt};
use serde_json::{Value, json};

fn file(path: &str) -> String {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The status of a scene or of a golden file, in which it is the last document.
fn status(name: &str) -> Value {
    let text = file(&format!("operator/core/tests/{name}.out.yaml"));
    let last = text.rsplit("---\n").next().expect("a document");
    let mut status: Value = serde_saphyr::from_str(last).expect("plain data");
    if status["status"].is_object() { status["status"].take() } else { status }
}

/// A resource of generation 1 with this status.
fn resource(status: &Value, suspended: bool) -> Value {
    json!({"metadata": {"name": "shop", "generation": 1}, "spec": {"suspend": suspended}, "status": status})
}

/// Health and message, as Argo CD would show them.
fn health(resource: &Value) -> (String, String) {
    let lua = Lua::new();
    let table = lua.to_value(resource).expect("plain data");
    lua.globals().set("obj", table).expect("a table can be set");
    let health = lua.load(file("deploy/argocd/health.lua")).eval().expect("the script runs");
    let health: Value = lua.from_value(health).expect("a table of texts");
    let text = |field: &str| health[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"))
}

#[test]
fn every_status_has_the_health_that_the_documentation_promises() {
    for (name, expected, message) in [
        ("scenes/ready", "Healthy", "5/5 services are ready"),
        ("scenes/crash-blocks-callers", "Degraded", "cart: CrashLoopBackOff (exit 1"),
        ("scenes/missing-secret", "Progressing", "0/2: orders: MissingReference"),
        ("golden/sample-hello", "Progressing", "0/1: "),
        ("golden/invalid-values", "Degraded", "spec.defaults.replicas: "),
    ] {
        let (found, told) = health(&resource(&status(name), false));
        assert_eq!(found, expected, "{name}: {told}");
        assert!(told.starts_with(message), "{name}: {told}");
    }
}

#[test]
fn a_suspended_app_is_suspended_whatever_is_broken_but_a_mistake_in_it_is_told() {
    let (found, told) = health(&resource(&status("scenes/suspended"), true));
    assert_eq!(found, "Suspended", "{told}");
    let (found, told) = health(&resource(&status("golden/invalid-values"), true));
    assert_eq!(found, "Degraded", "{told}");
}

#[test]
fn what_nobody_has_seen_at_this_generation_is_progressing() {
    let ready = status("scenes/ready");
    let mut newer = resource(&ready, false);
    newer["metadata"]["generation"] = json!(2);
    for unseen in [
        newer,
        resource(&json!({"observedGeneration": -1}), false),
        json!({"metadata": {"name": "shop", "generation": 1}, "spec": {}}),
    ] {
        assert_eq!(
            health(&unseen),
            ("Progressing".to_owned(), "waiting for the operator".to_owned()),
            "{unseen}"
        );
    }
}
