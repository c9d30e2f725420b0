use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, selector};
use crate::graph::{App, DnsServer, Edge, NetworkRules, Reach, Service};

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
                dns(rules)
                    .into_iter()
                    .chain(service.edges.iter().filter_map(|edge| egress(app, edge)))
                    .collect(),
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

/// DNS as clusters run it: kube-dns or CoreDNS in kube-system, NodeLocal DNSCache, and OpenShift's own; or as the
/// resource says.
fn dns(rules: &NetworkRules) -> Vec<NetworkPolicyEgressRule> {
    if !rules.dns.is_empty() {
        return rules.dns.iter().map(dns_server).collect();
    }
    let labels = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let cluster = pods_of("kube-system", labels("k8s-app", "kube-dns"));
    let openshift = pods_of("openshift-dns", labels("dns.operator.openshift.io/daemonset-dns", "default"));
    vec![
        NetworkPolicyEgressRule {
            to: Some(vec![cluster, range(NODE_LOCAL_DNS)]),
            ports: Some(datagrams_and_streams(53)),
        },
        NetworkPolicyEgressRule { to: Some(vec![openshift]), ports: Some(datagrams_and_streams(5353)) },
    ]
}

fn dns_server(server: &DnsServer) -> NetworkPolicyEgressRule {
    let pods = pods_of(&server.namespace, server.labels.clone());
    NetworkPolicyEgressRule { to: Some(vec![pods]), ports: Some(datagrams_and_streams(server.port)) }
}

fn datagrams_and_streams(port: i32) -> Vec<NetworkPolicyPort> {
    vec![to_port("UDP", port), to_port("TCP", port)]
}

/// A rule for an edge, with its own ports; none where nothing may be opened.
fn egress(app: &App, edge: &Edge) -> Option<NetworkPolicyEgressRule> {
    let to = match &edge.reach {
        Reach::Service => Some(vec![pods(app, &edge.name)]),
        Reach::Pods { namespace, labels } => {
            let namespace = namespace.as_deref().unwrap_or(&app.namespace);
            Some(vec![pods_of(namespace, labels.clone())])
        }
        Reach::Cidrs(cidrs) => Some(cidrs.iter().map(|cidr| range(cidr)).collect()),
        Reach::AnyAddress => None,
        Reach::Nowhere => return None,
    };
    let ports: BTreeSet<(&str, i32)> =
        edge.ports.iter().map(|port| (port.transport(), port.target_port)).collect();
    let ports = ports.into_iter().map(|(transport, port)| to_port(transport, port)).collect();
    Some(NetworkPolicyEgressRule { to, ports: Some(ports) })
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
