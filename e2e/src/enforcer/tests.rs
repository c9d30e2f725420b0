//! What the comparison with an independent evaluator cannot show: what is refused, what of a cluster counts, and what
//! nftables is told.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

const WEB: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 2);
const STORE: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 3);

fn pod(name: &str, address: Ipv4Addr) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"containers": []},
        "status": {"phase": "Running", "podIP": address},
    })
}

fn objects(pods: &[Value], specs: &[Value]) -> Objects {
    let namespace = json!({"metadata": {"name": "shop", "resourceVersion": "1"}});
    let policies = specs.iter().enumerate().map(|(number, spec)| {
        let metadata =
            json!({"name": format!("policy-{number}"), "namespace": "shop", "resourceVersion": "7"});
        json!({"metadata": metadata, "spec": spec})
    });
    Objects {
        namespaces: vec![object(&namespace)],
        pods: pods.iter().map(object).collect(),
        policies: policies.map(|policy| object(&policy)).collect(),
    }
}

fn object<K: serde::de::DeserializeOwned>(value: &Value) -> Arc<K> {
    Arc::new(serde_json::from_value(value.clone()).expect("it is such an object"))
}

fn read(pods: &[Value], specs: &[Value]) -> anyhow::Result<Rules> {
    Rules::read(&objects(pods, specs), &"10.244.0.0/16".parse().expect("a range"))
}

fn rules(pods: &[Value], specs: &[Value]) -> Rules {
    read(pods, specs).expect("everything in it is known")
}

fn refusals(specs: &[Value]) -> Vec<String> {
    // Nothing that a policy could select is there: it is read all the same.
    let refusal = |spec| {
        let error = read(&[], std::slice::from_ref(spec)).expect_err("something in it is not known");
        let told = format!("{error:#}");
        told.strip_prefix("NetworkPolicy shop/policy-0: ").expect("it names the policy").to_owned()
    };
    specs.iter().map(refusal).collect()
}

fn http(from: Ipv4Addr, to: Ipv4Addr) -> Question {
    Question { from, to, protocol: Protocol::Tcp, port: 80 }
}

/// A selector with an operator that nobody knows.
fn unknown() -> Value {
    json!({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["a"]}]})
}

#[test]
fn a_peer_that_is_not_understood_is_refused_with_its_place() {
    let from = |peer: Value| json!({"ingress": [{"from": [{"podSelector": {}}, peer]}]});
    let told = refusals(&[
        from(json!({"ipBlock": {"cidr": "2001:db8::/32"}})),
        from(json!({"ipBlock": {"cidr": "10.0.0.0/33"}})),
        from(json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}})),
        from(json!({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}})),
        from(json!({})),
        from(json!({"namespaceSelector": unknown()})),
        from(json!({"podSelector": unknown()})),
    ]);
    let places = told.iter().map(|told| told.strip_prefix("spec.ingress[0].from[1]: ").expect("its place"));
    assert_eq!(
        places.collect::<Vec<_>>(),
        [
            "ipBlock: cidr: `2001:db8::/32` is no IPv4 range",
            "ipBlock: cidr: `10.0.0.0/33` is no IPv4 range",
            "ipBlock: except[0]: `11.0.0.0/16` is no part of 10.0.0.0/8",
            "an ipBlock stands beside a selector",
            "it is empty",
            "namespaceSelector: matchExpressions[0]: `Like` with 1 values is not known",
            "podSelector: matchExpressions[0]: `Like` with 1 values is not known",
        ]
    );
}

#[test]
fn ports_subjects_and_types_that_are_not_understood_are_refused_with_their_place() {
    let to = |port: Value| json!({"egress": [{}, {"ports": [port]}]});
    let told = refusals(&[
        to(json!({"protocol": "ICMP"})),
        to(json!({"port": 80, "endPort": 79})),
        to(json!({"port": "http", "endPort": 80})),
        to(json!({"port": 65_536})),
        json!({"podSelector": unknown()}),
        json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "In"}]}}),
        json!({"policyTypes": ["Ingress", "Sideways"]}),
    ]);
    assert_eq!(
        told,
        [
            "spec.egress[1].ports[0]: protocol: the protocol `ICMP` is not known",
            "spec.egress[1].ports[0]: endPort: 79 is before 80",
            "spec.egress[1].ports[0]: endPort stands without the number of a port",
            "spec.egress[1].ports[0]: 65536 is no port",
            "spec.podSelector: matchExpressions[0]: `Like` with 1 values is not known",
            "spec.podSelector: matchExpressions[0]: `In` with 0 values is not known",
            "spec.policyTypes: `Sideways` is not known",
        ]
    );
}

#[test]
fn a_pod_of_another_family_is_refused() {
    let mut web = pod("web", WEB);
    web["status"]["podIP"] = json!("2001:db8::2");
    let error = read(&[web], &[]).expect_err("the address is of IPv6");
    assert!(format!("{error:#}").starts_with("Pod shop/web: status.podIP: `2001:db8::2`"), "{error:#}");
}

#[test]
fn pods_without_an_address_of_their_own_are_not_known() {
    let with = |change: fn(&mut Value)| {
        let mut web = pod("web", WEB);
        change(&mut web);
        rules(&[web], &[]).pods.len()
    };
    assert_eq!(with(|_| {}), 1);
    assert_eq!(with(|pod| pod["status"] = json!({"phase": "Pending"})), 0);
    assert_eq!(with(|pod| pod["status"]["phase"] = json!("Succeeded")), 0);
    assert_eq!(with(|pod| pod["status"]["phase"] = json!("Failed")), 0);
    assert_eq!(with(|pod| pod["spec"]["hostNetwork"] = json!(true)), 0);
    assert_eq!(with(|pod| pod["metadata"]["namespace"] = json!("not-yet-seen")), 0);
}

#[test]
fn an_address_of_two_pods_is_closed() {
    let rules = rules(&[pod("web", WEB), pod("worker", WEB), pod("store", STORE)], &[]);
    assert_eq!(rules.pods.len(), 1);
    assert!(!rules.permits(http(STORE, WEB)));
    assert!(!rules.permits(http(WEB, STORE)));
    assert!(rules.permits(http(STORE, Ipv4Addr::new(192, 0, 2, 1))), "an address outside is open");
}

#[test]
fn a_pod_reaches_itself_whatever_its_policies_say() {
    let rules =
        rules(&[pod("web", WEB), pod("store", STORE)], &[json!({"policyTypes": ["Ingress", "Egress"]})]);
    assert!(rules.permits(http(WEB, WEB)));
    assert!(!rules.permits(http(WEB, STORE)));
}

#[test]
fn only_an_init_container_that_goes_on_has_ports() {
    let allows = json!({"ingress": [{"ports": [{"port": "http"}]}]});
    let passes = |restart: Option<&str>| {
        let mut web = pod("web", WEB);
        let ports = json!([{"name": "http", "containerPort": 80}]);
        web["spec"]["initContainers"] = json!([{"name": "proxy", "restartPolicy": restart, "ports": ports}]);
        rules(&[web, pod("store", STORE)], std::slice::from_ref(&allows)).permits(http(STORE, WEB))
    };
    assert!(passes(Some("Always")));
    assert!(!passes(None));
}

#[test]
fn nftables_is_told_all_of_it() {
    let spec = json!({
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.1/32"]}}], "ports": [{"port": 80}]},
            {"ports": [{"port": 90, "endPort": 99, "protocol": "UDP"}, {"protocol": "SCTP"}]},
            {"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}]},
        ],
        "egress": [{}],
    });
    let told = rules(&[pod("web", WEB), pod("store", STORE)], &[spec]).script();
    let chains = "
  set pods { type ipv4_addr; elements = { 10.244.0.3, 10.244.0.2 } }
  chain ingress-10.244.0.2 {
    ip saddr 10.244.0.2 return
    ip saddr { 10.0.0.0, 10.0.0.2-10.0.0.3 } tcp dport 80 return
    udp dport 90-99 return
    meta l4proto sctp return
    counter name denied drop
  }
  map ingress { type ipv4_addr : verdict; elements = { 10.244.0.2 : jump ingress-10.244.0.2 } }
  chain egress-10.244.0.2 {
    ip daddr 10.244.0.2 return
    return
    counter name denied drop
  }
  map egress { type ipv4_addr : verdict; elements = { 10.244.0.2 : jump egress-10.244.0.2 } }
";
    assert!(told.contains(chains), "{told}");
}

#[test]
fn the_state_tells_what_it_was_made_of() {
    let state = State::of(&objects(&[pod("web", WEB)], &[json!({})]), 3).expect("everything is known");
    let told = serde_json::to_value(state).expect("a map");
    let expected = json!({
        "generation": 3,
        "policies": {"shop/policy-0": "7"},
        "pods": {"shop/web": "10.244.0.2"},
        "namespaces": {"shop": "1"},
    });
    assert_eq!(told, expected);
}
