//! Files and scratch directories in the container.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantity;

/// A file or a directory in the container, with exactly one source.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.content), has(self.contents), has(self.configMap), has(self.secret)].exists_one(set, set)").message("exactly one of content, contents, configMap and secret is given").reason(Reason::FieldValueInvalid))]
pub struct FileMount {
    /// Absolute path in the container: of the file, or of the directory. Example: `/etc/app/app.yaml`
    #[schemars(length(min = 2, max = 512), regex(pattern = r"^/[^:]*$"))]
    pub path: String,
    /// Text of one file. Example: `"debug: false"`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 524288))]
    pub content: Option<String>,
    /// A directory of files by name. Example: `{app.yaml: "debug: false"}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64))]
    pub contents: Option<BTreeMap<String, String>>,
    /// A ConfigMap as a directory, or one key of it as a file. Example: `{name: flags, key: app.yaml}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<KeyReference>,
    /// A Secret as a directory, or one key of it as a file. Example: `{name: tls}`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<KeyReference>,
}

/// A ConfigMap or Secret of the namespace, whole or one key of it.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct KeyReference {
    /// Name of the object. Example: `flags`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// One key, mounted as a file; the whole object as a directory when absent. Example: `app.yaml`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
    /// True starts the pod even when the object or key does not exist. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// One key of a ConfigMap or Secret of the namespace.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct ObjectKeyReference {
    /// Name of the object. Example: `flags`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key. Example: `beta`
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
    /// True starts the pod even when the object or key does not exist. Example: `true`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optional: Option<bool>,
}

/// An empty writable directory.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Scratch {
    /// Absolute path in the container. Example: `/tmp`
    #[schemars(length(min = 2, max = 512), regex(pattern = r"^/[^:]*$"))]
    pub path: String,
    /// What it may hold before the pod is evicted. Example: `64Mi`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_limit: Option<Quantity>,
    /// Memory keeps it in RAM (and counts to the memory limit); Disk when absent. Example: `Memory`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<ScratchMedium>,
}

/// Where a scratch directory lives.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[schemars(transform = super::scalar::field_describes)]
pub enum ScratchMedium {
    /// The node's disk.
    #[default]
    Disk,
    /// The node's memory (tmpfs).
    Memory,
}
