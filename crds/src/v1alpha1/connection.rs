//! Edges of the graph and what they lead to.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, PortReference, Protocol};

/// One edge of the graph: this service calls `name`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// A service, backing service or external service of this resource. Example: `cart`
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Which ports of a service, by name or number; its first one when empty. The first of them is the one that
    /// addresses tell. Example: `[grpc, metrics]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub ports: Vec<PortReference>,
    /// True when the caller works without it. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
    /// True holds the first creation of the caller until this service is ready; updates never wait. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_after: Option<bool>,
    /// Longest time of one call, its retries included; that of `resilience` when absent. Example: `3s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How often a failed call is tried again; that of `resilience` when absent. Example: `{attempts: 1}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
    /// Environment variables that tell the caller where it is. Example: `[{name: CART_ADDR, from: Address}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<DependencyEnv>,
}

/// How often a failed call is tried again.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Retries {
    /// Tries after the first one. Example: `2`
    #[schemars(range(min = 0, max = 10))]
    pub attempts: i32,
}

/// An environment variable made from an edge. Exactly one of `from` and `template`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("has(self.from) != has(self.template)").message("exactly one of from and template is given"))]
pub struct DependencyEnv {
    /// Name of the variable. Example: `DATABASE_URL`
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"))]
    pub name: String,
    /// A usual format. Example: `Url`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ConnectionFormat>,
    /// A format of the application's own, with `{host}`, `{port}`, `{address}`, `{database}`, `{user}` and
    /// `{password}`; the last two come from the Secret when the pod starts.
    /// Example: `Host={host};Port={port};Username={user};Password={password}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub template: Option<String>,
    /// Which of the edge's ports it tells; the first when absent. Example: `metrics`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortReference>,
}

/// How an address is written.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum ConnectionFormat {
    /// `host:port`
    Address,
    /// `host`
    Host,
    /// `port`
    Port,
    /// `scheme://[user:password@]host:port[/database]`
    Url,
    /// The whole URI as the Secret has it (`uriKey`)
    SecretUri,
}

/// A database, cache or broker that already runs somewhere.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.host), has(self.managedBy), has(self.secret) && has(self.secret.hostKey)].exists_one(set, set)").message("exactly one of host, managedBy and secret.hostKey tells where it is").reason(Reason::FieldValueInvalid))]
pub struct BackingService {
    /// Name that dependencies use. Example: `orders-db`
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// What it is; gives the usual port and URL scheme. Example: `PostgreSQL`
    pub engine: Engine,
    /// DNS name or IP address. Example: `orders-pg.data.svc`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub host: Option<String>,
    /// The operator's resource that runs it in this namespace: address, credentials and pods follow.
    /// Example: `{cloudNativePG: {cluster: orders}}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<ManagedBy>,
    /// Port; the usual one of the engine when absent. Example: `5432`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Name of the database, virtual host, bucket or index inside it. Example: `orders`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub database: Option<String>,
    /// The Secret with the credentials. Example: `{name: orders-db}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Credentials>,
    /// Events that a broker carries, and that services publish and consume by these names.
    /// Example: `[{name: OrderPlaced, topic: orders.placed}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub events: Vec<Event>,
    /// The service whose data it is. Example: `order-taking`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub owner: Option<String>,
    /// Pods that network policy opens to, when it runs in the cluster. Example: `{namespace: data, labels: {app: pg}}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PeerPods>,
    /// Address ranges that network policy opens to, when it runs elsewhere. Example: `[10.20.0.0/16]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 49)))]
    pub cidrs: Vec<String>,
}

/// What a backing service is.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the products' own")]
#[schemars(transform = super::scalar::field_describes)]
pub enum Engine {
    PostgreSQL,
    MySQL,
    MongoDB,
    Redis,
    Valkey,
    Memcached,
    RabbitMQ,
    Kafka,
    NATS,
    S3,
    Elasticsearch,
    Other,
}

/// An event that a broker carries.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Name that services use. Example: `OrderPlaced`
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Za-z]([-._A-Za-z0-9]*[A-Za-z0-9])?$"))]
    pub name: String,
    /// Topic, exchange or subject at the broker; the name when absent. Example: `orders.placed`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 249))]
    pub topic: Option<String>,
    /// Which side of it is outside this resource. Example: `Publisher`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<EventSide>,
}

/// A side of an event.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum EventSide {
    /// Somebody outside publishes it.
    Publisher,
    /// Somebody outside consumes it.
    Consumer,
}

/// The resource of another operator, in the app's namespace, that runs a backing service. Exactly one.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.cloudNativePG), has(self.rabbitmqCluster), has(self.strimzi), has(self.provisionedService)].exists_one(set, set)").message("exactly one of cloudNativePG, rabbitmqCluster, strimzi and provisionedService is given").reason(Reason::FieldValueInvalid))]
pub struct ManagedBy {
    /// A Cluster of CloudNativePG; credentials from its Secret `<cluster>-app`. Example: `{cluster: orders}`
    #[serde(default, rename = "cloudNativePG", skip_serializing_if = "Option::is_none")]
    pub cloud_native_pg: Option<CloudNativePg>,
    /// A RabbitmqCluster; credentials from its Secret `<name>-default-user`. Example: `{name: events}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rabbitmq_cluster: Option<RabbitmqCluster>,
    /// A Kafka of Strimzi; credentials from the Secret of a KafkaUser. Example: `{cluster: events, user: shop}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strimzi: Option<Strimzi>,
    /// Any Provisioned Service (servicebinding.io): its `status.binding.name` is the Secret with address and
    /// credentials. Example: `{apiVersion: db.example/v1, kind: Database, name: orders}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_service: Option<ProvisionedService>,
}

/// A Cluster of CloudNativePG.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct CloudNativePg {
    /// Its name. Example: `orders`
    #[schemars(length(min = 1, max = 50))]
    pub cluster: String,
}

/// A RabbitmqCluster.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct RabbitmqCluster {
    /// Its name. Example: `events`
    #[schemars(length(min = 1, max = 50))]
    pub name: String,
}

/// A Kafka of Strimzi.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Strimzi {
    /// Name of the Kafka. Example: `events`
    #[schemars(length(min = 1, max = 46))]
    pub cluster: String,
    /// Name of the KafkaUser and of its Secret; no credentials when absent. Example: `shop`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub user: Option<String>,
}

/// A Provisioned Service.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedService {
    /// Its API version. Example: `db.example/v1`
    #[schemars(length(min = 1, max = 253))]
    pub api_version: String,
    /// Its kind. Example: `Database`
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name. Example: `orders`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A Secret of the namespace with credentials, and the names of its keys.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Name of the Secret. Example: `orders-db`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key of the user name; `username` when absent. Example: `user`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub username_key: Option<String>,
    /// Key of the password; `password` when absent. Example: `pass`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub password_key: Option<String>,
    /// Key of the host, where only the Secret tells it. Example: `host`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub host_key: Option<String>,
    /// Key of the port, where only the Secret tells it. Example: `port`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub port_key: Option<String>,
    /// Key of the name of the database, where only the Secret tells it. Example: `dbname`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub database_key: Option<String>,
    /// Key of the whole URI with credentials, where the Secret has one. Example: `uri`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub uri_key: Option<String>,
}

/// Pods of another application.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct PeerPods {
    /// Their namespace; the app's own when absent. Example: `data`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Their labels; all pods of the namespace when empty. Example: `{app: postgres}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Port their containers listen on, where a Service translates; the declared port when absent. Example: `8080`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
}

/// A service of somebody else.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalService {
    /// Name that dependencies use. Example: `stripe`
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// DNS name or IP address. Example: `api.stripe.com`
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Port. Example: `443`
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// What is spoken on it; HTTP when absent. Example: `TCP`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// True when it speaks TLS; the URL then begins with https. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// Pods that network policy opens to, when it runs in the cluster. Example: `{namespace: legacy}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PeerPods>,
    /// Address ranges that network policy opens to. Example: `[203.0.113.0/24]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 49)))]
    pub cidrs: Vec<String>,
}
