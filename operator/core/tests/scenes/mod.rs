//! Scenes: an app, what is there of it, and the status that must come of that.
//!
//! `<scene>.in.yaml` holds one MicroserviceApp and a List of Deployments, Pods and Events as the API server would send
//! them, but for what is the same of all Deployments: [`owned`] adds that. ConfigMaps and Secrets work as in the golden
//! files. `<scene>.out.yaml` is the status.

use std::path::{Path, PathBuf};

use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::observed::{Observed, Warning, project_child, project_pod};
use msapp_core::plan::{self, Plan};
use msapp_core::status::{Facts, Outcome, status};
use msapp_core::{build, graph, labels};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use serde_json::{Value, json};

const UID: &str = "uid";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenes")
}

fn observed(app: &str, objects: &[&Value]) -> Observed {
    let mut observed = Observed::default();
    for object in objects {
        let name = object["metadata"]["name"].as_str().expect("a name");
        match object["kind"].as_str() {
            Some("Deployment") => {
                let child = project_child(ChildKind::Deployment, &owned(app, object));
                observed.children.insert(ChildKey::new(ChildKind::Deployment, name), child);
                observed.started.insert(name.to_owned());
            }
            Some("Pod") => {
                let (of, mut pod) = project_pod(object).expect("a pod of an app");
                assert_eq!(of, app, "pod {name}");
                pod.warnings = warnings(name, objects);
                observed.pods.push(pod);
            }
            Some("Event") => {}
            kind => panic!("{kind:?} has no place in a scene"),
        }
    }
    observed
}

/// Owner and selector, which the operator gives to every Deployment.
fn owned(app: &str, deployment: &Value) -> Value {
    let mut deployment = deployment.clone();
    let name = deployment["metadata"]["name"].as_str().expect("a name").to_owned();
    deployment["metadata"]["ownerReferences"] =
        json!([{"kind": "MicroserviceApp", "name": app, "uid": UID, "controller": true}]);
    deployment["spec"]["selector"]["matchLabels"] = json!(labels::selector(app, &name));
    deployment
}

fn warnings(pod: &str, objects: &[&Value]) -> Vec<Warning> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let events = objects.iter().filter(|event| event["involvedObject"]["name"] == pod);
    let warning = |event: &Value| Warning {
        reason: text(&event["reason"]),
        message: text(&event["message"]),
        count: 1,
    };
    events.copied().map(warning).collect()
}

fn scene(input: &Path) -> MicroserviceAppStatus {
    told(super::documents(input))
}

fn told(documents: Vec<Value>) -> MicroserviceAppStatus {
    let (lists, documents): (Vec<Value>, Vec<Value>) =
        documents.into_iter().partition(|document| document["kind"] == "List");
    let objects: Vec<&Value> =
        lists.iter().flat_map(|list| list["items"].as_array().into_iter().flatten()).collect();
    let resource = documents.iter().find(|document| document["kind"] == "MicroserviceApp").expect("an app");
    let source = super::source(resource);
    let app = graph::resolve(&source).unwrap_or_else(|violations| panic!("{}: {violations}", source.name));
    let references = super::references(&documents, &app);
    let app = app.bound(&references);
    let observed = observed(&app.name, &objects);
    let plan =
        if app.suspended { Plan::default() } else { plan::plan(&app, UID, &build::objects(&app), &observed) };
    let outcome = Outcome::Valid { app: &app, plan: &plan, failures: &[] };
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    status(&Facts { source: &source, outcome, observed: &observed, previous: None, now })
}

#[test]
fn scenes_tell_their_cause() {
    super::expect_files(super::files(&folder(), ".in.yaml").into_iter().map(|input| {
        let expected = PathBuf::from(input.to_string_lossy().replace(".in.yaml", ".out.yaml"));
        (expected, serde_saphyr::to_string(&scene(&input)).expect("plain data"))
    }));
}

#[test]
fn no_scene_is_told_without_its_input() {
    let inputs = super::files(&folder(), ".in.yaml").len();
    assert!(inputs >= 12, "{inputs} scenes");
    for output in super::files(&folder(), ".out.yaml") {
        let input = PathBuf::from(output.to_string_lossy().replace(".out.yaml", ".in.yaml"));
        assert!(input.exists(), "{}", input.display());
    }
}

#[test]
fn a_hundred_services_that_are_all_down_make_a_status_of_bounded_size() {
    let status = scene(&folder().join("everything-down.in.yaml"));
    assert_eq!(status.services.len(), 100);
    let bytes = serde_json::to_string(&status).expect("plain data").len();
    assert!(bytes < 64 * 1024, "{bytes} bytes");
}

/// A Deployment of two pods, `ready` of them ready.
fn deployment(name: &str, ready: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "generation": 1},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": ready,
            "availableReplicas": ready, "unavailableReplicas": 2 - ready},
    })
}

/// A pod that is started again and again.
fn crashing(app: &str, service: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{service}-5c99f894c4-x1"), "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"msapp.dev/app": app, "msapp.dev/service": service, "pod-template-hash": "5c99f894c4"}},
        "status": {"phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
            "containerStatuses": [{"name": "app", "image": "x", "ready": false, "restartCount": 7,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 139, "reason": "Error"}}}]},
    })
}

#[test]
fn a_dead_review_service_harms_nothing_else_in_the_dotnet_shop() {
    let mut documents = super::documents(&super::root().join("samples/dotnet-shop.yaml"));
    let services = documents[0]["spec"]["services"].as_array().expect("services").clone();
    let names = services.iter().map(|service| service["name"].as_str().expect("a name"));
    let mut items: Vec<Value> =
        names.map(|name| deployment(name, if name == "review" { 0 } else { 2 })).collect();
    items.push(crashing("dotnet-shop", "review"));
    documents.push(json!({"kind": "List", "items": items}));
    let status = told(documents);

    let harmed = status.services.iter().filter(|service| service.reason.is_some());
    assert_eq!(harmed.map(|service| service.name.as_str()).collect::<Vec<_>>(), ["review"]);
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").expect("Ready");
    assert_eq!(ready.message, "7/8: review: CrashLoopBackOff (exit 139)");
}
