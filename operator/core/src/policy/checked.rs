//! NetworkPolicies, checked: after this there is one meaning of each.

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::fault::{Fault, Faults};
use super::ports::{PortSet, Traffic, Transport};
use super::selector::Selector;

/// NetworkPolicies without a fault.
#[derive(Clone, Debug, Default)]
pub struct Policies(pub(super) Vec<Policy>);

/// One policy. A direction that it does not isolate has no list of rules.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub namespace: String,
    pub pods: Selector,
    pub ingress: Option<Vec<Rule>>,
    pub egress: Option<Vec<Rule>>,
}

/// One rule: whoever is among the peers passes on any of the ports.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Nothing is everybody.
    pub peers: Option<Vec<Peer>>,
    /// Ports that are given by number.
    pub ports: Traffic,
    /// Ports that are given by the name that they have in the pod which is called.
    pub named: Vec<(Transport, String)>,
}

/// One kind of peer of a rule.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// Pods, in the policy's own namespace when none is selected.
    Pods { namespace: Option<Selector>, pods: Selector },
    /// Addresses.
    Block { range: IpNet, except: Vec<IpNet> },
}

impl Peer {
    /// Whether the address is in the range and in none of the exceptions.
    pub fn has(range: &IpNet, except: &[IpNet], address: &IpAddr) -> bool {
        range.contains(address) && !except.iter().any(|part| part.contains(address))
    }
}

impl Policies {
    /// Checks policies.
    ///
    /// # Errors
    ///
    /// Everything that Kubernetes does not take, in all of them.
    pub fn new<'a>(policies: impl IntoIterator<Item = &'a NetworkPolicy>) -> Result<Self, Vec<Fault>> {
        let mut checked = Vec::new();
        let mut found = Vec::new();
        for policy in policies {
            let name = policy.metadata.name.as_deref().unwrap_or_default();
            let namespace = policy.metadata.namespace.clone().unwrap_or_default();
            let mut faults = Faults::of(format!("{namespace}/{name}"));
            if namespace.is_empty() {
                faults.push("metadata.namespace", "it is needed to know which pods are meant");
            }
            checked.push(self::policy(namespace, policy.spec.clone().unwrap_or_default(), &mut faults));
            found.extend(faults.found());
        }
        if found.is_empty() { Ok(Self(checked)) } else { Err(found) }
    }
}

/// What is not written has a meaning, see `policyTypes` in
/// <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/#NetworkPolicySpec>.
fn policy(namespace: String, spec: NetworkPolicySpec, faults: &mut Faults) -> Policy {
    let types = spec.policy_types.unwrap_or_default();
    for (index, name) in types.iter().enumerate() {
        if !matches!(name.as_str(), "Ingress" | "Egress") {
            faults.push(
                &format!("spec.policyTypes[{index}]"),
                format!("{name:?} is neither Ingress nor Egress"),
            );
        }
    }
    let has = |name: &str| types.iter().any(|other| other == name);
    let egress = spec.egress.unwrap_or_default();
    let isolates_ingress = types.is_empty() || has("Ingress");
    let isolates_egress = if types.is_empty() { !egress.is_empty() } else { has("Egress") };
    let ingress = spec.ingress.unwrap_or_default().into_iter();
    let ingress = rules(ingress.map(|rule| (rule.from, rule.ports)), ("spec.ingress", "from"), faults);
    let egress = egress.into_iter();
    let egress = rules(egress.map(|rule| (rule.to, rule.ports)), ("spec.egress", "to"), faults);
    let pods = Selector::new(&spec.pod_selector.unwrap_or_default(), "spec.podSelector", faults);
    Policy {
        namespace,
        pods,
        ingress: isolates_ingress.then_some(ingress),
        egress: isolates_egress.then_some(egress),
    }
}

type Written = (Option<Vec<NetworkPolicyPeer>>, Option<Vec<NetworkPolicyPort>>);

/// Lists that are absent or empty restrict nothing.
fn rules(
    written: impl Iterator<Item = Written>,
    (list, peers_field): (&str, &str),
    faults: &mut Faults,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (index, (peers, ports)) in written.enumerate() {
        let mut checked = Vec::new();
        let peers = peers.unwrap_or_default();
        for (at, peer) in peers.iter().enumerate() {
            let place = format!("{list}[{index}].{peers_field}[{at}]");
            checked.extend(self::peer(peer, &place, faults));
        }
        let ports = ports.unwrap_or_default();
        let mut rule =
            Rule { peers: (!peers.is_empty()).then_some(checked), ports: Traffic::default(), named: vec![] };
        if ports.is_empty() {
            rule.ports = Traffic::all();
        }
        for (at, port) in ports.iter().enumerate() {
            add_port(&mut rule, port, &format!("{list}[{index}].ports[{at}]"), faults);
        }
        rules.push(rule);
    }
    rules
}

fn peer(peer: &NetworkPolicyPeer, place: &str, faults: &mut Faults) -> Option<Peer> {
    let namespace = peer.namespace_selector.as_ref();
    let pods = peer.pod_selector.as_ref();
    match &peer.ip_block {
        Some(_) if namespace.is_some() || pods.is_some() => {
            faults.push(place, "ipBlock stands alone, without podSelector and namespaceSelector");
            None
        }
        Some(block) => self::block(block, &format!("{place}.ipBlock"), faults),
        None if namespace.is_none() && pods.is_none() => {
            faults.push(place, "one of podSelector, namespaceSelector and ipBlock is needed");
            None
        }
        None => {
            let namespace = namespace
                .map(|selector| Selector::new(selector, &format!("{place}.namespaceSelector"), faults));
            let pods = pods
                .map(|selector| Selector::new(selector, &format!("{place}.podSelector"), faults))
                .unwrap_or_default();
            Some(Peer::Pods { namespace, pods })
        }
    }
}

fn block(block: &IPBlock, place: &str, faults: &mut Faults) -> Option<Peer> {
    let range = range(&block.cidr, &format!("{place}.cidr"), faults)?;
    let mut except = Vec::new();
    for (index, text) in block.except.iter().flatten().enumerate() {
        let place = format!("{place}.except[{index}]");
        let Some(part) = self::range(text, &place, faults) else { continue };
        if range.contains(&part) && range != part {
            except.push(part);
        } else {
            faults.push(&place, format!("{text} is no part of {}", block.cidr));
        }
    }
    Some(Peer::Block { range, except })
}

/// Bits behind the prefix say nothing, so they are dropped.
fn range(text: &str, place: &str, faults: &mut Faults) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(range) => Some(range.trunc()),
        Err(_) => {
            faults.push(place, format!("{text:?} is no address range such as 10.0.0.0/16"));
            None
        }
    }
}

fn add_port(rule: &mut Rule, port: &NetworkPolicyPort, place: &str, faults: &mut Faults) {
    let name = port.protocol.as_deref().unwrap_or(Transport::Tcp.as_str());
    let Some(transport) = Transport::named(name) else {
        faults.push(&format!("{place}.protocol"), format!("{name:?} is none of TCP, UDP and SCTP"));
        return;
    };
    if port.end_port.is_some() && !matches!(port.port, Some(IntOrString::Int(_))) {
        faults.push(&format!("{place}.endPort"), "it needs a port that is a number");
        return;
    }
    match &port.port {
        None => rule.ports.add(&Traffic::of(transport, PortSet::all())),
        Some(IntOrString::String(name)) => rule.named.push((transport, name.clone())),
        Some(IntOrString::Int(first)) => {
            let first = number(*first, &format!("{place}.port"), faults);
            let last = port.end_port.map_or(first, |last| number(last, &format!("{place}.endPort"), faults));
            let (Some(first), Some(last)) = (first, last) else { return };
            if last < first {
                faults.push(&format!("{place}.endPort"), format!("{last} is smaller than port {first}"));
            }
            rule.ports.add(&Traffic::of(transport, PortSet::range(first, last)));
        }
    }
}

fn number(port: i32, place: &str, faults: &mut Faults) -> Option<u16> {
    let number = u16::try_from(port).ok().filter(|number| *number > 0);
    if number.is_none() {
        faults.push(place, format!("{port} is no port: they go from 1 to 65535"));
    }
    number
}
