//! Bounded contexts of the system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bounded context: services that belong together and change together.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Domain {
    /// Name that services use in `domain`. Example: `ordering`
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The team that answers for it. Example: `team-orders`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub owner: Option<String>,
    /// Its services that other domains may call; all of them when empty. Example: `[order-taking]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    pub entries: Vec<String>,
}
