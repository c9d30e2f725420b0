//! What policies let through, for every port of a pair and not for a sample of them.
//!
//! Written from the specification
//! (<https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/>,
//! <https://kubernetes.io/docs/concepts/services-networking/network-policies/>) and from nothing else: a pod that no
//! policy selects for a direction is open in it; one that is selected lets through what any rule of any of those
//! policies admits. A connection needs both its ends. Traffic of a pod with itself and with its own node is always
//! possible and not a matter of policy; two pods with the same labels are two pods.

use std::collections::BTreeMap;

use super::checked::{Peer, Policies, Policy, Rule};
use super::endpoint::{Endpoint, Pod};
use super::members::{Index, Members};
use super::ports::{PortSet, Traffic};

/// A direction, as seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Into it.
    Ingress,
    /// Out of it.
    Egress,
}

/// Policies together with the endpoints that they are asked about.
#[derive(Debug)]
pub struct Evaluation<'a> {
    endpoints: &'a [Endpoint],
    ingress: Vec<Isolation<'a>>,
    egress: Vec<Isolation<'a>>,
}

/// One policy in one direction: whom it isolates, and what it opens to whom.
#[derive(Debug)]
struct Isolation<'a> {
    subjects: Members,
    rules: Vec<(&'a Rule, Members)>,
}

impl<'a> Evaluation<'a> {
    /// Finds out once who is selected by what.
    pub fn new(policies: &'a Policies, endpoints: &'a [Endpoint]) -> Self {
        let known = Known::new(endpoints);
        let mut evaluation = Self { endpoints, ingress: Vec::new(), egress: Vec::new() };
        for policy in &policies.0 {
            let mut subjects = known.pods.select(&policy.pods);
            subjects.keep(&known.in_namespace(&policy.namespace));
            let isolation = |rules: &'a Vec<Rule>| Isolation {
                subjects: subjects.clone(),
                rules: rules.iter().map(|rule| (rule, known.admitted(policy, rule))).collect(),
            };
            evaluation.ingress.extend(policy.ingress.as_ref().map(isolation));
            evaluation.egress.extend(policy.egress.as_ref().map(isolation));
        }
        evaluation
    }

    /// What the policies of one endpoint let through between it and every endpoint, in their order.
    pub fn of(&self, direction: Direction, subject: usize) -> Vec<Traffic> {
        let mut open = vec![Traffic::default(); self.endpoints.len()];
        let mut isolated = false;
        for isolation in self.isolations(direction).iter().filter(|one| one.subjects.has(subject)) {
            isolated = true;
            for (rule, admitted) in &isolation.rules {
                for peer in admitted.iter() {
                    open[peer].add(&rule.ports);
                    let called = if direction == Direction::Ingress { subject } else { peer };
                    add_named(&mut open[peer], rule, self.endpoints[called].pod());
                }
            }
        }
        if isolated { open } else { vec![Traffic::all(); self.endpoints.len()] }
    }

    /// Whether any policy selects the endpoint for that direction.
    pub fn is_isolated(&self, direction: Direction, subject: usize) -> bool {
        self.isolations(direction).iter().any(|one| one.subjects.has(subject))
    }

    /// What passes from one endpoint to another: what both ends let through.
    pub fn between(&self, from: usize, to: usize) -> Traffic {
        self.of(Direction::Egress, from)[to].intersection(&self.of(Direction::Ingress, to)[from])
    }

    fn isolations(&self, direction: Direction) -> &[Isolation<'a>] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// A name means the port that has it in the pod which is called; what is no pod has no names.
fn add_named(open: &mut Traffic, rule: &Rule, called: Option<&Pod>) {
    for (transport, name) in &rule.named {
        for port in called.iter().flat_map(|pod| &pod.ports) {
            if port.name == *name && port.transport == *transport {
                open.add(&Traffic::of(*transport, PortSet::range(port.number, port.number)));
            }
        }
    }
}

/// The endpoints, arranged for questions.
struct Known<'a> {
    endpoints: &'a [Endpoint],
    pods: Index<'a>,
    namespaces: Index<'a>,
    by_namespace: BTreeMap<&'a str, Members>,
    everybody: Members,
}

impl<'a> Known<'a> {
    fn new(endpoints: &'a [Endpoint]) -> Self {
        let mut everybody = Members::none(endpoints.len());
        let mut by_namespace = BTreeMap::new();
        for (at, endpoint) in endpoints.iter().enumerate() {
            everybody.insert(at);
            if let Some(pod) = endpoint.pod() {
                let inside = by_namespace.entry(pod.namespace.as_str());
                inside.or_insert_with(|| Members::none(endpoints.len())).insert(at);
            }
        }
        Self {
            endpoints,
            pods: Index::new(endpoints, |pod| &pod.labels),
            namespaces: Index::new(endpoints, |pod| &pod.namespace_labels),
            by_namespace,
            everybody,
        }
    }

    fn in_namespace(&self, name: &str) -> Members {
        self.by_namespace.get(name).cloned().unwrap_or_else(|| Members::none(self.endpoints.len()))
    }

    fn those(&self, wanted: impl Fn(&Endpoint) -> bool) -> Members {
        let mut those = Members::none(self.endpoints.len());
        let found = self.endpoints.iter().enumerate().filter(|(_, endpoint)| wanted(endpoint));
        found.for_each(|(at, _)| those.insert(at));
        those
    }

    fn admitted(&self, policy: &Policy, rule: &Rule) -> Members {
        let Some(peers) = &rule.peers else {
            return self.everybody.clone();
        };
        let mut admitted = Members::none(self.endpoints.len());
        for peer in peers {
            admitted.add(&self.peers(policy, peer));
        }
        admitted
    }

    fn peers(&self, policy: &Policy, peer: &Peer) -> Members {
        match peer {
            Peer::Pods { namespace, pods } => {
                let mut selected = self.pods.select(pods);
                selected.keep(&match namespace {
                    Some(selector) => self.namespaces.select(selector),
                    None => self.in_namespace(&policy.namespace),
                });
                selected
            }
            Peer::Block { range, except } => self.those(|endpoint| {
                endpoint.addresses().iter().any(|address| Peer::has(range, except, address))
            }),
        }
    }
}
