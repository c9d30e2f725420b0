//! Who sends and who receives.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::ports::Transport;
use crate::labels;

/// One end of a connection, as a NetworkPolicy sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// A pod with an address of its own; pods in the network of their node are like [`Endpoint::Address`].
    Pod(Pod),
    /// Something that is no pod.
    Address(IpAddr),
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pod {
    /// Name of its namespace.
    pub namespace: String,
    /// Labels of its namespace, `kubernetes.io/metadata.name` among them.
    pub namespace_labels: BTreeMap<String, String>,
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
    /// Its addresses; without any, no address range holds it.
    pub addresses: Vec<IpAddr>,
    /// The ports of its containers that have a name.
    pub ports: Vec<NamedPort>,
}

/// A port of a container that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedPort {
    /// Its name.
    pub name: String,
    /// Its protocol.
    pub transport: Transport,
    /// Its number.
    pub number: u16,
}

/// The label that every namespace carries with its own name
/// (<https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name>).
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

impl Pod {
    /// A pod in a namespace that has no labels but its name.
    pub fn new(namespace: &str, labels: BTreeMap<String, String>) -> Self {
        let name = (NAMESPACE_NAME.to_owned(), namespace.to_owned());
        Self {
            namespace: namespace.to_owned(),
            namespace_labels: BTreeMap::from([name]),
            labels,
            ..Self::default()
        }
    }

    /// Whether it is one of the pods in a namespace that have these labels.
    pub(super) fn is_one_of(&self, namespace: &str, selector: &BTreeMap<String, String>) -> bool {
        self.namespace == namespace && labels::select(selector, &self.labels)
    }
}

impl Endpoint {
    /// The pod, when it is one.
    pub fn pod(&self) -> Option<&Pod> {
        match self {
            Endpoint::Pod(pod) => Some(pod),
            Endpoint::Address(_) => None,
        }
    }

    pub(super) fn addresses(&self) -> &[IpAddr] {
        match self {
            Endpoint::Pod(pod) => &pod.addresses,
            Endpoint::Address(address) => std::slice::from_ref(address),
        }
    }
}
