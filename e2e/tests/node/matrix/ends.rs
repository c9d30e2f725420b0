//! Whom the matrix asks and is asked about, as they are in the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::{Context, Result};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Namespace as ClusterNamespace, Node as ClusterNode, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Api, Client, ResourceExt, api::ListParams};
use msapp_core::labels::SERVICE;
use msapp_core::policy::{Endpoint, NamedPort, Pod as Place, Transport};
use msapp_e2e::{Namespace, Node, UNDECLARED};
use serde_json::{Value, json};

use super::places::Places;

/// What every workload listens on, and no sample declares.
const UNDECLARED_PORT: u16 = 9999;
/// Ranges for documentation (RFC 5737): somebody outside of the node answers for them.
const OUTSIDE: [&str; 3] = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"];
const KUBELET_PORT: u16 = 10250;

/// One end of connections.
pub(crate) struct End {
    pub name: String,
    pub address: IpAddr,
    /// As the model sees it.
    pub endpoint: Endpoint,
    /// Namespace and name of the pod in which the workload can try; none where it cannot.
    pub prober: Option<(String, String)>,
}

impl End {
    pub fn is_in(&self, namespace: &str) -> bool {
        self.prober.as_ref().is_some_and(|(own, _)| own == namespace)
    }
}

/// Everything that is compared.
pub(crate) struct Known {
    pub ends: Vec<End>,
    pub policies: Vec<NetworkPolicy>,
    /// Each of them is tried from everybody to everybody.
    pub ports: Vec<u16>,
}

/// One pod of each service and a second one of the first, the pods around, the DNS, the node, and addresses outside.
pub(crate) async fn known(node: &Node, home: &Namespace, places: &Places) -> Result<Known> {
    let client = node.client().await?;
    let policies = Api::<NetworkPolicy>::all(client.clone()).list(&ListParams::default()).await?.items;
    let namespaces = Api::<ClusterNamespace>::all(client.clone()).list(&ListParams::default()).await?;
    let labels: BTreeMap<String, BTreeMap<String, String>> =
        namespaces.iter().map(|namespace| (namespace.name_any(), namespace.labels().clone())).collect();
    let all = Api::<Pod>::all(client.clone()).list(&ListParams::default()).await?.items;
    let around = |pod: &&Pod| places.pods.contains(&(pod.namespace().unwrap_or_default(), pod.name_any()));
    let dns = |pod: &&Pod| pod.labels().get("k8s-app").is_some_and(|app| app == "kube-dns");
    let mut ends = Vec::new();
    for pod in services(&all, home.name()).into_iter().chain(all.iter().filter(around)) {
        ends.push(end(pod, &labels, true)?);
    }
    for pod in all.iter().filter(dns) {
        ends.push(end(pod, &labels, false)?);
    }
    let own = policies.iter().filter(|policy| policy.namespace().as_deref() == Some(home.name()));
    let own: Vec<Value> = own.map(|policy| json!(policy.spec)).collect();
    let addresses = outside(&own)?.into_iter().chain(node_addresses(&client).await?);
    ends.extend(addresses.map(|address| End {
        name: address.to_string(),
        address,
        endpoint: Endpoint::Address(address),
        prober: None,
    }));
    Ok(Known { ends, policies, ports: ports(&all, home.name(), &own) })
}

fn services<'a>(all: &'a [Pod], home: &str) -> Vec<&'a Pod> {
    let mut by_service: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in all.iter().filter(|pod| pod.namespace().as_deref() == Some(home)) {
        if let Some(service) = pod.labels().get(SERVICE) {
            by_service.entry(service).or_default().push(pod);
        }
    }
    let second = by_service.values().find_map(|pods| pods.get(1)).copied();
    by_service.values().map(|pods| pods[0]).chain(second).collect()
}

fn end(pod: &Pod, labels: &BTreeMap<String, BTreeMap<String, String>>, workload: bool) -> Result<End> {
    let namespace = pod.namespace().context("a pod has a namespace")?;
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
    let address = address.with_context(|| format!("{} has no address", pod.name_any()))?.parse()?;
    let mut place = Place::new(&namespace, pod.labels().clone());
    place.namespace_labels = labels.get(&namespace).cloned().context("its namespace is there")?;
    place.addresses = vec![address];
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    for port in containers.flat_map(|container| container.ports.iter().flatten()) {
        let transport = Transport::named(port.protocol.as_deref().unwrap_or("TCP")).context("a transport")?;
        if let Some(name) = port.name.clone() {
            place.ports.push(NamedPort { name, transport, number: u16::try_from(port.container_port)? });
        }
    }
    let prober = workload.then(|| (namespace.clone(), pod.name_any()));
    let name = format!("{namespace}/{}", pod.name_any());
    Ok(End { name, address, endpoint: Endpoint::Pod(place), prober })
}

/// An address of each range that a policy names, and one that none names.
fn outside(policies: &[Value]) -> Result<BTreeSet<IpAddr>> {
    let answered = OUTSIDE.iter().map(|range| range.parse()).collect::<Result<Vec<IpNet>, _>>()?;
    let named = policies.iter().flat_map(|policy| every(policy, "cidr"));
    let ranges = named.filter_map(|range| range.as_str()?.parse::<IpNet>().ok());
    let addresses = ranges.filter_map(|range| range.hosts().next()).chain([UNDECLARED.1]);
    Ok(addresses.filter(|address| answered.iter().any(|range| range.contains(address))).collect())
}

async fn node_addresses(client: &Client) -> Result<Vec<IpAddr>> {
    let nodes = Api::<ClusterNode>::all(client.clone()).list(&ListParams::default()).await?;
    let addresses = nodes.iter().filter_map(|node| node.status.as_ref()?.addresses.as_ref()).flatten();
    let internal = addresses.filter(|address| address.type_ == "InternalIP");
    internal.map(|address| Ok(address.address.parse()?)).collect()
}

/// Those that a policy or a container names, and two that nobody does.
fn ports(all: &[Pod], home: &str, policies: &[Value]) -> Vec<u16> {
    let pods = all.iter().filter(|pod| pod.namespace().as_deref() == Some(home));
    let containers = pods.flat_map(|pod| pod.spec.iter().flat_map(|spec| &spec.containers));
    let declared = containers.flat_map(|container| container.ports.iter().flatten());
    let declared = declared.map(|port| IntOrString::Int(port.container_port));
    let named = policies.iter().flat_map(|policy| every(policy, "port"));
    let named = named.filter_map(|port| serde_json::from_value(port.clone()).ok());
    let numbers = declared.chain(named).filter_map(|port| match port {
        IntOrString::Int(number) => u16::try_from(number).ok(),
        IntOrString::String(_) => None,
    });
    numbers.chain([UNDECLARED_PORT, KUBELET_PORT]).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The values of a field, wherever it is.
fn every<'a>(value: &'a Value, field: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(fields) => {
            let own = fields.get(field).into_iter();
            own.chain(fields.values().flat_map(|inner| every(inner, field))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|inner| every(inner, field)).collect(),
        _ => Vec::new(),
    }
}
