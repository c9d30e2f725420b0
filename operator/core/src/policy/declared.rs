//! What an app declares, as openings: computed from the graph and from nothing that was built from it.

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Probe;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::endpoint::{Endpoint, Pod};
use super::ports::{Traffic, Transport};
use crate::graph::{App, Edge, Reach, Service};
use crate::labels;

/// NodeLocal DNSCache listens here on every node
/// (<https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/>).
pub(super) const NODE_LOCAL_DNS: &str = "169.254.20.10/32";

/// Where clusters run their DNS: namespace, label of the pods, port
/// (<https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/>,
/// <https://docs.openshift.com/container-platform/latest/networking/networking_operators/dns-operator.html>).
pub(super) const DNS_PODS: [(&str, (&str, &str), u16); 2] = [
    ("kube-system", ("k8s-app", "kube-dns"), 53),
    ("openshift-dns", ("dns.operator.openshift.io/daemonset-dns", "default"), 5353),
];

/// Something that is declared to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The far end: the name of the edge or caller, or words that can be no name: `DNS`, `node addresses`.
    pub name: String,
    pub traffic: Traffic,
}

fn grant(name: impl Into<String>, traffic: Traffic) -> Grant {
    Grant { name: name.into(), traffic }
}

/// What an app declares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'a> {
    pub app: &'a App,
}

/// What is the same about an endpoint for every service.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    endpoint: &'a Endpoint,
    service: Option<&'a Service>,
    dns: Option<Traffic>,
    is_node: bool,
}

impl<'a> Declared<'a> {
    /// Looks at an endpoint once.
    pub fn see(&self, endpoint: &'a Endpoint) -> Seen<'a> {
        let nodes = self.app.network.as_ref().map(|rules| rules.node_cidrs.as_slice()).unwrap_or_default();
        Seen {
            endpoint,
            service: self.service_of(endpoint),
            dns: self.dns(endpoint),
            is_node: in_ranges(nodes.iter().map(String::as_str), endpoint),
        }
    }

    /// What a DNS server is asked, when it is one: those that the app names, or else the usual ones.
    fn dns(&self, to: &Endpoint) -> Option<Traffic> {
        let named = self.app.network.as_ref().map(|rules| rules.dns.as_slice()).unwrap_or_default();
        if named.is_empty() {
            return usual_dns(to);
        }
        let pod = to.pod()?;
        let mut traffic = Traffic::default();
        for server in named.iter().filter(|server| pod.is_one_of(&server.namespace, &server.labels)) {
            let [datagrams, streams] = ["UDP", "TCP"].map(|transport| Traffic::named(transport, server.port));
            traffic.add(&datagrams_and_streams(datagrams, streams));
        }
        Some(traffic)
    }

    /// The service that a pod belongs to.
    pub fn service_of(&self, endpoint: &Endpoint) -> Option<&'a Service> {
        let pod = endpoint.pod().filter(|pod| pod.namespace == self.app.namespace)?;
        let ours = pod.labels.get(labels::APP) == Some(&self.app.name);
        pod.labels.get(labels::SERVICE).filter(|_| ours).and_then(|name| self.app.service(name))
    }

    /// What a service may send to an endpoint.
    pub fn egress(&self, service: &Service, to: &Seen<'_>) -> Vec<Grant> {
        if self.app.network.is_none() {
            return vec![grant("everybody", Traffic::all())];
        }
        let called = to.service.map(|called| called.name.as_str());
        let edges = service
            .edges
            .iter()
            .filter_map(|edge| self.over_edge(edge, called == Some(edge.name.as_str()), to.endpoint));
        edges.chain(to.dns.iter().map(|traffic| grant("DNS", traffic.clone()))).collect()
    }

    /// What an endpoint may send to a service.
    pub fn ingress(&self, service: &Service, from: &Seen<'_>) -> Vec<Grant> {
        let Some(rules) = &self.app.network else {
            return vec![grant("everybody", Traffic::all())];
        };
        let mut grants = Vec::new();
        if let Some(caller) = from.service {
            let edges = caller.edges.iter().filter(|edge| edge.is_call() && edge.name == service.name);
            grants.extend(edges.map(|edge| grant(&caller.name, opened_by(edge))));
        }
        let namespace = from.endpoint.pod().map(|pod| pod.namespace.as_str());
        let inside = |name: &&String| namespace == Some(name.as_str());
        if let Some(exposure) = &service.exposure
            && let Some(name) = exposure.controller_namespace.as_ref().filter(inside)
        {
            grants.push(grant(format!("namespace {name}"), Traffic::named("TCP", exposure.target_port)));
        }
        if let Some(name) = rules.monitoring_namespace.as_ref().filter(inside) {
            let ports = service.ports.iter().map(|port| Traffic::named(port.transport(), port.target));
            grants.extend(ports.map(|traffic| grant(format!("namespace {name}"), traffic)));
        }
        if from.is_node {
            grants
                .extend(probed(service).map(|number| grant("node addresses", Traffic::named("TCP", number))));
        }
        grants
    }

    /// What an edge opens at its caller's end towards an endpoint, which is or is not the service it names.
    fn over_edge(&self, edge: &Edge, is_target: bool, to: &Endpoint) -> Option<Grant> {
        let covers = match &edge.reach {
            Reach::Service => is_target,
            Reach::Pods { namespace, labels } => {
                let namespace = namespace.as_ref().unwrap_or(&self.app.namespace);
                to.pod().is_some_and(|pod| pod.is_one_of(namespace, labels))
            }
            Reach::Cidrs(cidrs) => in_ranges(cidrs.iter().map(String::as_str), to),
            Reach::AnyAddress => {
                return Some(grant(format!("{} (any address)", edge.name), opened_by(edge)));
            }
            Reach::Nowhere => false,
        };
        covers.then(|| grant(&edge.name, opened_by(edge)))
    }

    fn reaches(&self) -> impl Iterator<Item = &'a Reach> {
        self.app.services.iter().flat_map(|service| service.edges.iter().map(|edge| &edge.reach))
    }

    /// Every address range that the app names.
    pub fn ranges(&self) -> impl Iterator<Item = IpNet> {
        let cidrs = self.reaches().flat_map(|reach| match reach {
            Reach::Cidrs(cidrs) => cidrs.as_slice(),
            Reach::Service | Reach::Pods { .. } | Reach::AnyAddress | Reach::Nowhere => &[],
        });
        let nodes = self.app.network.iter().flat_map(|rules| &rules.node_cidrs);
        let texts = cidrs.chain(nodes).map(String::as_str).chain([NODE_LOCAL_DNS]);
        texts.filter_map(|text| text.parse().ok())
    }

    /// One pod for each place outside the app that it names: with the labels that are asked for and no others.
    pub fn pods(&self) -> Vec<Pod> {
        let label = |(key, value): (&str, &str)| [(key.to_owned(), value.to_owned())].into();
        let usual = DNS_PODS.iter().map(|(namespace, name, _)| Pod::new(namespace, label(*name)));
        let servers = self.app.network.iter().flat_map(|rules| &rules.dns);
        let dns = usual.chain(servers.map(|server| Pod::new(&server.namespace, server.labels.clone())));
        let peers = self.reaches().filter_map(|reach| match reach {
            Reach::Pods { namespace, labels } => {
                Some(Pod::new(namespace.as_ref().unwrap_or(&self.app.namespace), labels.clone()))
            }
            Reach::Service | Reach::Cidrs(_) | Reach::AnyAddress | Reach::Nowhere => None,
        });
        let exposures = self.app.services.iter().filter_map(|service| service.exposure.as_ref());
        let namespaces = exposures.filter_map(|exposure| exposure.controller_namespace.as_ref());
        let namespaces =
            namespaces.chain(self.app.network.iter().filter_map(|rules| rules.monitoring_namespace.as_ref()));
        dns.chain(peers).chain(namespaces.map(|name| Pod::new(name, [].into()))).collect()
    }
}

/// What an edge opens: its ports, and no others.
pub fn opened_by(edge: &Edge) -> Traffic {
    let mut traffic = Traffic::default();
    for used in &edge.ports {
        traffic.add(&Traffic::named(used.transport(), used.target_port));
    }
    traffic
}

/// Whether a range of addresses holds an address; what is no range holds none.
pub fn holds(range: &str, address: &IpAddr) -> bool {
    range.parse::<IpNet>().is_ok_and(|range| range.contains(address))
}

fn in_ranges<'r>(ranges: impl Iterator<Item = &'r str> + Clone, endpoint: &Endpoint) -> bool {
    let held = |address: &IpAddr| ranges.clone().any(|range| holds(range, address));
    endpoint.addresses().iter().any(held)
}

fn datagrams_and_streams(mut datagrams: Traffic, streams: Traffic) -> Traffic {
    datagrams.add(&streams);
    datagrams
}

fn usual_dns(to: &Endpoint) -> Option<Traffic> {
    let node_local = in_ranges([NODE_LOCAL_DNS].into_iter(), to).then_some(53);
    let served = node_local.or_else(|| {
        let pod = to.pod()?;
        let found = DNS_PODS.iter().find(|(namespace, (key, value), _)| {
            pod.namespace == *namespace && pod.labels.get(*key).is_some_and(|found| found == value)
        });
        found.map(|(_, _, port)| *port)
    })?;
    Some(datagrams_and_streams(Traffic::port(Transport::Udp, served), Traffic::port(Transport::Tcp, served)))
}

/// The ports that the kubelet asks.
fn probed(service: &Service) -> impl Iterator<Item = i32> {
    let probes = &service.settings.probes;
    [&probes.startup, &probes.readiness, &probes.liveness]
        .into_iter()
        .flatten()
        .filter_map(|probe| probed_port(probe, service))
}

fn probed_port(probe: &Probe, service: &Service) -> Option<i32> {
    let http = probe.http_get.as_ref().map(|action| action.port.clone());
    let tcp = probe.tcp_socket.as_ref().map(|action| action.port.clone());
    let grpc = probe.grpc.as_ref().map(|action| IntOrString::Int(action.port));
    match http.or(tcp).or(grpc)? {
        IntOrString::Int(number) => Some(number),
        IntOrString::String(name) => {
            service.ports.iter().find(|port| port.name == name).map(|port| port.target)
        }
    }
}
