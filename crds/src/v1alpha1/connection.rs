//! Edges of the graph and what they lead to.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PortReference;

/// One edge of the graph: this service calls `name`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// A service, backing service or external service of this resource. Example: `cart`
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Which port of a service, by name or number; its first one when absent. Example: `grpc`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortReference>,
    /// True when the caller works without it. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
    /// True holds the first creation of the caller until this service is ready; updates never wait. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_after: Option<bool>,
    /// Environment variables that tell the caller where it is. Example: `[{name: CART_ADDR, from: Address}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<DependencyEnv>,
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
}

/// A database, cache or broker that already runs somewhere.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BackingService {
    /// Name that dependencies use. Example: `orders-db`
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// What it is; gives the usual port and URL scheme. Example: `PostgreSQL`
    pub engine: Engine,
    /// DNS name or IP address. Example: `orders-pg.data.svc`
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
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
