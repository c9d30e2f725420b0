//! Backing services that another operator runs: what its resource says of address, credentials and pods.

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::{Engine, ManagedBy, PeerPods, ProvisionedService};

use super::connection::{Part, SecretKeys};
use super::exclusive::exactly_one;
use super::object_names::check_name;
use crate::source::{Binding, Bindings};
use crate::violation::{Code, Violation, Violations};

/// What follows from the resource of another operator.
#[derive(Default)]
pub(super) struct Managed {
    pub host: Option<Part>,
    pub port: Option<i32>,
    pub port_key: Option<Part>,
    pub database: Option<Part>,
    pub secret: Option<SecretKeys>,
    pub pods: Option<PeerPods>,
    pub provider: Option<&'static str>,
    /// Why its Secret is not known yet.
    pub pending: Option<String>,
}

pub(super) fn resolve(by: &ManagedBy, bindings: &Bindings) -> Managed {
    if let Some(postgres) = &by.cloud_native_pg {
        return cloud_native_pg(&postgres.cluster);
    }
    if let Some(rabbitmq) = &by.rabbitmq_cluster {
        return rabbitmq_cluster(&rabbitmq.name);
    }
    if let Some(kafka) = &by.strimzi {
        return strimzi(&kafka.cluster, kafka.user.as_deref());
    }
    by.provisioned_service.as_ref().map(|service| provisioned(service, bindings)).unwrap_or_default()
}

fn text(text: impl Into<String>) -> Option<Part> {
    Some(Part::Text(text.into()))
}

fn key(key: &str) -> Part {
    Part::Key(key.to_owned())
}

fn secret(name: String, uri: Option<&str>) -> Option<SecretKeys> {
    let (username, password) = (key("username"), "password".to_owned());
    Some(SecretKeys { name, username, password, uri: uri.map(str::to_owned) })
}

fn pods(labels: &[(&str, &str)]) -> Option<PeerPods> {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Some(PeerPods { namespace: None, labels, port: None })
}

/// Services `<cluster>-rw`, Secret `<cluster>-app`
/// (<https://cloudnative-pg.io/documentation/current/applications/>).
fn cloud_native_pg(cluster: &str) -> Managed {
    Managed {
        host: text(format!("{cluster}-rw")),
        port: Some(5432),
        database: Some(key("dbname")),
        secret: secret(format!("{cluster}-app"), Some("uri")),
        pods: pods(&[("cnpg.io/cluster", cluster)]),
        provider: Some("cloudnative-pg"),
        ..Managed::default()
    }
}

/// Service `<name>`, Secret `<name>-default-user`
/// (<https://www.rabbitmq.com/kubernetes/operator/using-operator>).
fn rabbitmq_cluster(name: &str) -> Managed {
    Managed {
        host: text(name),
        port: Some(5672),
        secret: secret(format!("{name}-default-user"), Some("connection_string")),
        pods: pods(&[("app.kubernetes.io/component", "rabbitmq"), ("app.kubernetes.io/name", name)]),
        provider: Some("rabbitmq"),
        ..Managed::default()
    }
}

/// Service `<cluster>-kafka-bootstrap`; a KafkaUser with SCRAM has a Secret of its name that holds the password alone
/// (<https://strimzi.io/docs/operators/latest/deploying#con-securing-client-authentication-str>).
fn strimzi(cluster: &str, user: Option<&str>) -> Managed {
    let credentials = |user: &str| SecretKeys {
        name: user.to_owned(),
        username: Part::Text(user.to_owned()),
        password: "password".to_owned(),
        uri: None,
    };
    Managed {
        host: text(format!("{cluster}-kafka-bootstrap")),
        port: Some(9092),
        secret: user.map(credentials),
        pods: pods(&[("strimzi.io/cluster", cluster), ("strimzi.io/name", &format!("{cluster}-kafka"))]),
        provider: Some("strimzi"),
        ..Managed::default()
    }
}

/// The Secret that `status.binding.name` names holds everything
/// (<https://servicebinding.io/spec/core/1.1.0/#provisioned-service>).
fn provisioned(service: &ProvisionedService, bindings: &Bindings) -> Managed {
    let awaited = format!("status.binding.name of {} {}", service.kind, service.name);
    let (name, pending) = match bindings.get(service) {
        Some(Binding::Secret(name)) => (name.clone(), None),
        Some(Binding::Pending) => (service.name.clone(), Some(awaited)),
        Some(Binding::Unreadable(why)) => (service.name.clone(), Some(format!("{awaited} ({why})"))),
        // Nobody looked: a file knows no status.
        None => (service.name.clone(), None),
    };
    Managed {
        host: Some(key("host")),
        port_key: Some(key("port")),
        secret: secret(name, Some("uri")),
        provider: Some("provisioned-service"),
        pending,
        ..Managed::default()
    }
}

/// Exactly one operator, and one that runs this engine.
pub(super) fn check(by: &ManagedBy, engine: Engine, path: &str, violations: &mut Violations) {
    let given = [
        ("cloudNativePG", by.cloud_native_pg.is_some(), Some(Engine::PostgreSQL)),
        ("rabbitmqCluster", by.rabbitmq_cluster.is_some(), Some(Engine::RabbitMQ)),
        ("strimzi", by.strimzi.is_some(), Some(Engine::Kafka)),
        ("provisionedService", by.provisioned_service.is_some(), None),
    ];
    exactly_one(&given.map(|(field, given, _)| (field, given)), path, violations);
    for (field, _, runs) in given.into_iter().filter(|(_, given, _)| *given) {
        if let Some(runs) = runs.filter(|runs| *runs != engine) {
            let message = format!("{field} runs {runs:?}, not {engine:?}");
            violations.push(Violation::new(format!("{path}.{field}"), Code::InvalidValue, message));
        }
    }
    for (field, name) in names(by) {
        check_name(name, "an object", &format!("{path}.{field}"), violations);
    }
}

/// Every name of an object, by its field.
fn names(by: &ManagedBy) -> BTreeMap<&'static str, &str> {
    let mut names = BTreeMap::new();
    if let Some(postgres) = &by.cloud_native_pg {
        names.insert("cloudNativePG.cluster", postgres.cluster.as_str());
    }
    if let Some(rabbitmq) = &by.rabbitmq_cluster {
        names.insert("rabbitmqCluster.name", rabbitmq.name.as_str());
    }
    if let Some(kafka) = &by.strimzi {
        names.insert("strimzi.cluster", kafka.cluster.as_str());
        names.extend(kafka.user.as_deref().map(|user| ("strimzi.user", user)));
    }
    if let Some(service) = &by.provisioned_service {
        names.insert("provisionedService.name", service.name.as_str());
    }
    names
}
