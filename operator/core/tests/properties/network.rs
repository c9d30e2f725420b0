//! What the policies of any right spec open, on every port: exactly what the spec says, and what the proof says.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::NetworkPolicy;
use msapp_core::build;
use msapp_core::desired::{ChildKind, DesiredObject, DesiredSet};
use msapp_core::labels;
use msapp_core::policy::{
    Direction, Endpoint, Evaluation, Pod, Policies, PortSet, Traffic, Transport, prove,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::specs::{self, INGRESS, MONITORING, NAMESPACE};
use super::{cases, entries, manifests, named, objects, resolved};

/// The policies of the app in a cluster, and who is asked about: its services, and others behind them.
struct Network<'a> {
    spec: &'a Value,
    policies: Policies,
    services: Vec<String>,
    endpoints: Vec<Endpoint>,
}

impl<'a> Network<'a> {
    fn of(spec: &'a Value, desired: &DesiredSet) -> Self {
        let policies = manifests(desired, ChildKind::NetworkPolicy).into_values();
        let policies: Vec<NetworkPolicy> =
            policies.map(|policy| serde_json::from_value(policy.clone()).expect("a NetworkPolicy")).collect();
        let policies = Policies::new(&policies).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let pods = manifests(desired, ChildKind::Deployment).into_iter().map(|(name, deployment)| {
            let labels = deployment["spec"]["template"]["metadata"]["labels"].clone();
            let labels = serde_json::from_value(labels).expect("labels");
            (name.to_owned(), Endpoint::Pod(Pod::new(NAMESPACE, labels)))
        });
        let (services, endpoints) = pods.unzip();
        Self { spec, policies, services, endpoints }
    }

    fn with(mut self, others: impl IntoIterator<Item = Endpoint>) -> Self {
        self.endpoints.extend(others);
        self
    }

    fn evaluation(&self) -> Evaluation<'_> {
        Evaluation::new(&self.policies, &self.endpoints)
    }

    fn others(&self) -> std::ops::Range<usize> {
        self.services.len()..self.endpoints.len()
    }

    fn at(&self, service: &str) -> usize {
        self.services.iter().position(|name| name == service).expect("a service")
    }

    fn isolated(&self) -> bool {
        self.spec["network"]["isolation"] != "Disabled"
    }

    /// What is open with isolation; without, everything is.
    fn expected(&self, open: Traffic) -> Traffic {
        if self.isolated() { open } else { Traffic::all() }
    }

    fn service(&self, name: &str) -> &Value {
        named(&self.spec["services"], name)
    }

    /// What a caller has declared of a target.
    fn edge(&self, caller: &str, target: &str) -> Option<&Value> {
        entries(self.service(caller), "dependencies").find(|edge| edge["name"] == target)
    }

    /// What a declared edge between services opens.
    fn declared(&self, caller: &str, callee: &str) -> Traffic {
        let Some(edge) = self.edge(caller, callee).filter(|_| caller != callee) else {
            return Traffic::default();
        };
        let ports = || entries(self.service(callee), "ports");
        let meant = |wanted: &Value| match wanted {
            Value::String(name) => ports().find(|port| port["name"] == *name),
            number => ports().find(|port| port["port"] == *number),
        };
        let meant: Vec<_> = match edge["ports"].as_array() {
            Some(written) => written.iter().map(meant).collect(),
            None => vec![ports().next()],
        };
        union(meant.into_iter().map(|port| target(port.expect("the edge leads to a port"))))
    }

    /// Whether a service exchanges events, so that an edge to the broker follows.
    fn has_events(&self, service: &str) -> bool {
        let service = self.service(service);
        service["publishes"].is_array() || service["consumes"].is_array()
    }

    /// Whether a caller may leave for a target outside the app: to what has only a name nothing is opened unless
    /// isolation is lenient.
    fn leaves_for(&self, caller: &str, target: &str) -> bool {
        let events = target == "broker" && self.has_events(caller);
        (events || self.edge(caller, target).is_some())
            && (target != "legacy" || self.spec["network"]["isolation"] == "Lenient")
    }
}

/// The port of the container behind a port of a service.
fn target(port: &Value) -> Traffic {
    let number = port.get("targetPort").unwrap_or(&port["port"]).as_u64().expect("a port");
    let transport = if port["protocol"] == "UDP" { Transport::Udp } else { Transport::Tcp };
    Traffic::port(transport, u16::try_from(number).expect("a port"))
}

fn union(parts: impl IntoIterator<Item = Traffic>) -> Traffic {
    let mut union = Traffic::default();
    parts.into_iter().for_each(|part| union.add(&part));
    union
}

fn tcp(port: u16) -> Traffic {
    Traffic::port(Transport::Tcp, port)
}

fn dns(port: u16) -> Traffic {
    union([tcp(port), Traffic::port(Transport::Udp, port)])
}

fn pod_in(namespace: &str, labels: &[(&str, &str)]) -> Endpoint {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Endpoint::Pod(Pod::new(namespace, labels.collect()))
}

fn machine(address: &str) -> Endpoint {
    Endpoint::Address(address.parse().expect("an address"))
}

/// Where an edge to something outside the app leads.
fn outside() -> Vec<(&'static str, Endpoint, Traffic)> {
    vec![
        ("orders-db", pod_in("data", &[("cluster", "pg")]), tcp(5432)),
        ("cache", machine("10.9.8.7"), tcp(6380)),
        ("broker", pod_in(NAMESPACE, &[("app", "kafka")]), tcp(9092)),
        ("partner", machine("203.0.113.200"), tcp(443)),
        ("partner", machine("198.51.100.7"), tcp(443)),
    ]
}

fn probed(service: &Value) -> bool {
    let exec = service["probes"]["exec"].is_object();
    service["probes"].is_object() && !exec
}

/// The same objects with one place of one policy changed.
fn with_policy_changed(
    desired: &DesiredSet,
    policy: Index,
    change: impl Fn(&mut Value) -> bool,
) -> Option<DesiredSet> {
    let mut objects: Vec<DesiredObject> = desired.iter().cloned().collect();
    let mut policies: Vec<&mut DesiredObject> =
        objects.iter_mut().filter(|object| object.key.kind == ChildKind::NetworkPolicy).collect();
    if policies.is_empty() {
        return None;
    }
    let at = policy.index(policies.len());
    change(&mut policies[at].manifest).then(|| DesiredSet::new(objects))
}

/// Adds a rule to a direction of a policy.
fn with_rule(desired: &DesiredSet, policy: Index, direction: &str, rule: &Value) -> Option<DesiredSet> {
    with_policy_changed(desired, policy, |manifest| {
        match manifest["spec"][direction].as_array_mut() {
            Some(rules) => rules.push(rule.clone()),
            None => manifest["spec"][direction] = json!([rule]),
        }
        true
    })
}

/// Peers that nothing in a generated spec declares on any port of [`UNUSED`].
fn undeclared_peers() -> Vec<Value> {
    vec![
        json!({"podSelector": {}}),
        json!({"podSelector": {"matchLabels": {"tier": "x"}}}),
        json!({"podSelector": {"matchLabels": {labels::APP: "shop"}}}),
        json!({"podSelector": {"matchExpressions": [{"key": labels::SERVICE, "operator": "Exists"}]}}),
        json!({"namespaceSelector": {}}),
        json!({"namespaceSelector": {"matchLabels": {"kind": "x"}}, "podSelector": {}}),
        json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}),
        json!({"ipBlock": {"cidr": "2001:db8::1/128"}}),
    ]
}

/// A port that no generated spec uses.
const UNUSED: u16 = 4711;

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn between_the_services_exactly_the_declared_edges_are_open(spec in specs::spec()) {
        let network = Network::of(&spec, &objects(&spec).1);
        let evaluation = network.evaluation();
        for (from, caller) in network.services.iter().enumerate() {
            for (to, callee) in network.services.iter().enumerate() {
                let expected = network.expected(network.declared(caller, callee));
                prop_assert_eq!(evaluation.between(from, to), expected, "{} to {}", caller, callee);
            }
        }
    }

    #[test]
    fn what_the_discovery_file_promises_is_served_and_open(spec in specs::spec()) {
        let (_, desired) = objects(&spec);
        let network = Network::of(&spec, &desired);
        let evaluation = network.evaluation();
        let services = manifests(&desired, ChildKind::Service);
        for (caller, config) in manifests(&desired, ChildKind::ConfigMap) {
            let file = config["data"]["discovery.json"].as_str().expect("a discovery file");
            let file: Value = serde_json::from_str(file).expect("JSON");
            let edges = file["dependencies"].as_object().expect("dependencies");
            let mut declared: BTreeSet<&str> = entries(network.service(caller), "dependencies")
                .filter_map(|edge| edge["name"].as_str())
                .collect();
            declared.extend(network.has_events(caller).then_some("broker"));
            prop_assert_eq!(edges.keys().map(String::as_str).collect::<BTreeSet<_>>(), declared);
            for (callee, edge) in edges.iter().filter(|(_, edge)| edge["kind"] == "Service") {
                let transport = if edge["protocol"] == "UDP" { "UDP" } else { "TCP" };
                let served = entries(&services[callee.as_str()]["spec"], "ports")
                    .find(|port| port["port"] == edge["port"] && port["protocol"] == transport)
                    .expect("the port is served");
                let open = evaluation.between(network.at(caller), network.at(callee));
                prop_assert_eq!(target(served).without(&open), Traffic::default());
            }
        }
    }

    #[test]
    fn dns_is_always_open_and_the_rest_of_the_world_only_as_declared(spec in specs::spec()) {
        let resolvers = [
            (pod_in("kube-system", &[("k8s-app", "kube-dns")]), dns(53)),
            (machine("169.254.20.10"), dns(53)),
            (pod_in("openshift-dns", &[("dns.operator.openshift.io/daemonset-dns", "default")]), dns(5353)),
        ];
        let strangers =
            [pod_in("elsewhere", &[("k8s-app", "kube-dns"), ("cluster", "pg")]), machine("192.0.2.9"), machine("::1")];
        let outside = outside();
        let others = resolvers.iter().map(|(endpoint, _)| endpoint);
        let others = others.chain(outside.iter().map(|(_, endpoint, _)| endpoint)).chain(&strangers).cloned();
        let network = Network::of(&spec, &objects(&spec).1).with(others);
        let evaluation = network.evaluation();
        for (from, caller) in network.services.iter().enumerate() {
            let over = |target: &str, open: &Traffic| {
                if network.leaves_for(caller, target) { open.clone() } else { Traffic::default() }
            };
            let anywhere = over("legacy", &tcp(7001));
            let served = resolvers.iter().map(|(_, open)| open.clone());
            let declared = served.chain(outside.iter().map(|(target, _, open)| over(target, open)));
            let declared = declared.chain(strangers.iter().map(|_| Traffic::default()));
            let leaves = evaluation.of(Direction::Egress, from);
            for (at, declared) in network.others().zip(declared) {
                let expected = network.expected(union([declared, anywhere.clone()]));
                prop_assert_eq!(&leaves[at], &expected, "{} to {:?}", caller, network.endpoints[at]);
            }
        }
    }

    #[test]
    fn from_outside_only_the_ingress_controller_the_monitoring_and_the_nodes_come_in(spec in specs::spec()) {
        let network = Network::of(&spec, &objects(&spec).1);
        let own: Vec<Pod> = network.endpoints.iter().filter_map(|end| end.pod().cloned()).collect();
        let foreign = own.iter().flat_map(|pod| {
            let mut of_other_app = pod.labels.clone();
            of_other_app.insert(labels::APP.to_owned(), "other".to_owned());
            [Pod::new("elsewhere", pod.labels.clone()), Pod::new(NAMESPACE, of_other_app)].map(Endpoint::Pod)
        });
        let known = [pod_in(INGRESS, &[]), pod_in(MONITORING, &[]), machine("10.128.3.4")];
        let strangers: Vec<Endpoint> = foreign.chain([machine("192.0.2.1"), machine("::1")]).collect();
        let network = network.with(known.into_iter().chain(strangers));
        let evaluation = network.evaluation();
        let monitored = spec["network"]["monitoringNamespace"].is_string();
        for (to, name) in network.services.iter().enumerate() {
            let service = network.service(name);
            let ports = || entries(service, "ports");
            let exposed = ports().find(|port| !matches!(port["protocol"].as_str(), Some("TCP" | "UDP")));
            let exposed = exposed.filter(|_| service["expose"].is_object()).map(target).unwrap_or_default();
            let declared = union(ports().map(target));
            let scraped = if monitored { declared.clone() } else { Traffic::default() };
            let enters = evaluation.of(Direction::Ingress, to);
            let first = network.others().start;
            prop_assert_eq!(&enters[first], &network.expected(exposed), "the ingress controller to {}", name);
            prop_assert_eq!(&enters[first + 1], &network.expected(scraped), "the monitoring to {}", name);
            if network.isolated() {
                let from_nodes = &enters[first + 2];
                let tcp = Traffic::of(Transport::Tcp, PortSet::all());
                let most = declared.intersection(&tcp);
                let asked = spec["network"]["nodeCidrs"].is_array() && probed(service);
                prop_assert!(from_nodes.without(&most).is_empty() && (asked || from_nodes.is_empty()));
            }
            for (from, found) in network.endpoints.iter().zip(&enters).skip(first + 3) {
                prop_assert_eq!(found, &network.expected(Traffic::default()), "{:?} to {}", from, name);
            }
        }
    }

    #[test]
    fn a_rule_that_nothing_declares_is_always_found(
        spec in specs::spec(), policy in any::<Index>(), peer in any::<Index>(), ingress in any::<bool>(),
    ) {
        let (app, desired) = objects(&spec);
        let peers = undeclared_peers();
        let (direction, field) = if ingress { ("ingress", "from") } else { ("egress", "to") };
        let rule = json!({field: [peers[peer.index(peers.len())]], "ports": [{"port": UNUSED}]});
        if let Some(wider) = with_rule(&desired, policy, direction, &rule) {
            prop_assert!(!prove(&app, &wider).holds(), "{:#}", rule);
        }
    }

    #[test]
    fn what_is_not_in_the_policies_any_more_is_always_found(
        spec in specs::spec(), policy in any::<Index>(), direction in prop::sample::select(vec!["ingress", "egress"]),
    ) {
        let (app, desired) = objects(&spec);
        let emptied = with_policy_changed(&desired, policy, |manifest| {
            let rules = manifest["spec"][direction].take();
            rules.as_array().is_some_and(|rules| !rules.is_empty())
        });
        if let Some(narrower) = emptied {
            prop_assert!(!prove(&app, &narrower).holds());
        }
    }
}

/// Whether builder and evaluator agree on a spec; what differs otherwise.
fn proven(spec: &Value) -> Result<(), TestCaseError> {
    let app = resolved(spec).map_err(|violations| TestCaseError::fail(violations.to_string()))?;
    let proof = prove(&app, &build::objects(&app));
    let told: BTreeMap<usize, String> =
        proof.differences.iter().map(ToString::to_string).enumerate().collect();
    prop_assert!(proof.holds(), "{told:#?}");
    prop_assert!(proof.counts.places > 5 && proof.counts.answers > 0);
    Ok(())
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn the_proof_holds_for_any_graph(spec in specs::spec()) {
        proven(&spec)?;
    }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    #[ignore = "half a minute or more: `make prove`"]
    fn the_proof_holds_for_ten_thousand_graphs(spec in specs::spec()) {
        proven(&spec)?;
    }
}
