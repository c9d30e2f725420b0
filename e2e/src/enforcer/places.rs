//! Pods as policies see them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Container, Namespace, Pod};
use kube::ResourceExt;

use super::Objects;
use super::ports::{Ports, Protocol, Wanted};

/// A pod that has an address of its own.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub namespace: &'a Namespace,
    pub pod: &'a Pod,
    pub address: Ipv4Addr,
    ports: Vec<(&'a str, Protocol, u16)>,
}

/// All pods that traffic can reach by an address of their own, in a namespace that is known.
///
/// A pod in the network of the node is the node, and what has ended has no address any more. An address that two pods
/// claim belongs to neither of them, so that nobody is taken for another.
pub(super) fn places(objects: &Objects) -> Result<Vec<Place<'_>>> {
    let namespaces: BTreeMap<String, &Namespace> =
        objects.namespaces.iter().map(|namespace| (namespace.name_any(), namespace.as_ref())).collect();
    let mut all = Vec::new();
    for pod in &objects.pods {
        let namespace = pod.namespace().and_then(|name| namespaces.get(&name).copied());
        if let Some(namespace) = namespace {
            let place =
                Place::of(pod, namespace).with_context(|| format!("Pod {}", full_name(pod.as_ref())))?;
            all.extend(place);
        }
    }
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    twice.extend(all.iter().map(|place| place.address).filter(|address| !once.insert(*address)));
    all.retain(|place| !twice.contains(&place.address));
    Ok(all)
}

/// `namespace/name`.
pub(super) fn full_name<K: ResourceExt>(object: &K) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

impl<'a> Place<'a> {
    fn of(pod: &'a Pod, namespace: &'a Namespace) -> Result<Option<Self>> {
        let (Some(spec), Some(status)) = (&pod.spec, &pod.status) else { return Ok(None) };
        let ended = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let Some(address) = status.pod_ip.as_deref().filter(|_| !ended && spec.host_network != Some(true))
        else {
            return Ok(None);
        };
        let address = address.parse().with_context(|| format!("status.podIP: `{address}` is not of IPv4"))?;
        // Only an init container that goes on beside the others has ports.
        let beside = spec.init_containers.iter().flatten();
        let beside = beside.filter(|container| container.restart_policy.as_deref() == Some("Always"));
        let ports =
            spec.containers.iter().chain(beside).map(named_ports).collect::<Result<Vec<_>>>()?.concat();
        Ok(Some(Self { namespace, pod, address, ports }))
    }

    /// The ports that these are in this pod: none if it has no port of the name.
    pub fn resolve(&self, wanted: &Wanted) -> Vec<Ports> {
        match wanted {
            Wanted::Known(ports) => vec![*ports],
            Wanted::Named(protocol, name) => {
                let of_name = self.ports.iter().filter(|(own, of, _)| own == name && of == protocol);
                of_name.map(|(_, protocol, number)| Ports::Of(*protocol, *number, *number)).collect()
            }
        }
    }
}

fn named_ports(container: &Container) -> Result<Vec<(&str, Protocol, u16)>> {
    let named = container.ports.iter().flatten().filter_map(|port| Some((port.name.as_deref()?, port)));
    named
        .map(|(name, port)| {
            let place = || format!("port {name} of the container {}", container.name);
            let protocol = Protocol::of(port.protocol.as_deref()).with_context(place)?;
            Ok((name, protocol, u16::try_from(port.container_port).with_context(place)?))
        })
        .collect()
}
