//! From a proven app to its objects: one kind, one file, one function. Nothing here can fail.

mod config_map;
mod deployment;
mod horizontal_pod_autoscaler;
mod ingress;
mod network_policy;
mod pod_disruption_budget;
mod service;
mod service_account;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Serialize;

use crate::desired::{ChildKey, ChildKind, DesiredObject, DesiredSet};
use crate::graph::{App, Service};
use crate::labels;

/// Every object of the app.
pub fn objects(app: &App) -> DesiredSet {
    DesiredSet::new(app.services.iter().flat_map(|service| of_service(app, service)).collect())
}

fn of_service(app: &App, service: &Service) -> Vec<DesiredObject> {
    let child = |kind, object| child(kind, service, object);
    [
        Some(child(ChildKind::ServiceAccount, json(&service_account::service_account(app, service)))),
        Some(child(ChildKind::ConfigMap, json(&config_map::config_map(app, service)))),
        Some(child(ChildKind::Deployment, json(&deployment::deployment(app, service)))),
        network_policy::network_policy(app, service)
            .map(|object| child(ChildKind::NetworkPolicy, json(&object))),
        service::service(app, service).map(|object| child(ChildKind::Service, json(&object))),
        horizontal_pod_autoscaler::horizontal_pod_autoscaler(app, service)
            .map(|object| child(ChildKind::HorizontalPodAutoscaler, json(&object))),
        pod_disruption_budget::pod_disruption_budget(app, service)
            .map(|object| child(ChildKind::PodDisruptionBudget, json(&object))),
        ingress::ingress(app, service).map(|object| child(ChildKind::Ingress, json(&object))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn child(kind: ChildKind, service: &Service, manifest: serde_json::Value) -> DesiredObject {
    DesiredObject { key: ChildKey::new(kind, &service.name), service: service.name.clone(), manifest }
}

fn json(object: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(object).expect("Kubernetes types are plain data")
}

/// Metadata of every child.
fn metadata(app: &App, service: &Service) -> ObjectMeta {
    ObjectMeta {
        name: Some(service.name.clone()),
        namespace: Some(app.namespace.clone()),
        labels: Some(labels::all(&app.name, &service.name, &service.settings.labels)),
        ..ObjectMeta::default()
    }
}

/// Selector of the pods of a service.
fn selector(app: &App, service: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(labels::selector(&app.name, service)), ..LabelSelector::default() }
}
