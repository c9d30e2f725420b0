//! Probes: a short form from which startup, readiness and liveness follow, and the long forms.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, PortReference};

/// How the kubelet asks whether the container is well. `path`, `grpc`, `tcp` or `exec` at this level is the
/// short form: startup, readiness and liveness follow from it, and each can be spelled out instead.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.path), has(self.grpc), has(self.tcp), has(self.exec)].filter(set, set).size() <= 1").message("at most one of path, grpc, tcp and exec is given"))]
pub struct Probes {
    /// HTTP GET of this path; well is 200 to 399. Example: `/healthz`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub path: Option<String>,
    /// Port to ask; the first declared one when absent. Example: `http`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortReference>,
    /// The gRPC health protocol. Example: `{}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcCheck>,
    /// A TCP connection. Example: `{}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpCheck>,
    /// A command in the container; well is exit code 0. Example: `{command: [cat, /tmp/healthy]}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecCheck>,
    /// Until it succeeds the others wait. Example: `{path: /started, failureThreshold: 60}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<Probe>,
    /// While it fails the pod gets no traffic. Example: `{path: /ready}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// When it fails the container is restarted. Example: `{path: /live, period: 20s}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
}

/// One probe, spelled out.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.path), has(self.grpc), has(self.tcp), has(self.exec)].filter(set, set).size() <= 1").message("at most one of path, grpc, tcp and exec is given"))]
pub struct Probe {
    /// HTTP GET of this path. Example: `/ready`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub path: Option<String>,
    /// Port to ask. Example: `http`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortReference>,
    /// HTTP or HTTPS; HTTP when absent. Example: `HTTPS`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<HttpScheme>,
    /// Headers of the HTTP GET. Example: `[{name: Cookie, value: probe=1}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub headers: Vec<HttpHeader>,
    /// The gRPC health protocol. Example: `{service: cart}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcCheck>,
    /// A TCP connection. Example: `{}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpCheck>,
    /// A command in the container. Example: `{command: [cat, /tmp/healthy]}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecCheck>,
    /// Time before the first try. Example: `5s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_delay: Option<Duration>,
    /// Time between tries. Example: `10s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Duration>,
    /// Time for one answer. Example: `1s`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Failures in a row that count. Example: `3`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failure_threshold: Option<i32>,
    /// Successes in a row that count; more than 1 for readiness only. Example: `1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub success_threshold: Option<i32>,
    /// True switches this probe off. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// Scheme of an HTTP probe.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum HttpScheme {
    /// Plain text.
    #[default]
    HTTP,
    /// TLS, certificate not verified.
    HTTPS,
}

/// A header of an HTTP probe.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct HttpHeader {
    /// Header name. Example: `Cookie`
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Header value. Example: `probe=1`
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// The gRPC health protocol (`grpc.health.v1.Health/Check`).
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct GrpcCheck {
    /// Name in the request; empty asks for the server as a whole. Example: `cart`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service: Option<String>,
}

/// A TCP connection.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct TcpCheck {}

/// A command in the container.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct ExecCheck {
    /// The command and its arguments, without a shell. Example: `[cat, /tmp/healthy]`
    #[schemars(length(min = 1, max = 64))]
    pub command: Vec<String>,
}
