//! Policies to rules, as the
//! [specification](https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/) says.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

use super::Objects;
use super::addresses::Ranges;
use super::places::{Place, full_name, places};
use super::ports::{Ports, Protocol, Wanted};
use super::rules::{Opening, Rules};
use super::selector::Selector;

/// A rule of a policy, before it is known of which pod its ports are.
struct Rule {
    peers: Ranges,
    ports: Vec<Wanted>,
}

/// One policy, and the pods that it may speak of.
struct Reader<'a> {
    namespace: String,
    places: &'a [Place<'a>],
}

impl Rules {
    /// What all policies together open.
    ///
    /// # Errors
    ///
    /// When a policy or pod holds something that is not known, with its name and field.
    pub fn read(objects: &Objects, pod_range: &Ranges) -> Result<Self> {
        let places = places(objects)?;
        let pods = places.iter().map(|place| (full_name(place.pod), place.address)).collect();
        let (ingress, egress) = (BTreeMap::new(), BTreeMap::new());
        let mut rules = Self { pod_range: pod_range.clone(), pods, ingress, egress };
        for policy in &objects.policies {
            let add = rules.add(policy, &places);
            add.with_context(|| format!("NetworkPolicy {}", full_name(policy.as_ref())))?;
        }
        Ok(rules)
    }

    fn add(&mut self, policy: &NetworkPolicy, places: &[Place]) -> Result<()> {
        let spec = policy.spec.as_ref().context("spec: there is none")?;
        let reader = Reader { namespace: policy.namespace().context("it has no namespace")?, places };
        let subjects = reader.subjects(spec)?;
        let (isolates_ingress, isolates_egress) = directions(spec)?;
        let ingress = reader.ingress(spec)?;
        let egress = reader.egress(spec)?;
        for subject in subjects {
            if isolates_ingress {
                let openings = ingress.iter().flat_map(|rule| into(subject, rule));
                self.ingress.entry(subject.address).or_default().extend(openings);
            }
            if isolates_egress {
                let openings = egress.iter().flat_map(|rule| reader.out_of_any(rule));
                self.egress.entry(subject.address).or_default().extend(openings);
            }
        }
        Ok(())
    }
}

/// Whether ingress and egress of the selected pods are isolated. Defaults as the API server fills them in.
fn directions(spec: &NetworkPolicySpec) -> Result<(bool, bool)> {
    let types = spec.policy_types.as_deref().unwrap_or_default();
    if types.is_empty() {
        return Ok((true, spec.egress.as_ref().is_some_and(|rules| !rules.is_empty())));
    }
    if let Some(unknown) = types.iter().find(|name| !matches!(name.as_str(), "Ingress" | "Egress")) {
        bail!("spec.policyTypes: `{unknown}` is not known");
    }
    let has = |name| types.iter().any(|own| own == name);
    Ok((has("Ingress"), has("Egress")))
}

/// What an ingress rule opens to one pod: its own ports count.
fn into(subject: &Place, rule: &Rule) -> Vec<Opening> {
    let ports = rule.ports.iter().flat_map(|wanted| subject.resolve(wanted));
    ports.map(|ports| Opening { peers: rule.peers.clone(), ports }).collect()
}

impl Reader<'_> {
    fn ingress(&self, spec: &NetworkPolicySpec) -> Result<Vec<Rule>> {
        let rules = spec.ingress.iter().flatten().enumerate();
        rules
            .map(|(at, rule)| self.rule(&rule.from, &rule.ports, &format!("spec.ingress[{at}]"), "from"))
            .collect()
    }

    fn egress(&self, spec: &NetworkPolicySpec) -> Result<Vec<Rule>> {
        let rules = spec.egress.iter().flatten().enumerate();
        rules
            .map(|(at, rule)| self.rule(&rule.to, &rule.ports, &format!("spec.egress[{at}]"), "to"))
            .collect()
    }

    fn rule(
        &self,
        peers: &Option<Vec<NetworkPolicyPeer>>,
        ports: &Option<Vec<NetworkPolicyPort>>,
        place: &str,
        word: &str,
    ) -> Result<Rule> {
        let ports = ports.as_deref().unwrap_or_default().iter().enumerate();
        let ports = ports.map(|(at, port)| wanted(port).with_context(|| format!("{place}.ports[{at}]")));
        let mut ports = ports.collect::<Result<Vec<_>>>()?;
        if ports.is_empty() {
            ports.push(Wanted::Known(Ports::Every));
        }
        let peers = peers.as_deref().unwrap_or_default();
        if peers.is_empty() {
            return Ok(Rule { peers: Ranges::everywhere(), ports });
        }
        let peers = peers.iter().enumerate();
        let peers = peers.map(|(at, peer)| self.peer(peer).with_context(|| format!("{place}.{word}[{at}]")));
        Ok(Rule { peers: peers.collect::<Result<_>>()?, ports })
    }

    fn peer(&self, peer: &NetworkPolicyPeer) -> Result<Ranges> {
        match (&peer.ip_block, &peer.namespace_selector, &peer.pod_selector) {
            (Some(block), None, None) => block_ranges(block).context("ipBlock"),
            (Some(_), _, _) => bail!("an ipBlock stands beside a selector"),
            (None, None, None) => bail!("it is empty"),
            (None, namespaces, pods) => self.selected(namespaces.as_ref(), pods.as_ref()),
        }
    }

    /// Without a selector of namespaces the namespace of the policy is meant, without one of pods all pods.
    fn selected(&self, namespaces: Option<&LabelSelector>, pods: Option<&LabelSelector>) -> Result<Ranges> {
        let namespaces = namespaces.map(Selector::read).transpose().context("namespaceSelector")?;
        let pods = pods.map_or_else(|| Ok(Selector::default()), Selector::read).context("podSelector")?;
        let selected = self.places.iter().filter(|place| match &namespaces {
            None => place.namespace.name_any() == self.namespace,
            Some(selector) => selector.selects(place.namespace.labels()),
        });
        let selected = selected.filter(|place| pods.selects(place.pod.labels()));
        Ok(Ranges::of(selected.map(|place| place.address)))
    }

    fn subjects(&self, spec: &NetworkPolicySpec) -> Result<Vec<&Place<'_>>> {
        let selector = spec.pod_selector.as_ref().map_or_else(|| Ok(Selector::default()), Selector::read);
        let selector = selector.context("spec.podSelector")?;
        let own = self.places.iter().filter(|place| place.namespace.name_any() == self.namespace);
        Ok(own.filter(|place| selector.selects(place.pod.labels())).collect())
    }

    /// What an egress rule opens: a port with a name is another one at each pod.
    fn out_of_any(&self, rule: &Rule) -> Vec<Opening> {
        let open = |wanted: &Wanted| match wanted {
            Wanted::Known(ports) => vec![Opening { peers: rule.peers.clone(), ports: *ports }],
            Wanted::Named(..) => {
                let peers = self.places.iter().filter(|place| rule.peers.contains(place.address));
                let each = |place: &Place| {
                    let peers = Ranges::of([place.address]);
                    place
                        .resolve(wanted)
                        .into_iter()
                        .map(move |ports| Opening { peers: peers.clone(), ports })
                };
                peers.flat_map(each).collect()
            }
        };
        rule.ports.iter().flat_map(open).collect()
    }
}

fn block_ranges(block: &IPBlock) -> Result<Ranges> {
    let all: Ranges = block.cidr.parse().context("cidr")?;
    let except = block.except.iter().flatten().enumerate().map(|(at, cidr)| {
        let except: Ranges = cidr.parse().with_context(|| format!("except[{at}]"))?;
        ensure!(all.holds(&except), "except[{at}]: `{cidr}` is no part of {}", block.cidr);
        Ok(except)
    });
    let except: Ranges = except.collect::<Result<_>>()?;
    Ok(all.without(&except))
}

fn wanted(port: &NetworkPolicyPort) -> Result<Wanted> {
    let protocol = Protocol::of(port.protocol.as_deref()).context("protocol")?;
    let (first, last) = match (&port.port, port.end_port) {
        (None, None) => (0, u16::MAX),
        (Some(IntOrString::String(name)), None) => return Ok(Wanted::Named(protocol, name.clone())),
        (Some(IntOrString::Int(number)), None) => (port_number(*number)?, port_number(*number)?),
        (Some(IntOrString::Int(number)), Some(end)) => (port_number(*number)?, port_number(end)?),
        (_, Some(_)) => bail!("endPort stands without the number of a port"),
    };
    ensure!(first <= last, "endPort: {last} is before {first}");
    Ok(Wanted::Known(Ports::Of(protocol, first, last)))
}

fn port_number(number: i32) -> Result<u16> {
    u16::try_from(number).ok().filter(|number| *number > 0).with_context(|| format!("{number} is no port"))
}
