//! Everything outside an app that the proof looks at.
//!
//! Places that the app names, places that look much like its own pods, one pod for each selector that any of its
//! policies holds, and every address there is. A rule that should not be there admits at least one of them.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::addresses::stretches;
use super::checked::{Peer, Policies};
use super::declared::Declared;
use super::endpoint::{Endpoint, NAMESPACE_NAME, Pod};
use crate::labels;

/// A namespace that nothing names.
const ELSEWHERE: &str = "elsewhere";

/// An endpoint with the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub name: String,
    pub endpoint: Endpoint,
}

/// The places around the pods of an app, sorted, without these pods themselves.
pub(super) fn around(declared: Declared<'_>, own: &[Pod], policies: &Policies) -> Vec<Place> {
    let home = &declared.app.namespace;
    let mut pods: BTreeSet<Pod> = declared.pods().into_iter().collect();
    pods.extend([home, ELSEWHERE].map(|namespace| Pod::new(namespace, BTreeMap::new())));
    pods.extend(own.iter().flat_map(alike));
    pods.extend(examples(policies));
    let pods = pods.into_iter().map(|pod| Place { name: describe(&pod), endpoint: Endpoint::Pod(pod) });
    let ranges: BTreeSet<IpNet> = declared.ranges().chain(ranges(policies)).map(|net| net.trunc()).collect();
    let addresses = stretches(&ranges).into_iter();
    let addresses =
        addresses.map(|stretch| Place { name: stretch.name(), endpoint: Endpoint::Address(stretch.first) });
    pods.filter(|place| declared.service_of(&place.endpoint).is_none()).chain(addresses).collect()
}

/// Pods that carry the labels of one of the app's, but in another namespace, for another app or another service.
fn alike(pod: &Pod) -> [Pod; 3] {
    let other = |key: &str| {
        let mut labels = pod.labels.clone();
        // Upper case: no app and no service has such a name.
        labels.insert(key.to_owned(), "Another".to_owned());
        Pod::new(&pod.namespace, labels)
    };
    [Pod::new(ELSEWHERE, pod.labels.clone()), other(labels::APP), other(labels::SERVICE)]
}

/// For each selector of a rule a pod that it admits.
fn examples(policies: &Policies) -> impl Iterator<Item = Pod> {
    rules(policies).filter_map(|(home, peer)| {
        let Peer::Pods { namespace, pods } = peer else { return None };
        let mut pod = Pod::new(home, pods.example()?);
        if let Some(selector) = namespace {
            let labels = selector.example()?;
            let name = labels.get(NAMESPACE_NAME).map_or(ELSEWHERE, String::as_str);
            pod = Pod::new(name, pod.labels);
            pod.namespace_labels.extend(labels);
        }
        Some(pod)
    })
}

fn ranges(policies: &Policies) -> impl Iterator<Item = IpNet> {
    rules(policies).flat_map(|(_, peer)| match peer {
        Peer::Block { range, except } => [&[*range], except.as_slice()].concat(),
        Peer::Pods { .. } => Vec::new(),
    })
}

fn rules(policies: &Policies) -> impl Iterator<Item = (&str, &Peer)> {
    policies.0.iter().flat_map(|policy| {
        let rules = [&policy.ingress, &policy.egress].into_iter().flatten().flatten();
        let peers = rules.flat_map(|rule| rule.peers.iter().flatten());
        peers.map(|peer| (policy.namespace.as_str(), peer))
    })
}

/// `pods k8s-app=kube-dns in kube-system`
fn describe(pod: &Pod) -> String {
    let labels: Vec<String> = pod.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let labels = if labels.is_empty() { "without labels".to_owned() } else { labels.join(",") };
    let more = pod.namespace_labels.iter().filter(|(key, _)| *key != NAMESPACE_NAME);
    let more: Vec<String> = more.map(|(key, value)| format!(" ({key}={value})")).collect();
    format!("pods {labels} in {}{}", pod.namespace, more.concat())
}
