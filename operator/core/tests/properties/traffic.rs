//! What NetworkPolicies let through, evaluated as their specification says
//! (<https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/>).

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Something with an address: a pod, or a machine outside the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Namespace and labels; none for what is no pod.
    pub pod: Option<(String, BTreeMap<String, String>)>,
    /// Its address.
    pub address: IpAddr,
}

impl Host {
    pub(crate) fn pod(namespace: &str, labels: BTreeMap<String, String>) -> Self {
        Self { pod: Some((namespace.to_owned(), labels)), address: [10, 244, 1, 1].into() }
    }

    pub(crate) fn machine(address: &str) -> Self {
        Self { pod: None, address: address.parse().expect("an address") }
    }
}

/// One attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Knock<'a> {
    pub transport: &'a str,
    pub port: i32,
}

#[derive(Clone, Copy)]
enum Direction {
    Ingress,
    Egress,
}

/// All policies of a cluster.
pub(crate) struct Policies(pub Vec<NetworkPolicy>);

impl Policies {
    /// Whether both ends let the connection through.
    pub(crate) fn admit(&self, from: &Host, to: &Host, knock: Knock<'_>) -> bool {
        self.leaves(from, to, knock) && self.enters(from, to, knock)
    }

    /// Whether the policies of the caller let it out.
    pub(crate) fn leaves(&self, from: &Host, to: &Host, knock: Knock<'_>) -> bool {
        self.allows(Direction::Egress, from, to, knock)
    }

    /// Whether the policies of the callee let it in.
    pub(crate) fn enters(&self, from: &Host, to: &Host, knock: Knock<'_>) -> bool {
        self.allows(Direction::Ingress, to, from, knock)
    }

    /// A pod that no policy selects for a direction is open in it; otherwise what any of them admits is admitted.
    fn allows(&self, direction: Direction, subject: &Host, peer: &Host, knock: Knock<'_>) -> bool {
        let selecting: Vec<&NetworkPolicy> =
            self.0.iter().filter(|policy| selects(policy, direction, subject)).collect();
        selecting.is_empty() || selecting.iter().any(|policy| admits(policy, direction, peer, knock))
    }
}

fn namespace(policy: &NetworkPolicy) -> &str {
    policy.metadata.namespace.as_deref().expect("a policy has a namespace")
}

fn selects(policy: &NetworkPolicy, direction: Direction, subject: &Host) -> bool {
    let spec = policy.spec.as_ref().expect("a policy has a spec");
    let name = match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    };
    let types = spec.policy_types.as_ref().expect("the types are spelled out");
    let everything = LabelSelector::default();
    let selector = spec.pod_selector.as_ref().unwrap_or(&everything);
    types.iter().any(|kind| kind == name)
        && subject
            .pod
            .as_ref()
            .is_some_and(|(of, labels)| of == namespace(policy) && matches(selector, labels))
}

fn admits(policy: &NetworkPolicy, direction: Direction, peer: &Host, knock: Knock<'_>) -> bool {
    let spec = policy.spec.as_ref().expect("a policy has a spec");
    let home = namespace(policy);
    match direction {
        Direction::Ingress => {
            spec.ingress.iter().flatten().any(|rule| rule_admits(&rule.from, &rule.ports, home, peer, knock))
        }
        Direction::Egress => {
            spec.egress.iter().flatten().any(|rule| rule_admits(&rule.to, &rule.ports, home, peer, knock))
        }
    }
}

/// No peers are all peers, no ports are all ports; otherwise one of each has to fit.
fn rule_admits(
    peers: &Option<Vec<NetworkPolicyPeer>>,
    ports: &Option<Vec<NetworkPolicyPort>>,
    home: &str,
    peer: &Host,
    knock: Knock<'_>,
) -> bool {
    let peers = peers.as_deref().unwrap_or_default();
    let ports = ports.as_deref().unwrap_or_default();
    (peers.is_empty() || peers.iter().any(|allowed| is_peer(allowed, home, peer)))
        && (ports.is_empty() || ports.iter().any(|allowed| is_port(allowed, knock)))
}

fn is_peer(allowed: &NetworkPolicyPeer, home: &str, peer: &Host) -> bool {
    if let Some(block) = &allowed.ip_block {
        assert!(allowed.pod_selector.is_none() && allowed.namespace_selector.is_none(), "{allowed:?}");
        let except = block.except.iter().flatten().any(|range| contains(range, peer.address));
        return contains(&block.cidr, peer.address) && !except;
    }
    assert!(allowed.pod_selector.is_some() || allowed.namespace_selector.is_some(), "{allowed:?}");
    let Some((namespace, labels)) = &peer.pod else {
        return false;
    };
    let there = match &allowed.namespace_selector {
        None => namespace == home,
        Some(selector) => {
            let name = ("kubernetes.io/metadata.name".to_owned(), namespace.clone());
            matches(selector, &BTreeMap::from([name]))
        }
    };
    there && allowed.pod_selector.as_ref().is_none_or(|selector| matches(selector, labels))
}

fn is_port(allowed: &NetworkPolicyPort, knock: Knock<'_>) -> bool {
    let from = match &allowed.port {
        None => return allowed.protocol.as_deref().unwrap_or("TCP") == knock.transport,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => panic!("the name {name} could mean another port in every pod"),
    };
    let to = allowed.end_port.unwrap_or(from);
    allowed.protocol.as_deref().unwrap_or("TCP") == knock.transport && (from..=to).contains(&knock.port)
}

fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    assert!(selector.match_expressions.as_ref().is_none_or(Vec::is_empty), "only labels are used");
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

fn contains(cidr: &str, address: IpAddr) -> bool {
    let (network, bits) = cidr.split_once('/').expect("a range");
    let bits: u32 = bits.parse().expect("a number of bits");
    match (network.parse().expect("an address"), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            bits == 0 || (network.to_bits() ^ address.to_bits()) >> (32 - bits) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            bits == 0 || (network.to_bits() ^ address.to_bits()) >> (128 - bits) == 0
        }
        _ => false,
    }
}

#[test]
fn ranges_contain_their_addresses_and_no_others() {
    let address = |text: &str| text.parse().expect("an address");
    assert!(contains("10.0.0.0/8", address("10.255.0.1")));
    assert!(!contains("10.0.0.0/8", address("11.0.0.1")));
    assert!(contains("10.0.0.7/32", address("10.0.0.7")));
    assert!(!contains("10.0.0.7/32", address("10.0.0.6")));
    assert!(contains("0.0.0.0/0", address("1.1.1.1")));
    assert!(!contains("::/0", address("1.1.1.1")));
    assert!(contains("fd00::/8", address("fdff::1")));
}
