//! Random cases: a few policies, a few pods and machines, drawn from so few words that they often meet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fastrand::Rng;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_core::policy::{Endpoint, NamedPort, Pod, Transport};

const NAMESPACES: [&str; 3] = ["shop", "data", "dev"];
const KEYS: [&str; 3] = ["app", "tier", "kubernetes.io/metadata.name"];
/// The empty value is a value; a label without it is something else than no label.
const VALUES: [&str; 4] = ["a", "b", "", "shop"];
const NAMES: [(&str, Transport); 3] =
    [("http", Transport::Tcp), ("dns", Transport::Udp), ("signal", Transport::Sctp)];
const NUMBERS: [u16; 6] = [1, 53, 80, 81, 8080, 65_535];
const MACHINES: [&str; 4] = ["192.0.2.1", "192.0.2.200", "203.0.113.9", "2001:db8::1"];
const RANGES: [(&str, &[&str]); 9] = [
    ("10.0.0.0/24", &["10.0.0.2/31", "10.0.0.5/32"]),
    ("10.0.0.3/30", &[]),
    ("10.0.0.4/32", &[]),
    ("192.0.2.0/24", &["192.0.2.128/25"]),
    ("192.0.2.1/32", &[]),
    ("0.0.0.0/0", &["10.0.0.0/8", "203.0.113.0/24"]),
    ("2001:db8::/32", &["2001:db8::1/128"]),
    ("2001:db8::/64", &[]),
    ("::/0", &[]),
];

/// A cluster with its policies.
#[derive(Clone, Debug)]
pub struct Case {
    /// Of all namespaces.
    pub policies: Vec<NetworkPolicy>,
    /// Pods, and machines outside of the cluster.
    pub endpoints: Vec<Endpoint>,
}

impl Case {
    /// The same for the same state of the generator.
    pub fn random(rng: &mut Rng) -> Self {
        let labels: Vec<BTreeMap<String, String>> = NAMESPACES.iter().map(|_| self::labels(rng)).collect();
        let pods = (1..=6).map(|number| Endpoint::Pod(pod(number, &labels, rng)));
        let machines = MACHINES.iter().map(|address| Endpoint::Address(parse(address)));
        let endpoints = pods.chain(machines).collect();
        let policies = (0..rng.usize(2..=8)).map(|number| policy(number, rng)).collect();
        Self { policies, endpoints }
    }

    /// What is left of it in a cluster without IPv6.
    pub fn of_ipv4(&self) -> Self {
        let mut case = self.clone();
        case.endpoints.retain(|endpoint| !matches!(endpoint, Endpoint::Address(IpAddr::V6(_))));
        for spec in case.policies.iter_mut().filter_map(|policy| policy.spec.as_mut()) {
            let ingress = spec.ingress.iter_mut().flatten().map(|rule| &mut rule.from);
            let egress = spec.egress.iter_mut().flatten().map(|rule| &mut rule.to);
            for peers in ingress.chain(egress).flatten() {
                peers.retain(|peer| peer.ip_block.as_ref().is_none_or(|block| !block.cidr.contains(':')));
            }
        }
        case
    }

    /// Every port at which the answer can change, in any protocol, and those beside it.
    pub fn numbers(&self) -> Vec<u16> {
        let mut numbers = BTreeSet::from([0, u16::MAX]);
        let names = self.endpoints.iter().filter_map(Endpoint::pod).flat_map(|pod| &pod.ports);
        let mut edges: Vec<i32> = names.map(|port| i32::from(port.number)).collect();
        for port in self.ports() {
            edges.extend(port.end_port);
            if let Some(IntOrString::Int(number)) = port.port {
                edges.push(number);
            }
        }
        let around = edges.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]);
        numbers.extend(around.filter_map(|number| u16::try_from(number).ok()));
        numbers.into_iter().collect()
    }

    fn ports(&self) -> impl Iterator<Item = &NetworkPolicyPort> {
        self.specs().flat_map(|spec| {
            let ingress = spec.ingress.iter().flatten().map(|rule| &rule.ports);
            ingress.chain(spec.egress.iter().flatten().map(|rule| &rule.ports)).flatten().flatten()
        })
    }

    fn peers(&self) -> impl Iterator<Item = &NetworkPolicyPeer> {
        self.specs().flat_map(|spec| {
            let ingress = spec.ingress.iter().flatten().map(|rule| &rule.from);
            ingress.chain(spec.egress.iter().flatten().map(|rule| &rule.to)).flatten().flatten()
        })
    }

    fn specs(&self) -> impl Iterator<Item = &NetworkPolicySpec> {
        self.policies.iter().filter_map(|policy| policy.spec.as_ref())
    }

    fn selectors(&self) -> impl Iterator<Item = &LabelSelector> {
        let peers = self.peers().flat_map(|peer| [&peer.pod_selector, &peer.namespace_selector]);
        self.specs().map(|spec| &spec.pod_selector).chain(peers).flatten()
    }

    /// What of the specification it makes use of.
    pub fn features(&self) -> BTreeSet<&'static str> {
        let ports = self.ports().flat_map(port_features);
        let peers = self.peers().flat_map(peer_features);
        let selectors = self.selectors().flat_map(selector_features);
        let rules = self.specs().flat_map(|spec| spec.ingress.iter().flatten());
        let rules =
            rules.flat_map(|rule| [("no peers", rule.from.is_none()), ("no ports", rule.ports.is_none())]);
        let specs = self.specs().map(|spec| ("policyTypes left out", spec.policy_types.is_none()));
        let all = ports.chain(peers).chain(selectors).chain(rules).chain(specs);
        all.filter(|(_, present)| *present).map(|(name, _)| name).collect()
    }
}

fn port_features(port: &NetworkPolicyPort) -> [(&'static str, bool); 6] {
    [
        ("port by number", matches!(port.port, Some(IntOrString::Int(_)))),
        ("port by name", matches!(port.port, Some(IntOrString::String(_)))),
        ("every port of a protocol", port.port.is_none()),
        ("endPort", port.end_port.is_some()),
        ("protocol left out", port.protocol.is_none()),
        ("SCTP", port.protocol.as_deref() == Some("SCTP")),
    ]
}

fn peer_features(peer: &NetworkPolicyPeer) -> [(&'static str, bool); 6] {
    let blocks = || peer.ip_block.iter();
    let (pods, namespaces) = (peer.pod_selector.is_some(), peer.namespace_selector.is_some());
    [
        ("ipBlock", peer.ip_block.is_some()),
        ("except", blocks().any(|block| block.except.iter().flatten().next().is_some())),
        ("IPv6", blocks().any(|block| block.cidr.contains(':'))),
        ("namespaceSelector alone", namespaces && !pods),
        ("podSelector alone", pods && !namespaces),
        ("both selectors", pods && namespaces),
    ]
}

fn selector_features(selector: &LabelSelector) -> [(&'static str, bool); 6] {
    let uses = |operator: &str| {
        selector.match_expressions.iter().flatten().any(|expression| expression.operator == operator)
    };
    [
        ("empty selector", *selector == LabelSelector::default()),
        ("matchLabels", selector.match_labels.is_some()),
        ("In", uses("In")),
        ("NotIn", uses("NotIn")),
        ("Exists", uses("Exists")),
        ("DoesNotExist", uses("DoesNotExist")),
    ]
}

fn parse(address: &str) -> IpAddr {
    address.parse().expect("it is an address")
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(0..from.len())]
}

/// Nothing, or up to `most` of something.
fn some<T>(rng: &mut Rng, most: usize, make: impl Fn(&mut Rng) -> T) -> Option<Vec<T>> {
    if rng.u8(0..4) == 0 {
        return None;
    }
    let count = rng.usize(0..=most);
    Some((0..count).map(|_| make(rng)).collect())
}

fn labels(rng: &mut Rng) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for key in &KEYS[..2] {
        if rng.bool() {
            labels.insert((*key).to_owned(), (*pick(rng, &VALUES)).to_owned());
        }
    }
    labels
}

fn pod(number: u8, namespaces: &[BTreeMap<String, String>], rng: &mut Rng) -> Pod {
    let at = rng.usize(0..NAMESPACES.len());
    let mut pod = Pod::new(NAMESPACES[at], labels(rng));
    pod.namespace_labels.extend(namespaces[at].clone());
    pod.addresses = vec![parse(&format!("10.0.0.{number}"))];
    for (name, transport) in NAMES {
        if rng.bool() {
            pod.ports.push(NamedPort { name: name.to_owned(), transport, number: *pick(rng, &NUMBERS) });
        }
    }
    pod
}

fn policy(number: usize, rng: &mut Rng) -> NetworkPolicy {
    let types: [Option<&[&str]>; 5] =
        [None, None, Some(&["Ingress"]), Some(&["Egress"]), Some(&["Ingress", "Egress"])];
    let types = pick(rng, &types).map(|types| types.iter().map(|name| (*name).to_owned()).collect());
    let rule = |rng: &mut Rng| (some(rng, 3, peer), some(rng, 3, port));
    let ingress = some(rng, 3, rule);
    let egress = some(rng, 3, rule);
    let spec = NetworkPolicySpec {
        pod_selector: subjects(rng),
        policy_types: types,
        ingress: ingress.map(|rules| {
            rules.into_iter().map(|(from, ports)| NetworkPolicyIngressRule { from, ports }).collect()
        }),
        egress: egress.map(|rules| {
            rules.into_iter().map(|(to, ports)| NetworkPolicyEgressRule { to, ports }).collect()
        }),
    };
    let metadata = ObjectMeta {
        name: Some(format!("policy-{number}")),
        namespace: Some((*pick(rng, &NAMESPACES)).to_owned()),
        ..ObjectMeta::default()
    };
    NetworkPolicy { metadata, spec: Some(spec) }
}

/// Often every pod of the namespace, in both ways to say so, so that most pods are isolated.
fn subjects(rng: &mut Rng) -> Option<LabelSelector> {
    match rng.u8(0..4) {
        0 => None,
        1 => Some(LabelSelector::default()),
        _ => Some(selector(rng)),
    }
}

fn selector(rng: &mut Rng) -> LabelSelector {
    let mut selector = LabelSelector::default();
    if rng.u8(0..3) > 0 {
        let pair = ((*pick(rng, &KEYS)).to_owned(), (*pick(rng, &VALUES)).to_owned());
        selector.match_labels = rng.bool().then(|| BTreeMap::from([pair]));
        selector.match_expressions =
            rng.bool().then(|| (0..rng.usize(1..=2)).map(|_| expression(rng)).collect());
    }
    selector
}

fn expression(rng: &mut Rng) -> LabelSelectorRequirement {
    let operator = *pick(rng, &["In", "NotIn", "Exists", "DoesNotExist"]);
    let listed = matches!(operator, "In" | "NotIn");
    let values = listed.then(|| (0..rng.usize(1..=2)).map(|_| (*pick(rng, &VALUES)).to_owned()).collect());
    LabelSelectorRequirement { key: (*pick(rng, &KEYS)).to_owned(), operator: operator.to_owned(), values }
}

fn peer(rng: &mut Rng) -> NetworkPolicyPeer {
    let mut peer = NetworkPolicyPeer::default();
    match rng.u8(0..4) {
        0 => {
            let (cidr, except) = *pick(rng, &RANGES);
            let except = except.iter().filter(|_| rng.bool()).map(|part| (*part).to_owned()).collect();
            peer.ip_block = Some(IPBlock { cidr: cidr.to_owned(), except: Some(except) });
        }
        1 => peer.pod_selector = Some(selector(rng)),
        2 => peer.namespace_selector = Some(selector(rng)),
        _ => {
            peer.pod_selector = Some(selector(rng));
            peer.namespace_selector = Some(selector(rng));
        }
    }
    peer
}

fn port(rng: &mut Rng) -> NetworkPolicyPort {
    let (name, transport) = *pick(rng, &NAMES);
    let number = *pick(rng, &NUMBERS);
    let protocol = *pick(rng, &[None, Some("TCP"), Some("UDP"), Some("SCTP")]);
    let mut port =
        NetworkPolicyPort { protocol: protocol.map(str::to_owned), ..NetworkPolicyPort::default() };
    match rng.u8(0..5) {
        0 => {}
        1 => {
            port.port = Some(IntOrString::String(name.to_owned()));
            // Half of the names with the protocol they have in the pods, the others with any.
            if rng.bool() {
                port.protocol = Some(transport.as_str().to_owned());
            }
        }
        2 => {
            port.port = Some(IntOrString::Int(number.into()));
            port.end_port = Some(rng.u16(number..=u16::MAX).into());
        }
        _ => port.port = Some(IntOrString::Int(number.into())),
    }
    port
}
