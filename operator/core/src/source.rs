//! A MicroserviceApp as it was read, before anything about it is known to be right.

use std::collections::{BTreeMap, BTreeSet};

use msapp_crds::v1alpha1::ProvisionedService;
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
    /// What is known of the Provisioned Services that it refers to; see [`Source::provisioned_services`].
    pub bindings: Bindings,
}

/// Provisioned Services that somebody looked at. One that is not in it is unknown, so nothing is concluded.
pub type Bindings = BTreeMap<ProvisionedService, Binding>;

/// What is known of a Provisioned Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// It names its Secret in `status.binding.name`.
    Secret(String),
    /// It does not exist, or names no Secret yet.
    Pending,
    /// It cannot be looked at; the text says why.
    Unreadable(String),
}

impl Binding {
    /// What an object says of its binding; nothing of an object that does not exist
    /// (<https://servicebinding.io/spec/core/1.1.0/#provisioned-service>).
    pub fn of(object: Option<&Value>) -> Self {
        let name = object.and_then(|object| object["status"]["binding"]["name"].as_str());
        name.filter(|name| !name.is_empty()).map_or(Binding::Pending, |name| Binding::Secret(name.to_owned()))
    }
}

impl Source {
    /// The Provisioned Services that backing services refer to, as far as the raw spec can be read.
    pub fn provisioned_services(&self) -> BTreeSet<ProvisionedService> {
        let backing = self.spec["backingServices"].as_array().into_iter().flatten();
        let written = backing.map(|backing| &backing["managedBy"]["provisionedService"]);
        written.filter_map(|service| serde_json::from_value(service.clone()).ok()).collect()
    }
}
