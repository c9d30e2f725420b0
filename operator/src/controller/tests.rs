//! Whole reconciles against a scripted API server.

mod order;
mod proof;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use msapp_core::desired::ChildKind;
use msapp_core::policy;
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::events::Reporter;
use super::queue::{AppKey, Queue};
use super::reconcile::{Context, Memory, Pass};
use super::wake::Wake;
use crate::cluster::{Fenced, ProvisionedServices, Scope, TransportError, View, app_from};
use crate::telemetry::ReconcileResult;

/// A refusal: status code, message, reason of its cause.
type Refusal = (u16, &'static str, &'static str);

/// What the server does with a write of `<resource>/<name>`.
#[derive(Clone, Copy)]
enum Behaviour {
    Refuse(Refusal),
    TimeOut,
    Fence,
}

/// An API server that stores what it is sent, unless it is told otherwise.
#[derive(Default)]
struct Server {
    objects: BTreeMap<String, Value>,
    behaviour: BTreeMap<&'static str, Behaviour>,
    /// `PATCH deployments/cart`, in the order of arrival.
    requests: Vec<String>,
    version: u64,
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, body: &Value) -> Result<(u16, Value), BoxError> {
        let place = path.rsplit("/namespaces/shop/").next().unwrap_or_default().to_owned();
        self.requests.push(format!("{method} {place}"));
        let behaviour = self.behaviour.iter().find(|(pattern, _)| place.starts_with(**pattern));
        match behaviour.map(|(_, behaviour)| *behaviour) {
            Some(Behaviour::Refuse(refusal)) => Ok(refuse(refusal)),
            Some(Behaviour::TimeOut) => Err(TransportError::TimedOut.into()),
            Some(Behaviour::Fence) => Err(Fenced.into()),
            None => Ok((200, self.store(method, place, body))),
        }
    }

    fn store(&mut self, method: &Method, place: String, body: &Value) -> Value {
        self.version += 1;
        if *method == Method::DELETE {
            self.objects.remove(&place);
            return json!({"kind": "Status", "status": "Success"});
        }
        let version = json!(self.version.to_string());
        if let Some(place) = place.strip_suffix("/status") {
            let app = self.objects.get_mut(place).expect("the app exists");
            merge(&mut app["status"], &body["status"]);
            app["metadata"]["resourceVersion"] = version;
            return app.clone();
        }
        let mut object = body.clone();
        object["metadata"]["resourceVersion"] = version;
        object["metadata"]["uid"] = json!(format!("uid-of-{place}"));
        object["metadata"]["managedFields"] =
            json!([{"manager": "msapp", "operation": "Apply", "fieldsV1": owned(body)}]);
        self.objects.insert(place, object.clone());
        object
    }
}

/// Every field of a manifest, as server-side apply would note them for a manager that owns all.
fn owned(manifest: &Value) -> Value {
    let mut fields = json!({"f:metadata": {"f:labels": {}}});
    for field in manifest.as_object().into_iter().flatten().map(|(field, _)| field) {
        if !["apiVersion", "kind", "metadata"].contains(&field.as_str()) {
            fields[format!("f:{field}")] = json!({});
        }
    }
    fields
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    for (field, value) in fields {
        if value.is_null() {
            target.as_object_mut().and_then(|target| target.remove(field));
        } else {
            merge(&mut target[field], value);
        }
    }
}

fn refuse((code, message, cause): Refusal) -> (u16, Value) {
    let causes = json!([{"reason": cause, "message": "", "field": ""}]);
    let details = json!({"causes": causes});
    (
        code,
        json!({"kind": "Status", "status": "Failure", "code": code, "message": message, "reason": "x", "details": details}),
    )
}

/// One app with its controller and its server.
struct World {
    server: Arc<Mutex<Server>>,
    context: Context,
    memory: Memory,
    generation: i64,
}

impl World {
    fn new(spec: Value) -> Self {
        let server = Arc::new(Mutex::new(Server { version: 100, ..Server::default() }));
        let shared = server.clone();
        let client = Client::new(
            service_fn(move |request: Request<Body>| {
                let shared = shared.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect_bytes().await?;
                    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    let (code, answer) =
                        shared.lock().expect("not poisoned").answer(&head.method, head.uri.path(), &body)?;
                    let answer = Body::from(answer.to_string().into_bytes());
                    Ok::<_, BoxError>(Response::builder().status(code).body(answer)?)
                }
            }),
            "shop",
        );
        let view = Arc::new(View::new(Scope { namespaces: Vec::new(), secrets: false }));
        let (reporter, _) = Reporter::new(client.clone(), "test".into());
        let wake = Arc::new(Wake::new(view.clone(), Arc::new(Queue::default())));
        let context = Context {
            view,
            provisioned: ProvisionedServices::new(client.clone()),
            client,
            digests: None,
            wake,
            reporter,
            metrics: Arc::default(),
            prove: policy::prove,
        };
        let mut world = Self { server, context, memory: Memory::default(), generation: 0 };
        world.edit(spec);
        world
    }

    /// The user writes another spec.
    fn edit(&mut self, spec: Value) {
        self.generation += 1;
        let mut server = self.server.lock().expect("not poisoned");
        server.version += 1;
        let status = server.objects.get("microserviceapps/shop").map(|app| app["status"].clone());
        let app = json!({
            "metadata": {"name": "shop", "namespace": "shop", "uid": "uid-of-shop", "generation": self.generation,
                "resourceVersion": server.version.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": spec, "status": status.unwrap_or_else(|| json!({"observedGeneration": -1})),
        });
        server.objects.insert("microserviceapps/shop".into(), app.clone());
        self.context.view.app_written(app_from(app).expect("an app"));
    }

    fn behave(&self, place: &'static str, behaviour: Option<Behaviour>) {
        let mut server = self.server.lock().expect("not poisoned");
        match behaviour {
            Some(behaviour) => server.behaviour.insert(place, behaviour),
            None => server.behaviour.remove(place),
        };
    }

    /// One pass, and what it asked the server.
    async fn pass(&mut self) -> (Pass, Vec<String>) {
        let pass = self.context.reconcile(&AppKey::new("shop", "shop"), &mut self.memory).await;
        (pass, std::mem::take(&mut self.server.lock().expect("not poisoned").requests))
    }

    fn status(&self) -> MicroserviceAppStatus {
        let server = self.server.lock().expect("not poisoned");
        serde_json::from_value(server.objects["microserviceapps/shop"]["status"].clone()).expect("a status")
    }

    /// Reason and message of the condition `Ready`.
    fn ready(&self) -> (String, String) {
        let conditions = self.status().conditions;
        let ready =
            conditions.into_iter().find(|condition| condition.type_ == "Ready").expect("always there");
        (ready.reason, ready.message)
    }
}

fn two_services() -> Value {
    let service =
        |name: &str| json!({"name": name, "image": "shop:1", "ports": [{"name": "http", "port": 80}]});
    json!({"services": [service("cart"), service("search")]})
}

const STATUS: &str = "PATCH microserviceapps/shop/status";

fn children(requests: &[String]) -> Vec<&str> {
    requests.iter().map(String::as_str).filter(|request| *request != STATUS).collect()
}

#[tokio::test]
async fn the_first_pass_writes_each_child_once_and_the_next_writes_nothing() {
    let mut world = World::new(two_services());
    let (pass, requests) = world.pass().await;
    assert_eq!(pass.result, ReconcileResult::Applied);
    let mut unique = requests.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), requests.len(), "{requests:?}");
    assert!(requests.contains(&"PATCH deployments/search".to_owned()));
    assert_eq!(requests.last().map(String::as_str), Some(STATUS));
    let (pass, requests) = world.pass().await;
    assert_eq!((pass.result, requests), (ReconcileResult::Unchanged, vec![]));
}

#[tokio::test]
async fn an_edit_writes_what_it_changes() {
    let mut world = World::new(two_services());
    world.pass().await;
    let mut spec = two_services();
    spec["services"][0]["image"] = json!("shop:2");
    world.edit(spec);
    assert_eq!(world.pass().await.1, ["PATCH deployments/cart", STATUS]);
}

#[tokio::test]
async fn every_child_is_owned_by_the_app_and_nothing_is_adopted() {
    let mut world = World::new(two_services());
    world.pass().await;
    let server = world.server.lock().expect("not poisoned");
    for (place, object) in server.objects.iter().filter(|(place, _)| *place != "microserviceapps/shop") {
        assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "uid-of-shop", "{place}");
        assert_eq!(object["metadata"]["ownerReferences"][0]["controller"], true, "{place}");
        assert_eq!(object["metadata"]["namespace"], "shop", "{place}");
    }
}

#[tokio::test]
async fn a_service_that_is_dropped_is_pruned_pods_first_and_its_policy_once_they_are_gone() {
    let mut world = World::new(two_services());
    world.pass().await;
    let mut spec = two_services();
    spec["services"].as_array_mut().expect("a list").pop();
    world.edit(spec);
    let (_, requests) = world.pass().await;
    let deleted: Vec<_> = requests.iter().filter(|request| request.starts_with("DELETE")).collect();
    assert!(deleted.iter().all(|request| request.ends_with("/search")), "{deleted:?}");
    assert_eq!(deleted.first().map(|request| request.as_str()), Some("DELETE deployments/search"));
    assert!(!deleted.iter().any(|request| request.contains("networkpolicies")), "{deleted:?}");
    assert_eq!(world.pass().await.1, ["DELETE networkpolicies/search"]);
    assert_eq!(world.pass().await.1, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_field_conflict_is_told_and_tried_again_slowly() {
    let mut world = World::new(two_services());
    let message = "Apply failed with 1 conflict: conflict with \"rival\": .spec.replicas";
    world.behave("deployments/cart", Some(Behaviour::Refuse((409, message, "FieldManagerConflict"))));
    let (pass, requests) = world.pass().await;
    assert_eq!(pass.result, ReconcileResult::Failed);
    assert!(requests.contains(&"PATCH deployments/search".to_owned()), "the other children go on");
    let (reason, told) = world.ready();
    assert_eq!(reason, "FieldConflict");
    assert!(told.contains("rival"), "{told}");
    assert_eq!(world.pass().await.1, Vec::<String>::new(), "neither the write nor the status again");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(children(&world.pass().await.1), ["PATCH deployments/cart"]);
}

#[tokio::test(start_paused = true)]
async fn pods_are_not_made_without_what_they_need() {
    let mut world = World::new(two_services());
    world.behave("configmaps/cart", Some(Behaviour::Refuse((422, "ConfigMap \"cart\" is invalid", ""))));
    let (_, requests) = world.pass().await;
    assert!(!requests.contains(&"PATCH deployments/cart".to_owned()));
    assert!(requests.contains(&"PATCH deployments/search".to_owned()));
    assert_eq!(world.ready().0, "Rejected");
    world.behave("configmaps/cart", None);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(children(&world.pass().await.1), ["PATCH configmaps/cart", "PATCH deployments/cart"]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_is_told() {
    let mut world = World::new(two_services());
    let message = "services \"cart\" is forbidden: exceeded quota: small";
    world.behave("services/", Some(Behaviour::Refuse((403, message, ""))));
    world.pass().await;
    let (reason, told) = world.ready();
    assert_eq!(reason, "QuotaExceeded");
    assert!(told.contains("exceeded quota: small"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_being_deleted_is_left_in_peace() {
    let mut world = World::new(two_services());
    let refusal = (403, "namespace shop is being terminated", "NamespaceTerminating");
    for place in ["configmaps/", "serviceaccounts/", "deployments/", "services/", "networkpolicies/"] {
        world.behave(place, Some(Behaviour::Refuse(refusal)));
    }
    let (_, requests) = world.pass().await;
    assert!(children(&requests).len() <= 4, "{requests:?}");
    assert_eq!(world.ready().0, "NamespaceTerminating");
    assert_eq!(children(&world.pass().await.1), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_when_it_lasts_and_costs_few_requests() {
    let mut world = World::new(two_services());
    for place in ["configmaps/", "serviceaccounts/", "deployments/", "services/", "networkpolicies/"] {
        world.behave(place, Some(Behaviour::TimeOut));
    }
    let (pass, requests) = world.pass().await;
    assert!(children(&requests).len() <= 4, "{requests:?}");
    assert!(pass.next.is_some_and(|next| next <= Duration::from_secs(1)));
    assert_ne!(world.ready().0, "ApiUnavailable", "once is no outage");
    tokio::time::advance(Duration::from_secs(1)).await;
    world.pass().await;
    assert_eq!(world.ready().0, "ApiUnavailable");
}

#[tokio::test(start_paused = true)]
async fn whoever_lost_the_lease_stops_and_tells_nothing() {
    let mut world = World::new(two_services());
    world.behave("configmaps/", Some(Behaviour::Fence));
    let (pass, requests) = world.pass().await;
    assert_eq!(pass, Pass { result: ReconcileResult::Fenced, next: None });
    assert!(
        !requests.iter().any(|request| request == STATUS || request.contains("deployments")),
        "{requests:?}"
    );
}

#[tokio::test]
async fn mistakes_are_told_all_at_once_and_what_runs_keeps_running() {
    let mut world = World::new(two_services());
    world.pass().await;
    let mut spec = two_services();
    spec["services"][0]["dependencies"] = json!([{"name": "serch"}]);
    spec["services"][1]["replicas"] = json!("two");
    world.edit(spec);
    let (pass, requests) = world.pass().await;
    assert_eq!((pass.result, requests), (ReconcileResult::Invalid, vec![STATUS.to_owned()]));
    let (reason, message) = world.ready();
    assert_eq!(reason, "InvalidSpec");
    assert!(
        message.contains("did you mean \"search\"?") && message.contains("spec.services[1].replicas"),
        "{message}"
    );
    assert_eq!(world.status().services.len(), 2, "what was known of the services stands");
    assert_eq!(world.pass().await.1, Vec::<String>::new());
}

#[tokio::test]
async fn a_foreign_object_of_the_same_name_is_told_and_left_alone() {
    let mut world = World::new(two_services());
    let foreign =
        json!({"metadata": {"name": "cart", "namespace": "shop", "uid": "foreign", "resourceVersion": "50"}});
    let kind = ChildKind::ServiceAccount;
    world.context.view.child_written(kind, crate::cluster::child_from(kind, &foreign));
    let (_, requests) = world.pass().await;
    assert!(!requests.contains(&"PATCH serviceaccounts/cart".to_owned()));
    assert!(
        !requests.contains(&"PATCH deployments/cart".to_owned()),
        "its pods would run with a foreign account"
    );
    assert_eq!(world.ready().0, "NameTaken");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_written_is_written_later() {
    let mut world = World::new(two_services());
    world.behave(
        "microserviceapps/shop/status",
        Some(Behaviour::Refuse((409, "the object has been modified", ""))),
    );
    let (pass, _) = world.pass().await;
    assert_eq!(pass.result, ReconcileResult::Failed);
    world.behave("microserviceapps/shop/status", None);
    assert_eq!(world.pass().await.1, [STATUS]);
}
