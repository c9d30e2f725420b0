//! ConfigMaps and Secrets that a resource refers to, as far as the reader may see them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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
