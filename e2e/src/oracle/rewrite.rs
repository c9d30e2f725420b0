//! The same policies in words about which nobody is in doubt.
//!
//! `key NotIn (a)` selects what has the key with another value, and what has no such key
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#set-based-requirement>). So it can be
//! written as two alternatives: as two peers of a rule, or as two policies. And `matchLabels: {key: ""}` is the
//! same as `key In ("")`.

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// Policies that mean the same, and whether any of them is written otherwise than before.
pub fn rewritten(policies: &[NetworkPolicy]) -> (Vec<NetworkPolicy>, bool) {
    let all: Vec<NetworkPolicy> = policies.iter().flat_map(policy).collect();
    let changed = all != policies;
    (all, changed)
}

fn policy(policy: &NetworkPolicy) -> Vec<NetworkPolicy> {
    let mut policy = policy.clone();
    let Some(spec) = &mut policy.spec else { return vec![policy] };
    let ingress = spec.ingress.iter_mut().flatten().map(|rule| &mut rule.from);
    let egress = spec.egress.iter_mut().flatten().map(|rule| &mut rule.to);
    for peers in ingress.chain(egress).flatten() {
        *peers = peers.iter().flat_map(peer).collect();
    }
    let selectors = each(&spec.pod_selector);
    let with = |selector| {
        let mut policy = policy.clone();
        policy.spec.as_mut().expect("it has one").pod_selector = selector;
        policy
    };
    selectors.into_iter().map(with).collect()
}

fn peer(peer: &NetworkPolicyPeer) -> Vec<NetworkPolicyPeer> {
    let (pods, namespaces) = (each(&peer.pod_selector), each(&peer.namespace_selector));
    let pairs = pods.iter().flat_map(|pods| namespaces.iter().map(move |namespaces| (pods, namespaces)));
    pairs
        .map(|(pods, namespaces)| NetworkPolicyPeer {
            pod_selector: pods.clone(),
            namespace_selector: namespaces.clone(),
            ip_block: peer.ip_block.clone(),
        })
        .collect()
}

/// A selector that is absent stays so.
fn each(selector: &Option<LabelSelector>) -> Vec<Option<LabelSelector>> {
    match selector {
        None => vec![None],
        Some(selector) => alternatives(selector).into_iter().map(Some).collect(),
    }
}

/// Selectors that together select what this one selects.
fn alternatives(selector: &LabelSelector) -> Vec<LabelSelector> {
    let mut all = vec![spelled_out(selector)];
    let expressions: Vec<LabelSelectorRequirement> = selector.match_expressions.clone().unwrap_or_default();
    for not_in in expressions.into_iter().filter(|expression| expression.operator == "NotIn") {
        let key = &not_in.key;
        let with = |all: &[LabelSelector], operator: &str, instead: bool| -> Vec<LabelSelector> {
            let add = |selector: &LabelSelector| {
                let mut selector = selector.clone();
                let list = selector.match_expressions.get_or_insert_default();
                list.retain(|other| !instead || *other != not_in);
                list.push(requirement(key, operator, None));
                selector
            };
            all.iter().map(add).collect()
        };
        all = [with(&all, "Exists", false), with(&all, "DoesNotExist", true)].concat();
    }
    all
}

/// Without `matchLabels` that have an empty value.
fn spelled_out(selector: &LabelSelector) -> LabelSelector {
    let mut selector = selector.clone();
    let labels = selector.match_labels.take().unwrap_or_default();
    let (empty, rest): (Vec<_>, Vec<_>) = labels.into_iter().partition(|(_, value)| value.is_empty());
    selector.match_labels = (!rest.is_empty()).then(|| rest.into_iter().collect());
    for (key, value) in empty {
        let list = selector.match_expressions.get_or_insert_default();
        list.push(requirement(&key, "In", Some(vec![value])));
    }
    selector
}

fn requirement(key: &str, operator: &str, values: Option<Vec<String>>) -> LabelSelectorRequirement {
    LabelSelectorRequirement { key: key.to_owned(), operator: operator.to_owned(), values }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::networking::v1::{NetworkPolicyIngressRule, NetworkPolicySpec};

    use super::*;

    fn not_in(key: &str) -> LabelSelector {
        let expression = requirement(key, "NotIn", Some(vec!["a".to_owned()]));
        LabelSelector { match_expressions: Some(vec![expression]), ..LabelSelector::default() }
    }

    fn operators(selector: &LabelSelector) -> Vec<&str> {
        selector.match_expressions.iter().flatten().map(|expression| expression.operator.as_str()).collect()
    }

    #[test]
    fn what_must_not_have_a_value_has_another_or_none() {
        let all = alternatives(&not_in("app"));
        assert_eq!(
            all.iter().map(operators).collect::<Vec<_>>(),
            [vec!["NotIn", "Exists"], vec!["DoesNotExist"]]
        );
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let labels = BTreeMap::from([("app".to_owned(), String::new()), ("tier".to_owned(), "x".to_owned())]);
        let all = alternatives(&LabelSelector { match_labels: Some(labels), match_expressions: None });
        assert_eq!(all[0].match_labels.as_ref().map(BTreeMap::len), Some(1));
        assert_eq!(operators(&all[0]), ["In"]);
    }

    #[test]
    fn two_selectors_of_a_peer_are_combined_and_those_of_a_policy_are_policies() {
        let both = NetworkPolicyPeer {
            pod_selector: Some(not_in("app")),
            namespace_selector: Some(not_in("kind")),
            ip_block: None,
        };
        let rule = NetworkPolicyIngressRule { from: Some(vec![both]), ports: None };
        let spec = NetworkPolicySpec {
            pod_selector: Some(not_in("tier")),
            ingress: Some(vec![rule]),
            ..NetworkPolicySpec::default()
        };
        let policy = NetworkPolicy { spec: Some(spec), ..NetworkPolicy::default() };
        let (all, changed) = rewritten(&[policy]);
        assert!(changed);
        let peers = |policy: &NetworkPolicy| {
            let ingress = policy.spec.as_ref().and_then(|spec| spec.ingress.as_ref()).expect("rules");
            ingress[0].from.as_ref().expect("peers").len()
        };
        assert_eq!(all.iter().map(peers).collect::<Vec<_>>(), [4, 4]);
    }

    #[test]
    fn other_words_stay_as_they_are() {
        let expression = requirement("app", "In", Some(vec!["a".to_owned(), String::new()]));
        let labels = BTreeMap::from([("tier".to_owned(), "x".to_owned())]);
        let plain = LabelSelector { match_labels: Some(labels), match_expressions: Some(vec![expression]) };
        let policy = |pod_selector| NetworkPolicy {
            spec: Some(NetworkPolicySpec { pod_selector, ..NetworkPolicySpec::default() }),
            ..NetworkPolicy::default()
        };
        let policies = [policy(None), policy(Some(LabelSelector::default())), policy(Some(plain))];
        assert_eq!(rewritten(&policies), (policies.to_vec(), false));
    }
}
