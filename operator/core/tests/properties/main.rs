//! What holds for every spec: the same bytes for the same meaning, nothing to do twice, legal names, restricted pods,
//! policies that admit the declared edges and nothing else, and no input that the core does not survive.

mod live;
mod pod_security;
mod specs;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use msapp_core::desired::{ChildKind, DesiredSet};
use msapp_core::graph;
use msapp_core::labels;
use msapp_core::observed::{Child, Observed, project_child};
use msapp_core::plan::{Action, plan};
use msapp_core::source::Source;
use msapp_core::{build, violation::Violations};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use specs::{INGRESS, MONITORING, NAMESPACE};
use traffic::{Host, Knock, Policies};

const UID: &str = "uid-of-the-app";

/// A failure prints its input, as small as it gets; nothing is written into the checkout.
fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

fn resolved(spec: &Value) -> Result<graph::App, Violations> {
    let (name, namespace) = ("shop".to_owned(), NAMESPACE.to_owned());
    graph::resolve(&Source { name, namespace, generation: 1, spec: spec.clone() })
}

/// A spec that is right by construction, as objects.
fn objects(spec: &Value) -> (graph::App, DesiredSet) {
    let app = resolved(spec).unwrap_or_else(|violations| {
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        panic!("{told:#?}\n{spec:#}")
    });
    let desired = build::objects(&app);
    (app, desired)
}

fn bytes(desired: &DesiredSet) -> Vec<String> {
    desired.iter().map(|object| object.manifest.to_string()).collect()
}

fn manifests(desired: &DesiredSet, kind: ChildKind) -> BTreeMap<&str, &Value> {
    let of_kind = desired.iter().filter(|object| object.key.kind == kind);
    of_kind.map(|object| (object.key.name.as_str(), &object.manifest)).collect()
}

fn entries<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    value[list].as_array().into_iter().flatten()
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let items = list.as_array().expect("a list");
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// RFC 1123, and the stricter RFC 1035 where the first character is asked to be a letter.
fn is_label(text: &str, first_is_letter: bool) -> bool {
    let edge = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    bytes.len() <= 63
        && edge(*first)
        && edge(*last)
        && bytes.iter().all(|letter| edge(*letter) || *letter == b'-')
        && (!first_is_letter || first.is_ascii_lowercase())
}

/// RFC 6335, section 5.1, in lower case.
fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && is_label(text, false)
        && !text.contains("--")
        && text.bytes().any(|letter| letter.is_ascii_lowercase())
}

/// `[prefix/]name` for keys, and what is behind the `=`.
fn is_tag(key: &str, value: &str) -> bool {
    let word = |text: &str, empty: bool| {
        let ends = [text.bytes().next(), text.bytes().last()];
        (empty || !text.is_empty())
            && text.len() <= 63
            && ends.iter().flatten().all(u8::is_ascii_alphanumeric)
            && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter))
    };
    let (domain, name) = key.split_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    word(name, false)
        && word(value, true)
        && domain.is_none_or(|domain| domain.split('.').all(|part| is_label(part, false)))
}

/// Every name that a manifest holds, with what it has to be.
fn illegal_names(kind: ChildKind, manifest: &Value) -> Vec<String> {
    let mut illegal = Vec::new();
    let mut check = |legal: bool, name: &Value| {
        if !legal {
            illegal.push(name.to_string());
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = &manifest["metadata"]["name"];
    check(is_label(&text(name), true), name);
    check(manifest["metadata"]["namespace"] == NAMESPACE, &manifest["metadata"]["namespace"]);
    for (key, value) in manifest["metadata"]["labels"].as_object().into_iter().flatten() {
        check(is_tag(key, &text(value)), &json!(key));
    }
    let pod = &manifest["spec"]["template"]["spec"];
    for volume in entries(pod, "volumes") {
        check(is_label(&text(&volume["name"]), false), &volume["name"]);
    }
    for container in entries(pod, "containers") {
        check(is_label(&text(&container["name"]), false), &container["name"]);
        for port in entries(container, "ports") {
            check(is_port_name(&text(&port["name"])), &port["name"]);
        }
        for mount in entries(container, "volumeMounts") {
            let known = entries(pod, "volumes").any(|volume| volume["name"] == mount["name"]);
            check(known && !text(&mount["mountPath"]).contains(':'), &mount["mountPath"]);
        }
        let names: Vec<String> = entries(container, "env").map(|env| text(&env["name"])).collect();
        let different: BTreeSet<&String> = names.iter().collect();
        check(different.len() == names.len(), &json!(names));
    }
    if kind == ChildKind::Service {
        for port in entries(&manifest["spec"], "ports") {
            check(is_label(&text(&port["name"]), false), &port["name"]);
        }
    }
    if kind == ChildKind::ConfigMap {
        for key in manifest["data"].as_object().into_iter().flat_map(|data| data.keys()) {
            let letters =
                key.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter));
            check(letters && key.len() <= 253 && !key.starts_with(".."), &json!(key));
        }
    }
    illegal
}

/// The policies of the app in a cluster, and the pods that they are about.
struct Network<'a> {
    spec: &'a Value,
    policies: Policies,
    pods: BTreeMap<String, Host>,
}

impl<'a> Network<'a> {
    fn of(spec: &'a Value, desired: &DesiredSet) -> Self {
        let policies = manifests(desired, ChildKind::NetworkPolicy).into_values();
        let policies = policies
            .map(|policy| serde_json::from_value::<NetworkPolicy>(policy.clone()).expect("a NetworkPolicy"));
        let pods = manifests(desired, ChildKind::Deployment).into_iter().map(|(name, deployment)| {
            let labels = deployment["spec"]["template"]["metadata"]["labels"].clone();
            let labels = serde_json::from_value(labels).expect("labels");
            (name.to_owned(), Host::pod(NAMESPACE, labels))
        });
        Self { spec, policies: Policies(policies.collect()), pods: pods.collect() }
    }

    fn isolated(&self) -> bool {
        self.spec["network"]["isolation"] != "Disabled"
    }

    fn service(&self, name: &str) -> &Value {
        named(&self.spec["services"], name)
    }

    /// What a caller has declared of a target.
    fn edge(&self, caller: &str, target: &str) -> Option<&Value> {
        entries(self.service(caller), "dependencies").find(|edge| edge["name"] == target)
    }

    /// Where a declared edge ends.
    fn declared(&self, caller: &str, callee: &str) -> Option<Knock<'_>> {
        let edge = self.edge(caller, callee)?;
        let mut ports = entries(self.service(callee), "ports");
        let port = match &edge["port"] {
            Value::Null => ports.next(),
            Value::String(name) => ports.find(|port| port["name"] == *name),
            number => ports.find(|port| port["port"] == *number),
        };
        Some(target(port.expect("the edge leads to a port")))
    }
}

fn target(port: &Value) -> Knock<'_> {
    let number = port.get("targetPort").unwrap_or(&port["port"]).as_i64().expect("a port");
    let transport = if port["protocol"] == "UDP" { "UDP" } else { "TCP" };
    Knock { transport, port: i32::try_from(number).expect("a port") }
}

/// Every port that could be meant, and some that nobody means.
fn knocks() -> impl Iterator<Item = Knock<'static>> {
    let ports = [1, 53, 80, 443, 5300, 5353, 5432, 6380, 7000, 7001, 8080, 9090, 9092];
    ports.into_iter().flat_map(|port| ["TCP", "UDP"].map(|transport| Knock { transport, port }))
}

fn pod_in(namespace: &str, labels: &[(&str, &str)]) -> Host {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Host::pod(namespace, labels.collect())
}

/// Where an edge to something outside the app leads.
fn outside() -> [(&'static str, Host, Knock<'static>); 6] {
    let tcp = |port| Knock { transport: "TCP", port };
    [
        ("orders-db", pod_in("data", &[("cluster", "pg")]), tcp(5432)),
        ("cache", Host::machine("10.9.8.7"), tcp(6380)),
        ("broker", pod_in(NAMESPACE, &[("app", "kafka")]), tcp(9092)),
        ("partner", Host::machine("203.0.113.200"), tcp(443)),
        ("partner", Host::machine("198.51.100.7"), tcp(443)),
        ("legacy", Host::machine("192.0.2.1"), tcp(7001)),
    ]
}

fn probed(service: &Value) -> bool {
    let exec = service["probes"]["exec"].is_object();
    service["probes"].is_object() && !exec
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn lists_in_another_order_give_the_same_bytes(spec in specs::spec(), rounds in vec(any::<Index>(), 16)) {
        let other = specs::shuffled(&spec, &rounds);
        prop_assert_eq!(bytes(&objects(&spec).1), bytes(&objects(&other).1));
    }

    #[test]
    fn a_plan_against_what_it_made_keeps_everything(spec in specs::spec()) {
        let (app, desired) = objects(&spec);
        let children: BTreeMap<_, Child> = desired
            .iter()
            .map(|object| {
                let child = project_child(object.key.kind, &live::stored(&object.manifest, UID));
                (object.key.clone(), child)
            })
            .collect();
        let plan = plan(&app, UID, &desired, &Observed { children, ..Observed::default() });
        let others: Vec<_> = plan.steps.iter().filter(|step| step.action != Action::Keep).collect();
        prop_assert!(others.is_empty(), "{:#?}", others);
    }

    #[test]
    fn every_name_is_legal(spec in specs::spec()) {
        for object in objects(&spec).1.iter() {
            let illegal = illegal_names(object.key.kind, &object.manifest);
            prop_assert!(illegal.is_empty(), "{}: {:?}", object.key, illegal);
        }
    }

    #[test]
    fn every_child_says_whose_it_is_and_selectors_find_their_pods(spec in specs::spec()) {
        let (_, desired) = objects(&spec);
        let deployments = manifests(&desired, ChildKind::Deployment);
        for object in desired.iter() {
            let carried = &object.manifest["metadata"]["labels"];
            let own = labels::all("shop", &object.key.name, &BTreeMap::new());
            prop_assert!(own.iter().all(|(key, value)| carried[key] == *value), "{}", object.key);
            let spec = &object.manifest["spec"];
            let selector = match object.key.kind {
                ChildKind::Service => &spec["selector"],
                ChildKind::NetworkPolicy => &spec["podSelector"]["matchLabels"],
                ChildKind::Deployment | ChildKind::PodDisruptionBudget => &spec["selector"]["matchLabels"],
                _ => continue,
            };
            let selector = selector.as_object().expect("a selector");
            for (name, deployment) in &deployments {
                let pod = &deployment["spec"]["template"]["metadata"]["labels"];
                let found = selector.iter().all(|(key, value)| pod[key] == *value);
                prop_assert_eq!(found, *name == object.key.name, "{} and {}", object.key, name);
            }
        }
    }

    #[test]
    fn every_pod_is_restricted(spec in specs::spec()) {
        let (_, desired) = objects(&spec);
        for (name, deployment) in manifests(&desired, ChildKind::Deployment) {
            let template = deployment["spec"]["template"].clone();
            let template: PodTemplateSpec = serde_json::from_value(template).expect("a pod template");
            prop_assert_eq!(pod_security::offences(&template), Vec::<String>::new(), "{}", name);
        }
    }

    #[test]
    fn between_the_services_exactly_the_declared_edges_are_open(spec in specs::spec()) {
        let (_, desired) = objects(&spec);
        let network = Network::of(&spec, &desired);
        for (caller, from) in &network.pods {
            for (callee, to) in &network.pods {
                let declared = if caller == callee { None } else { network.declared(caller, callee) };
                for knock in knocks() {
                    let expected = !network.isolated() || declared == Some(knock);
                    let admitted = network.policies.admit(from, to, knock);
                    prop_assert_eq!(admitted, expected, "{} to {}: {:?}", caller, callee, knock);
                }
            }
        }
    }

    #[test]
    fn what_the_discovery_file_promises_is_served_and_open(spec in specs::spec()) {
        let (_, desired) = objects(&spec);
        let network = Network::of(&spec, &desired);
        let services = manifests(&desired, ChildKind::Service);
        for (caller, config) in manifests(&desired, ChildKind::ConfigMap) {
            let file = config["data"]["discovery.json"].as_str().expect("a discovery file");
            let file: Value = serde_json::from_str(file).expect("JSON");
            let edges = file["dependencies"].as_object().expect("dependencies");
            let declared: BTreeSet<&str> = entries(network.service(caller), "dependencies")
                .filter_map(|edge| edge["name"].as_str())
                .collect();
            prop_assert_eq!(edges.keys().map(String::as_str).collect::<BTreeSet<_>>(), declared);
            for (callee, edge) in edges.iter().filter(|(_, edge)| edge["kind"] == "Service") {
                let transport = if edge["protocol"] == "UDP" { "UDP" } else { "TCP" };
                let served = entries(&services[callee.as_str()]["spec"], "ports")
                    .find(|port| port["port"] == edge["port"] && port["protocol"] == transport)
                    .expect("the port is served");
                let port = i32::try_from(served["targetPort"].as_i64().expect("a number")).expect("a port");
                let knock = Knock { transport, port };
                prop_assert!(network.policies.admit(&network.pods[caller], &network.pods[callee], knock));
            }
        }
    }

    #[test]
    fn dns_is_always_open_and_the_rest_of_the_world_only_as_declared(spec in specs::spec()) {
        let (_, desired) = objects(&spec);
        let network = Network::of(&spec, &desired);
        let dns = pod_in("kube-system", &[("k8s-app", "kube-dns")]);
        let openshift = pod_in("openshift-dns", &[("dns.operator.openshift.io/daemonset-dns", "default")]);
        let resolvers = [(dns, 53), (Host::machine("169.254.20.10"), 53), (openshift, 5353)];
        let other_pod = pod_in("elsewhere", &[("k8s-app", "kube-dns"), ("cluster", "pg")]);
        let strangers = [other_pod, Host::machine("192.0.2.9")];
        for (caller, from) in &network.pods {
            let open = |target: &str| !network.isolated() || network.edge(caller, target).is_some();
            for (host, expected) in &resolvers {
                for knock in knocks() {
                    let declared = open("legacy") && knock == Knock { transport: "TCP", port: 7001 };
                    let leaves = network.policies.leaves(from, host, knock);
                    prop_assert_eq!(leaves, knock.port == *expected || declared || !network.isolated());
                }
            }
            for (target, host, expected) in outside() {
                for knock in knocks() {
                    let anywhere = open("legacy") && knock == Knock { transport: "TCP", port: 7001 };
                    let declared = open(target) && knock == expected;
                    let leaves = network.policies.leaves(from, &host, knock);
                    prop_assert_eq!(leaves, declared || anywhere || !network.isolated(), "{}: {:?}", target, knock);
                }
            }
            for (stranger, knock) in strangers.iter().flat_map(|host| knocks().map(move |knock| (host, knock))) {
                let anywhere = open("legacy") && knock == Knock { transport: "TCP", port: 7001 };
                let leaves = network.policies.leaves(from, stranger, knock);
                prop_assert_eq!(leaves, anywhere || !network.isolated(), "{:?} at {:?}", knock, stranger);
            }
        }
    }

    #[test]
    fn from_outside_only_the_ingress_controller_the_monitoring_and_the_nodes_come_in(spec in specs::spec()) {
        let (_, desired) = objects(&spec);
        let network = Network::of(&spec, &desired);
        let monitored = spec["network"]["monitoringNamespace"].is_string();
        let nodes = spec["network"]["nodeCidrs"].is_array();
        for (name, to) in &network.pods {
            let service = network.service(name);
            let (_, own_labels) = to.pod.clone().expect("a pod");
            let mut of_other_app = own_labels.clone();
            of_other_app.insert(labels::APP.to_owned(), "other".to_owned());
            let exposed = entries(service, "ports").find(|port| !matches!(port["protocol"].as_str(), Some("TCP" | "UDP")));
            let exposed = exposed.filter(|_| service["expose"].is_object()).map(target);
            for knock in knocks() {
                let declared = entries(service, "ports").any(|port| target(port) == knock);
                let enters = |from: &Host| network.policies.enters(from, to, knock);
                let open = !network.isolated();
                prop_assert_eq!(enters(&Host::pod("elsewhere", own_labels.clone())), open, "{:?}", knock);
                prop_assert_eq!(enters(&Host::pod(NAMESPACE, of_other_app.clone())), open, "{:?}", knock);
                prop_assert_eq!(enters(&Host::machine("192.0.2.1")), open, "{:?}", knock);
                prop_assert_eq!(enters(&pod_in(INGRESS, &[])), open || exposed == Some(knock), "{:?}", knock);
                prop_assert_eq!(enters(&pod_in(MONITORING, &[])), open || monitored && declared, "{:?}", knock);
                if enters(&Host::machine("10.128.3.4")) && !open {
                    prop_assert!(nodes && declared && knock.transport == "TCP" && probed(service), "{:?}", knock);
                }
            }
        }
    }

    #[test]
    fn a_port_name_that_is_taken_is_one_that_kubernetes_takes(name in "[a-z0-9]([-a-z0-9]{0,14}[a-z0-9])?") {
        let spec = json!({"services": [{"name": "web", "image": "web:1", "ports": [{"name": name, "port": 80}]}]});
        if let Ok(app) = resolved(&spec) {
            for object in build::objects(&app).iter() {
                prop_assert_eq!(illegal_names(object.key.kind, &object.manifest), Vec::<String>::new());
            }
        } else {
            prop_assert!(!is_port_name(&name), "{name} is refused");
        }
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn no_json_is_too_much_for_the_resolver(spec in specs::json()) {
        if let Err(violations) = resolved(&spec) {
            prop_assert!(!violations.is_empty());
        }
    }

    #[test]
    fn a_right_spec_with_one_wrong_value_is_survived(spec in specs::spec(), at in any::<Index>(), by in specs::json()) {
        match resolved(&specs::damaged(&spec, at, by)) {
            Ok(app) => prop_assert!(!build::objects(&app).is_empty()),
            Err(violations) => {
                prop_assert!(!violations.is_empty());
                prop_assert!(violations.iter().all(|violation| violation.path.starts_with("spec")));
            }
        }
    }
}
