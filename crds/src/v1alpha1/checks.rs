//! Bounds of the graph checks, and accepted findings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds of the graph checks, and which of their findings are accepted.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// From which size on a graph is reported. Example: `{callDepth: 6}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// Findings that are accepted, each with the reason. Example: `[{check: shared-database, target: orders-db, reason: "until the split"}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub waivers: Vec<Waiver>,
}

/// Sizes that are still in order.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// Calls in a row, one waiting for the next; 4 when absent. Example: `6`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub call_depth: Option<i32>,
    /// Services that one service calls; 8 when absent. Example: `12`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub fan_out: Option<i32>,
    /// Services that can only be deployed together; 2 when absent. Example: `3`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub coupled_services: Option<i32>,
    /// Tiny services (a CPU request of at most 100m) of one domain; 8 when absent. Example: `12`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub tiny_services: Option<i32>,
    /// Calls that one request becomes at the end of a path when every hop retries; 8 when absent. Example: `16`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub retry_amplification: Option<i32>,
}

/// An accepted finding.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Waiver {
    /// Code of the check. Example: `shared-database`
    #[schemars(length(min = 1, max = 63))]
    pub check: String,
    /// What it is found on: a service, backing service, external service, event or domain; everything when absent.
    /// Example: `orders-db`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub target: Option<String>,
    /// Why it is accepted. Example: `until the split of the monolith`
    #[schemars(length(min = 1, max = 512))]
    pub reason: String,
}
