//! ConfigMaps and Secrets that a resource refers to, as far as the reader may see them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::digest;

/// Kind of a referenced object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// v1 ConfigMap
    ConfigMap,
    /// v1 Secret
    Secret,
}

impl fmt::Display for ReferenceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ReferenceKind::ConfigMap => "ConfigMap",
            ReferenceKind::Secret => "Secret",
        })
    }
}

/// Identity of a referenced object within the namespace of its app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferenceKey {
    /// Its kind.
    pub kind: ReferenceKind,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for ReferenceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)
    }
}

/// What is known of a referenced object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceState {
    /// It does not exist.
    Missing,
    /// It exists; a digest of the content of each of its keys.
    Present(BTreeMap<String, String>),
}

/// Digest of the content of each key of a ConfigMap, as the API server or a file holds it.
pub fn config_map_entries(object: &Value) -> BTreeMap<String, String> {
    let entries = ["data", "binaryData"].iter().filter_map(|field| object[field].as_object());
    let entries = entries.flatten().filter_map(|(key, content)| Some((key, content.as_str()?)));
    entries.map(|(key, content)| (key.clone(), digest::plain([content.as_bytes()]))).collect()
}

/// What is known of all referenced objects of a namespace. An object that is not in it is unknown: the reader may
/// not look (a file, or an operator without the right to read Secrets), so nothing is concluded.
pub type References = BTreeMap<ReferenceKey, ReferenceState>;

/// One use of a referenced object by a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferenceUse {
    /// The object.
    pub key: ReferenceKey,
    /// The keys that are used; all of them when `None`.
    pub entries: Option<BTreeSet<String>>,
    /// Whether the pod starts without it.
    pub optional: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_bytes_and_empty_entries_of_a_config_map_each_have_their_digest() {
        let object = json!({"data": {"beta": "on", "empty": ""}, "binaryData": {"logo": "iVBORw=="}});
        let entries = config_map_entries(&object);
        assert_eq!(entries.keys().collect::<Vec<_>>(), ["beta", "empty", "logo"]);
        assert_ne!(entries["beta"], entries["empty"]);
    }
}
