//! The resource itself.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{
    BackingService, Checks, Domain, ExternalService, MicroserviceAppStatus, Network, Profile, ServiceSpec,
    Settings,
};

/// A whole system of microservices: its services, which of them calls which, what they store and what the
/// outside world may reach. The operator turns it into every Kubernetes object that the system needs.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "msapp.dev",
    version = "v1alpha1",
    kind = "MicroserviceApp",
    plural = "microserviceapps",
    shortname = "msapp",
    shortname = "msa",
    category = "all",
    category = "msapp",
    namespaced,
    status = "MicroserviceAppStatus",
    derive = "PartialEq",
    doc = "A whole system of microservices in one resource: the services, which of them calls which, what they store and what the outside world may reach. The operator turns it into every Kubernetes object that the system needs and keeps them so.",
    printcolumn(name = "Services", type_ = "string", json_path = ".status.summary"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason"
    ),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    ),
    validation = Rule::new("self.metadata.name.size() <= 63").message("the name becomes a label value on every object, so it has at most 63 characters")
)]
#[serde(rename_all = "camelCase")]
pub struct MicroserviceAppSpec {
    /// Settings that every service inherits unless it (or its profile) says otherwise.
    /// Example: `{resources: {requests: {cpu: 100m, memory: 128Mi}}}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Settings>,

    /// Named sets of settings that a service picks with `profile`.
    /// Example: `[{name: worker, replicas: 3}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub profiles: Vec<Profile>,

    /// The services of the system. Each becomes a Deployment and what belongs to it, under its own name.
    /// Example: `[{name: cart, image: "registry.example/cart:1.4.2", ports: [{name: http, port: 80}]}]`
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub services: Vec<ServiceSpec>,

    /// Databases, caches and brokers that already run somewhere and that services depend on by name.
    /// Example: `[{name: orders-db, engine: PostgreSQL, host: pg.data.svc, secret: {name: orders-db}}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub backing_services: Vec<BackingService>,

    /// Services of others, outside this resource, that services depend on by name.
    /// Example: `[{name: stripe, host: api.stripe.com, port: 443, tls: true}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub external_services: Vec<ExternalService>,

    /// Bounded contexts: who owns each, and which of its services others may call.
    /// Example: `[{name: ordering, owner: team-orders, entries: [order-taking]}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub domains: Vec<Domain>,

    /// Bounds of the graph checks, and which of their findings are accepted.
    /// Example: `{bounds: {callDepth: 6}, waivers: [{check: wide-fan-out, target: frontend, reason: "it is the front end"}]}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,

    /// Who may talk to the pods besides the declared dependencies.
    /// Example: `{isolation: Strict, monitoringNamespace: monitoring}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,

    /// When true the operator leaves every object of this app alone until it is false again; running pods stay.
    /// Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}
