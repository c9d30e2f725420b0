//! A MicroserviceApp as it was read, before anything about it is known to be right.

use serde_json::Value;

/// A MicroserviceApp as it was read from the API or from a file.
///
/// `spec` is raw on purpose: one resource that does not fit the types must not hide all others from a watch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.generation`; 0 for a file.
    pub generation: i64,
    /// `spec`, or null when there is none.
    pub spec: Value,
}
