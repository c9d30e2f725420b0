//! A proven app: whatever is in here can be built without a further check.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{EnvVar, Volume, VolumeMount};
use msapp_crds::v1alpha1::{Engine, EventSide, PathType, PortReference, Protocol, Visibility};

use super::edge::transport;
use super::{Caller, Edge, Reach, Settings, ports};
use crate::digest;
use crate::reference::{ReferenceKey, ReferenceKind, ReferenceState, ReferenceUse, References};
use crate::violation::Violations;

/// A whole system, proven.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// Name of the resource.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Whether the operator leaves everything alone.
    pub suspended: bool,
    /// Who may talk to the pods besides the edges; none when isolation is off.
    pub network: Option<NetworkRules>,
    /// The services, sorted by name.
    pub services: Vec<Service>,
    /// Databases, caches and brokers, sorted by name.
    pub backing_services: Vec<BackingTarget>,
    /// Services of others, sorted by name.
    pub external_services: Vec<ExternalTarget>,
    /// Events, sorted by name.
    pub events: Vec<Event>,
    /// Bounded contexts, sorted by name.
    pub domains: Vec<Domain>,
    /// What the checks say that stops nothing: warnings and advice.
    pub findings: Violations,
    /// Whether it refers to Secrets that nobody could look at, so that a changed one restarts nothing.
    pub secrets_unread: bool,
}

/// One service, proven. Values of Kubernetes types are complete as the API server would store them.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name, and the name of every child.
    pub name: String,
    /// Where the resource declares it: `spec.services[3]`.
    pub path: String,
    /// Bounded context that it belongs to.
    pub domain: Option<String>,
    /// Who may reach it at all.
    pub visibility: Visibility,
    /// Events that it publishes: name → topic and broker.
    pub publishes: BTreeMap<String, Exchange>,
    /// Events that it consumes: name → topic and broker.
    pub consumes: BTreeMap<String, Exchange>,
    /// Container image.
    pub image: String,
    /// Ports in the order of writing.
    pub ports: Vec<Port>,
    /// Entry point.
    pub command: Vec<String>,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment, `$(VAR)` order kept.
    pub env: Vec<EnvVar>,
    /// Where each variable comes from: name → path in the resource.
    pub env_origins: BTreeMap<String, String>,
    /// Backing services that have a directory below `$SERVICE_BINDING_ROOT`, sorted.
    pub bindings: Vec<String>,
    /// Volumes of the pod, sorted by name, the discovery file's apart.
    pub volumes: Vec<Volume>,
    /// Mounts of the container, sorted by path, the discovery file's apart.
    pub mounts: Vec<VolumeMount>,
    /// Inline files and texts of bindings: key in the service's ConfigMap → text.
    pub files: BTreeMap<String, String>,
    /// Everything that it may have inherited.
    pub settings: Settings,
    /// What it calls, sorted by name.
    pub edges: Vec<Edge>,
    /// Who calls it, sorted.
    pub callers: Vec<Caller>,
    /// Services that its first creation waits for, sorted.
    pub start_after: BTreeSet<String>,
    /// Entry from outside.
    pub exposure: Option<Exposure>,
    /// ConfigMaps and Secrets that its pods use.
    pub references: Vec<ReferenceUse>,
    /// Addresses that other operators have not told yet.
    pub pending: BTreeSet<String>,
    /// References that do not exist, as `ConfigMap flags` or `key password of Secret orders-db`.
    pub missing: Vec<String>,
    /// Digest of the content of the references that are known.
    pub reference_digest: Option<String>,
}

/// Where an event is exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The backing service that carries it.
    pub broker: String,
    /// Topic, exchange or subject at the broker.
    pub topic: String,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Port of the Service.
    pub port: i32,
    /// Port of the container.
    pub target: i32,
    /// What is spoken on it.
    pub protocol: Protocol,
}

impl Port {
    /// `TCP` or `UDP`, as Kubernetes names transports.
    pub fn transport(&self) -> &'static str {
        transport(self.protocol)
    }
}

/// A database, cache or broker.
#[derive(Clone, Debug, PartialEq)]
pub struct BackingTarget {
    /// Its name.
    pub name: String,
    /// What it is.
    pub engine: Engine,
    /// The service whose data it is.
    pub owner: Option<String>,
    /// What tells one database from another: host, port and name of the database.
    pub identity: String,
    /// Whether only a Secret tells its host.
    pub host_in_secret: bool,
    /// How policy opens to it.
    pub reach: Reach,
    /// Where the resource declares it.
    pub path: String,
}

/// A service of somebody else.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalTarget {
    /// Its name.
    pub name: String,
    /// DNS name or IP address.
    pub host: String,
    /// Its port.
    pub port: i32,
    /// How policy opens to it.
    pub reach: Reach,
    /// Where the resource declares it.
    pub path: String,
}

/// An event, and who exchanges it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// The backing service that carries it.
    pub broker: String,
    /// Topic, exchange or subject at the broker.
    pub topic: String,
    /// Which side of it is outside this resource.
    pub external: Option<EventSide>,
    /// Services that publish it, sorted.
    pub publishers: Vec<String>,
    /// Services that consume it, sorted.
    pub consumers: Vec<String>,
    /// Where the resource declares it.
    pub path: String,
}

/// A bounded context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// Its services that other domains may call; all of them when empty.
    pub entries: BTreeSet<String>,
    /// Where the resource declares it.
    pub path: String,
}

/// Entry from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Host name.
    pub host: String,
    /// Path.
    pub path: String,
    /// How the path is compared.
    pub path_type: PathType,
    /// IngressClass.
    pub class: Option<String>,
    /// Secret with the certificate.
    pub tls_secret: Option<String>,
    /// Port of the Service.
    pub port: i32,
    /// Port of the container.
    pub target_port: i32,
    /// Namespace of the ingress controller.
    pub controller_namespace: Option<String>,
}

impl Exposure {
    /// The address that a browser uses.
    pub fn url(&self) -> String {
        let scheme = if self.tls_secret.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host, self.path)
    }
}

/// Who may talk to the pods besides the edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkRules {
    /// Namespace whose pods may reach every declared port.
    pub monitoring_namespace: Option<String>,
    /// Addresses of the nodes, for plugins that filter the kubelet's probes.
    pub node_cidrs: Vec<String>,
    /// DNS servers of the cluster; the usual ones when empty.
    pub dns: Vec<DnsServer>,
}

/// Pods that answer for DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsServer {
    /// Their namespace.
    pub namespace: String,
    /// Their labels; all pods of the namespace when empty.
    pub labels: BTreeMap<String, String>,
    /// Port their containers listen on.
    pub port: i32,
}

impl App {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services
            .binary_search_by(|service| service.name.as_str().cmp(name))
            .ok()
            .map(|at| &self.services[at])
    }

    /// The backing service of that name.
    pub fn backing_service(&self, name: &str) -> Option<&BackingTarget> {
        self.backing_services.iter().find(|backing| backing.name == name)
    }

    /// The external service of that name.
    pub fn external_service(&self, name: &str) -> Option<&ExternalTarget> {
        self.external_services.iter().find(|external| external.name == name)
    }

    /// The names of all three: no two of them are the same.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let services = self.services.iter().map(|service| service.name.as_str());
        let backing = self.backing_services.iter().map(|backing| backing.name.as_str());
        let external = self.external_services.iter().map(|external| external.name.as_str());
        services.chain(backing).chain(external)
    }

    /// Every ConfigMap and Secret that the app refers to.
    pub fn references(&self) -> BTreeSet<ReferenceKey> {
        self.services
            .iter()
            .flat_map(|service| service.references.iter().map(|used| used.key.clone()))
            .collect()
    }

    /// Tells every service which of its references are missing, and digests those that are there.
    #[must_use]
    pub fn bound(mut self, references: &References) -> Self {
        for service in &mut self.services {
            service.bind(references);
        }
        let unread = |key: &ReferenceKey| key.kind == ReferenceKind::Secret && !references.contains_key(key);
        self.secrets_unread = self.references().iter().any(unread);
        self
    }
}

impl Service {
    /// The port that a name, a port of the Service or a port of the container means.
    pub fn port(&self, reference: &str) -> Option<&Port> {
        ports::find(&self.ports, Some(&PortReference(reference.to_owned())))
    }

    fn bind(&mut self, references: &References) {
        let mut parts: BTreeSet<String> = BTreeSet::new();
        self.missing = self.pending.iter().cloned().collect();
        for used in &self.references {
            match references.get(&used.key) {
                Some(ReferenceState::Missing) if !used.optional => self.missing.push(used.key.to_string()),
                Some(ReferenceState::Present(entries)) => {
                    digest_entries(used, entries, &mut parts, &mut self.missing);
                }
                Some(ReferenceState::Missing) | None => {}
            }
        }
        self.missing.sort();
        self.missing.dedup();
        let known = self.references.iter().any(|used| references.contains_key(&used.key));
        self.reference_digest = known.then(|| digest::plain(parts.iter().map(String::as_bytes)));
    }
}

fn digest_entries(
    used: &ReferenceUse,
    entries: &BTreeMap<String, String>,
    parts: &mut BTreeSet<String>,
    missing: &mut Vec<String>,
) {
    let wanted: Vec<&String> =
        used.entries.as_ref().map_or_else(|| entries.keys().collect(), |keys| keys.iter().collect());
    for entry in wanted {
        match entries.get(entry) {
            Some(content) => {
                parts.insert(format!("{}/{entry}={content}", used.key));
            }
            None if used.optional => {}
            None => missing.push(format!("key {entry} of {}", used.key)),
        }
    }
}
