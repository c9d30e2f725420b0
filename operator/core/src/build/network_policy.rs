use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, selector};
use crate::graph::{App, Edge, NetworkRules, Peer, Service};

/// Label that every namespace carries with its own name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Address of NodeLocal DNSCache (<https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/>).
const NODE_LOCAL_DNS: &str = "169.254.20.10/32";

/// Denies everything in both directions, then opens exactly what is declared. A rule names its ports together with
/// the peers they are for, so that no peer gets the ports of another.
pub(super) fn network_policy(app: &App, service: &Service) -> Option<NetworkPolicy> {
    let rules = app.network.as_ref()?;
    let ingress = ingress(app, service, rules);
    Some(NetworkPolicy {
        metadata: metadata(app, service),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector(app, &service.name)),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: (!ingress.is_empty()).then_some(ingress),
            egress: Some(
                dns().into_iter().chain(service.edges.iter().map(|edge| egress(app, edge))).collect(),
            ),
        }),
    })
}

/// Callers by port, the ingress controller, the monitoring namespace, and the nodes' probes where they are filtered.
fn ingress(app: &App, service: &Service, rules: &NetworkRules) -> Vec<NetworkPolicyIngressRule> {
    let mut by_port: BTreeMap<(i32, &str), Vec<NetworkPolicyPeer>> = BTreeMap::new();
    for caller in &service.callers {
        by_port.entry((caller.target_port, caller.transport)).or_default().push(pods(app, &caller.service));
    }
    let mut opened: Vec<NetworkPolicyIngressRule> = by_port
        .into_iter()
        .map(|((port, transport), from)| admit(from, vec![to_port(transport, port)]))
        .collect();
    if let Some(exposure) = &service.exposure
        && let Some(namespace) = &exposure.controller_namespace
    {
        opened.push(admit(vec![whole_namespace(namespace)], vec![to_port("TCP", exposure.target_port)]));
    }
    if let Some(namespace) = &rules.monitoring_namespace
        && !service.ports.is_empty()
    {
        opened.push(admit(vec![whole_namespace(namespace)], declared_ports(service)));
    }
    let probed = probe_ports(service);
    if !rules.node_cidrs.is_empty() && !probed.is_empty() {
        let nodes = rules.node_cidrs.iter().map(|cidr| range(cidr)).collect();
        opened.push(admit(nodes, probed.into_iter().map(|port| to_port("TCP", port)).collect()));
    }
    opened
}

fn admit(from: Vec<NetworkPolicyPeer>, ports: Vec<NetworkPolicyPort>) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from: Some(from), ports: Some(ports) }
}

fn declared_ports(service: &Service) -> Vec<NetworkPolicyPort> {
    let ports: BTreeSet<(&str, i32)> =
        service.ports.iter().map(|port| (port.transport(), port.target)).collect();
    ports.into_iter().map(|(transport, port)| to_port(transport, port)).collect()
}

/// Ports that the kubelet asks.
fn probe_ports(service: &Service) -> BTreeSet<i32> {
    let probes = [
        &service.settings.probes.startup,
        &service.settings.probes.readiness,
        &service.settings.probes.liveness,
    ];
    let number = |port: &IntOrString| match port {
        IntOrString::Int(port) => Some(*port),
        IntOrString::String(_) => None,
    };
    probes
        .into_iter()
        .flatten()
        .filter_map(|probe| {
            let http = probe.http_get.as_ref().and_then(|check| number(&check.port));
            let tcp = probe.tcp_socket.as_ref().and_then(|check| number(&check.port));
            http.or(tcp).or_else(|| probe.grpc.as_ref().map(|check| check.port))
        })
        .collect()
}

/// DNS as clusters run it: kube-dns or CoreDNS in kube-system, NodeLocal DNSCache, and OpenShift's own.
fn dns() -> Vec<NetworkPolicyEgressRule> {
    let labels = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let cluster = pods_of("kube-system", labels("k8s-app", "kube-dns"));
    let openshift = pods_of("openshift-dns", labels("dns.operator.openshift.io/daemonset-dns", "default"));
    let both = |port| vec![to_port("UDP", port), to_port("TCP", port)];
    vec![
        NetworkPolicyEgressRule { to: Some(vec![cluster, range(NODE_LOCAL_DNS)]), ports: Some(both(53)) },
        NetworkPolicyEgressRule { to: Some(vec![openshift]), ports: Some(both(5353)) },
    ]
}

fn egress(app: &App, edge: &Edge) -> NetworkPolicyEgressRule {
    let (to, port) = match &edge.peer {
        Peer::Service { target_port, transport } => {
            (Some(vec![pods(app, &edge.name)]), to_port(transport, *target_port))
        }
        Peer::Pods { namespace, labels, port } => {
            let namespace = namespace.as_deref().unwrap_or(&app.namespace);
            (Some(vec![pods_of(namespace, labels.clone())]), to_port("TCP", *port))
        }
        Peer::Cidrs { cidrs, port } => {
            (Some(cidrs.iter().map(|cidr| range(cidr)).collect()), to_port("TCP", *port))
        }
        Peer::AnyAddress { port } => (None, to_port("TCP", *port)),
    };
    NetworkPolicyEgressRule { to, ports: Some(vec![port]) }
}

fn pods(app: &App, service: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(selector(app, service)), ..NetworkPolicyPeer::default() }
}

fn pods_of(namespace: &str, labels: BTreeMap<String, String>) -> NetworkPolicyPeer {
    let pod_selector =
        LabelSelector { match_labels: (!labels.is_empty()).then_some(labels), ..LabelSelector::default() };
    NetworkPolicyPeer { pod_selector: Some(pod_selector), ..whole_namespace(namespace) }
}

fn whole_namespace(namespace: &str) -> NetworkPolicyPeer {
    let labels = BTreeMap::from([(NAMESPACE_NAME.to_owned(), namespace.to_owned())]);
    let namespace_selector = LabelSelector { match_labels: Some(labels), ..LabelSelector::default() };
    NetworkPolicyPeer { namespace_selector: Some(namespace_selector), ..NetworkPolicyPeer::default() }
}

fn range(cidr: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr: cidr.to_owned(), except: None }),
        ..NetworkPolicyPeer::default()
    }
}

fn to_port(transport: &str, port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(transport.to_owned()),
        port: Some(IntOrString::Int(port)),
        end_port: None,
    }
}
