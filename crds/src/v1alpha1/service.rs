//! One service of the system.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Dependency, Expose, FileMount, ObjectKeyReference, Quantity, Scratch, Settings};

/// One service of the system.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.replicas) && has(self.autoscaling))").message("replicas and autoscaling exclude each other").reason(Reason::FieldValueInvalid))]
pub struct ServiceSpec {
    /// Name of the service, of its DNS entry and of every object made for it. Unique in the namespace.
    /// Example: `cart`
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,

    /// Container image with tag or digest.
    /// Example: `registry.example/shop/cart:1.4.2`
    #[schemars(length(min = 1, max = 512))]
    pub image: String,

    /// The profile (of `spec.profiles`) whose settings this service inherits before the defaults.
    /// Example: `worker`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub profile: Option<String>,

    /// Ports that other services reach under the service's name. A service without ports is a worker.
    /// Example: `[{name: http, port: 80, targetPort: 8080, protocol: HTTP}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub ports: Vec<Port>,

    /// Replaces the entry point of the image.
    /// Example: `["/app/server"]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub command: Vec<String>,

    /// Arguments of the entry point; `$(NAME)` is replaced by an environment variable.
    /// Example: `["--listen=:8080"]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub args: Vec<String>,

    /// Files mounted into the container: inline or from a ConfigMap or Secret, a directory or one file.
    /// Example: `[{path: /etc/app/app.yaml, content: "debug: false"}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["path".into()]))]
    pub files: Vec<FileMount>,

    /// Empty writable directories that live as long as the pod; the root filesystem itself is read-only.
    /// Example: `[{path: /tmp, sizeLimit: 64Mi}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["path".into()]))]
    pub scratch: Vec<Scratch>,

    /// What this service calls: services of this app, backing services and external services. From one entry
    /// follow discovery, network policy at both ends and, with `startAfter`, the order of the first start.
    /// Example: `[{name: cart, env: [{name: CART_ADDR, from: Address}]}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub dependencies: Vec<Dependency>,

    /// Bounded context that it belongs to, one of `spec.domains` where those are declared.
    /// Example: `ordering`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub domain: Option<String>,

    /// Internal says that nothing outside the cluster may ever reach it; Public when absent.
    /// Example: `Internal`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,

    /// Events of `spec.backingServices[].events` that it publishes; the edge to their broker follows.
    /// Example: `[OrderPlaced]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub publishes: Vec<String>,

    /// Events of `spec.backingServices[].events` that it consumes; the edge to their broker follows.
    /// Example: `[OrderPlaced]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub consumes: Vec<String>,

    /// Entry from outside the cluster, as an Ingress and the policy that admits its controller.
    /// Example: `{host: shop.example.com, path: /, tlsSecret: shop-tls}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,

    /// Everything a service can also inherit from its profile and from `spec.defaults`.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Who may reach a service at all.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum Visibility {
    /// Whoever the resource lets in.
    #[default]
    Public,
    /// Only services of this app.
    Internal,
}

/// A port that other services reach.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Name of the port, used by probes and dependencies. Example: `http`
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Port of the Service, the one that callers use. Example: `80`
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Port the container listens on; the service port when absent. Example: `8080`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub target_port: Option<i32>,
    /// What is spoken on it; HTTP when absent. Example: `GRPC`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
}

/// Application protocol of a port.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(transform = super::scalar::field_describes)]
pub enum Protocol {
    /// HTTP/1.1, WebSocket included.
    #[default]
    HTTP,
    /// HTTP/2 without TLS (h2c).
    HTTP2,
    /// gRPC over HTTP/2 without TLS.
    GRPC,
    /// Any byte stream.
    TCP,
    /// Datagrams.
    UDP,
}

/// One environment variable, with exactly one source.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.value), has(self.configMap), has(self.secret), has(self.field), has(self.resource)].exists_one(set, set)").message("exactly one of value, configMap, secret, field and resource is given").reason(Reason::FieldValueInvalid))]
pub struct EnvVar {
    /// Name of the variable. Example: `LOG_FORMAT`
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"))]
    pub name: String,
    /// Literal text; `$(NAME)` is replaced by a variable that stands earlier. Example: `json`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768))]
    pub value: Option<String>,
    /// A key of a ConfigMap in the same namespace. Example: `{name: flags, key: beta}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ObjectKeyReference>,
    /// A key of a Secret in the same namespace. Example: `{name: api, key: token}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<ObjectKeyReference>,
    /// A field of the pod. Example: `metadata.name`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub field: Option<String>,
    /// A resource of the container. Example: `{resource: limits.memory, divisor: 1Mi}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceReference>,
}

/// A resource of the container, as an environment variable.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ResourceReference {
    /// Which one. Example: `limits.memory`
    #[schemars(length(max = 63))]
    pub resource: String,
    /// The unit; 1 when absent. Example: `1Mi`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divisor: Option<Quantity>,
}
