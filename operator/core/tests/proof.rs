//! The proof: it holds for what is built, and it fails for whatever else could have been.

use std::collections::BTreeMap;
use std::path::Path;

use msapp_core::build;
use msapp_core::desired::{ChildKind, DesiredObject, DesiredSet};
use msapp_core::graph::{self, App};
use msapp_core::policy::{Proof, prove};
use msapp_core::source::Source;
use serde_json::{Value, json};

/// Every kind of opening, and none of them within another, so that each change of a rule changes what is open.
const EVERY_OPENING: &str = "
network: {monitoringNamespace: monitoring, nodeCidrs: [10.128.0.0/16, '2001:db8:1::/48']}
services:
- name: web
  image: web:1
  ports: [{name: http, port: 80, targetPort: 8080}, {name: metrics, port: 9100}]
  probes: {path: /healthz}
  expose: {host: shop.example.com, controllerNamespace: ingress-nginx}
  dependencies: [{name: cart}, {name: partner}]
- name: cart
  image: cart:1
  ports: [{name: http, port: 80, targetPort: 8081}, {name: dns, port: 5300, protocol: UDP}]
  labels: {tier: backend}
  dependencies: [{name: orders-db}, {name: cache}, {name: worker}]
- name: worker
  image: worker:1
  ports: [{name: grpc, port: 9090, protocol: GRPC}]
  probes: {grpc: {}}
  dependencies: [{name: cart, ports: [dns]}]
- name: alone
  image: alone:1
backingServices:
- {name: orders-db, engine: PostgreSQL, host: pg.data, pods: {namespace: data, labels: {cluster: pg}}}
- {name: cache, engine: Redis, host: 10.9.8.7, port: 6380}
externalServices:
- {name: partner, host: partner.example.com, port: 443, cidrs: [203.0.113.0/24, '2001:db8::/48']}
";

fn app(spec: &str) -> App {
    let spec: Value = serde_saphyr::from_str(spec).expect("YAML");
    resolved(spec, "shop")
}

fn resolved(spec: Value, namespace: &str) -> App {
    let source = Source {
        name: "shop".to_owned(),
        namespace: namespace.to_owned(),
        generation: 1,
        spec,
        ..Source::default()
    };
    graph::resolve(&source).unwrap_or_else(|violations| panic!("{violations}"))
}

fn proof(app: &App) -> Proof {
    prove(app, &build::objects(app))
}

/// The sentences of a proof of `app` over objects of which one policy is changed.
fn changed(app: &App, service: &str, change: impl Fn(&mut Value)) -> Vec<String> {
    let mut objects: Vec<DesiredObject> = build::objects(app).iter().cloned().collect();
    let policy = objects
        .iter_mut()
        .find(|object| object.key.kind == ChildKind::NetworkPolicy && object.service == service);
    change(&mut policy.expect("it has a policy").manifest);
    let proof = prove(app, &DesiredSet::new(objects));
    proof.differences.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_built_is_what_is_declared() {
    let proof = proof(&app(EVERY_OPENING));
    assert_eq!(proof.differences, []);
    assert_eq!(proof.summary(), "shop: 12 pairs, both directions, every port: reachable equals declared");
    insta::assert_json_snapshot!(proof.matrix);
}

#[test]
fn a_service_that_nothing_calls_and_that_calls_nothing_has_only_dns() {
    let matrix = proof(&app(EVERY_OPENING)).matrix;
    assert_eq!(matrix["alone"].keys().collect::<Vec<_>>(), ["DNS"]);
    assert!(matrix.values().all(|row| !row.contains_key("alone")));
}

#[test]
fn the_samples_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let mut proven = 0;
    for entry in std::fs::read_dir(folder).expect("samples") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
        for document in documents.iter().filter(|document| document["kind"] == "MicroserviceApp") {
            let proof = proof(&resolved(document["spec"].clone(), "shop"));
            assert_eq!(proof.differences, [], "{}", path.display());
            proven += 1;
        }
    }
    assert!(proven >= 2, "{proven} samples");
}

#[test]
fn without_isolation_everything_is_open_and_that_is_said() {
    let mut spec: Value = serde_saphyr::from_str(EVERY_OPENING).expect("YAML");
    spec["network"]["isolation"] = json!("Disabled");
    let proof = proof(&resolved(spec, "shop"));
    assert!(proof.holds() && !proof.isolated && proof.matrix.is_empty());
    assert_eq!(proof.counts.open_pairs, proof.counts.pairs);
    assert_eq!(
        proof.summary(),
        "shop: 12 pairs, both directions, every port: all open, because isolation is disabled"
    );
}

#[test]
fn with_one_service_there_are_no_pairs_and_its_surroundings_are_compared() {
    let proof = proof(&app("services: [{name: web, image: 'web:1', ports: [{name: http, port: 80}]}]"));
    assert!(proof.holds());
    assert_eq!((proof.counts.pairs, proof.counts.open_pairs), (0, 0));
    assert!(proof.counts.places > 5, "{:?}", proof.counts);
}

#[test]
fn a_rule_too_many_is_told_with_its_end() {
    let app = app(EVERY_OPENING);
    let told = changed(&app, "worker", |policy| {
        let rule = json!({"from": [{"podSelector": {"matchLabels": {"msapp.dev/service": "web"}}}],
            "ports": [{"port": 9091}]});
        policy["spec"]["ingress"].as_array_mut().expect("rules").push(rule);
    });
    assert_eq!(told[0], "the ingress policy of worker admits web on TCP 9091, which nothing declares");
}

#[test]
fn a_service_that_is_open_at_both_ends_is_told_once() {
    let app = app(EVERY_OPENING);
    let mut objects: Vec<DesiredObject> = build::objects(&app).iter().cloned().collect();
    for object in objects.iter_mut().filter(|object| object.key.kind == ChildKind::NetworkPolicy) {
        let all = json!([{"ports": [{"port": 1}]}]);
        match object.service.as_str() {
            "web" => object.manifest["spec"]["egress"] = all,
            "worker" => object.manifest["spec"]["ingress"] = all,
            _ => {}
        }
    }
    let told: Vec<String> =
        prove(&app, &DesiredSet::new(objects)).differences.iter().map(ToString::to_string).collect();
    let about = |sentence: &&String| sentence.starts_with("web may reach worker");
    assert_eq!(
        told.iter().filter(about).collect::<Vec<_>>(),
        ["web may reach worker on TCP 1 at both ends, which nothing declares"]
    );
}

#[test]
fn a_missing_rule_is_told_with_its_end() {
    let app = app(EVERY_OPENING);
    let told = changed(&app, "worker", |policy| policy["spec"]["ingress"] = json!([]));
    assert!(
        told.contains(
            &"cart is declared to reach worker on TCP 9090, but the ingress policy of worker does not admit it"
                .to_owned()
        ),
        "{told:#?}"
    );
    let told = changed(&app, "web", |policy| policy["spec"]["egress"] = json!([]));
    assert!(
        told.contains(
            &"web is declared to reach cart on TCP 8081, but the egress policy of web does not admit it"
                .to_owned()
        ),
        "{told:#?}"
    );
}

#[test]
fn a_policy_that_kubernetes_would_not_take_is_told() {
    let told = changed(&app(EVERY_OPENING), "web", |policy| {
        policy["spec"]["egress"][0]["to"] = json!([{"ipBlock": {"cidr": "10.0.0.0"}}]);
    });
    let message = "is no address range such as 10.0.0.0/16";
    assert_eq!(told, [format!("shop/web: spec.egress[0].to[0].ipBlock.cidr: \"10.0.0.0\" {message}")]);
    let told = changed(&app(EVERY_OPENING), "web", |policy| policy["spec"] = json!([]));
    assert!(told[0].starts_with("NetworkPolicy web: "), "{told:?}");
}

#[test]
fn a_policy_that_selects_the_pods_of_others_is_told() {
    let told = changed(&app(EVERY_OPENING), "web", |policy| policy["spec"]["podSelector"] = json!({}));
    let sentence = "a policy isolates pods without labels in shop, which are not of this app".to_owned();
    assert!(told.contains(&sentence), "{told:#?}");
}

#[test]
fn a_service_without_pods_is_told() {
    let app = app(EVERY_OPENING);
    let objects = build::objects(&app);
    let others =
        objects.iter().filter(|object| object.key.kind != ChildKind::Deployment || object.service != "web");
    let proof = prove(&app, &DesiredSet::new(others.cloned().collect()));
    assert_eq!(proof.differences[0].to_string(), "nothing makes pods of web");
}

#[test]
fn the_differences_of_a_broken_app_are_bounded_and_counted() {
    let services: Vec<Value> = (0..40).map(|at| json!({"name": format!("s{at}"), "image": "s:1"})).collect();
    let app = resolved(json!({"services": services}), "shop");
    let objects = build::objects(&app);
    let open = objects.iter().filter(|object| object.key.kind != ChildKind::NetworkPolicy);
    let proof = prove(&app, &DesiredSet::new(open.cloned().collect()));
    assert_eq!(proof.differences.len(), 100);
    assert!(proof.counts.differences > 40 * 40, "{:?}", proof.counts);
    let told: Vec<String> = proof.violations().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 11);
    let defect = "spec: the network policies are not what is declared, which is a defect of msapp, not of the resource: ";
    let first = "s0 may reach another pod of s0 on every port at both ends, which nothing declares";
    assert_eq!(told[0], format!("{defect}{first}"));
    assert_eq!(told[10], format!("{defect}{} more differences", proof.counts.differences - 10));
}

/// All ways in which one place of a policy can be changed, by a name; each is applied to a copy.
fn mutations(policy: &Value) -> BTreeMap<String, Value> {
    let mut mutations = BTreeMap::new();
    let mut add = |name: String, change: &dyn Fn(&mut Value)| {
        let mut mutant = policy.clone();
        change(&mut mutant);
        mutations.insert(name, mutant);
    };
    add("no policy types but ingress".into(), &|p| p["spec"]["policyTypes"] = json!(["Ingress"]));
    add("no policy types but egress".into(), &|p| p["spec"]["policyTypes"] = json!(["Egress"]));
    add("selects every pod".into(), &|p| p["spec"]["podSelector"] = json!({}));
    for label in ["msapp.dev/app", "msapp.dev/service"] {
        add(format!("selects without {label}"), &|p| {
            let labels = p.pointer_mut("/spec/podSelector/matchLabels").expect("labels");
            labels.as_object_mut().expect("labels").remove(label);
        });
    }
    add("in another namespace".into(), &|p| p["metadata"]["namespace"] = json!("other"));
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        add(format!("{direction}: everything"), &|p| p["spec"][direction] = json!([{}]));
        let rules = policy["spec"][direction].as_array().map_or(0, Vec::len);
        for at in 0..rules {
            let name = |what: &str| format!("{direction}[{at}] {what}");
            let path = format!("/spec/{direction}/{at}");
            let rule = |policy: &Value| policy.pointer(&path).expect("the rule").clone();
            let set = |policy: &mut Value, field: &str, to: Value| {
                policy.pointer_mut(&path).expect("the rule")[field] = to;
            };
            add(name("is gone"), &|p| {
                p["spec"][direction].as_array_mut().expect("rules").remove(at);
            });
            add(name("admits everybody"), &|p| set(p, peers, json!([])));
            add(name("admits all ports"), &|p| set(p, "ports", json!([])));
            let every = |list: &str| rule(policy)[list].as_array().map_or(0, Vec::len);
            for port in 0..every("ports") {
                let name = |what: &str| format!("{direction}[{at}].ports[{port}] {what}");
                let change = |field: &'static str, to: Value| {
                    let path = format!("{path}/ports/{port}");
                    move |p: &mut Value| p.pointer_mut(&path).expect("the port")[field] = to.clone()
                };
                let number = rule(policy)["ports"][port]["port"].as_i64().expect("a number");
                add(name("is the next one"), &change("port", json!(number + 1)));
                add(name("is a range"), &change("endPort", json!(number + 1)));
                add(name("is every port"), &change("port", Value::Null));
                add(name("is SCTP"), &change("protocol", json!("SCTP")));
                add(name("is gone"), &|p| {
                    let list = p.pointer_mut(&format!("{path}/ports")).expect("ports");
                    list.as_array_mut().expect("a list").remove(port);
                });
            }
            for peer in 0..every(peers) {
                let here = format!("{path}/{peers}/{peer}");
                let whole = rule(policy)[peers][peer].clone();
                let name = |what: &str| format!("{direction}[{at}].{peers}[{peer}] {what}");
                let replace = |with: Value| {
                    let here = here.clone();
                    move |p: &mut Value| *p.pointer_mut(&here).expect("the peer") = with.clone()
                };
                add(name("is gone"), &|p| {
                    let list = p.pointer_mut(&format!("{path}/{peers}")).expect("peers");
                    list.as_array_mut().expect("a list").remove(peer);
                });
                for (what, other) in other_peers(&whole) {
                    add(name(what), &replace(other));
                }
            }
        }
    }
    mutations
}

/// Wider and narrower peers than this one.
fn other_peers(peer: &Value) -> Vec<(&'static str, Value)> {
    let mut others = Vec::new();
    if let Some(cidr) = peer["ipBlock"]["cidr"].as_str() {
        let (address, bits) = cidr.split_once('/').expect("a range");
        let bits: u8 = bits.parse().expect("a number");
        let most = if address.contains(':') { 128 } else { 32 };
        others.push(("is twice as wide", json!({"ipBlock": {"cidr": format!("{address}/{}", bits - 1)}})));
        if bits < most {
            others.push(("is half as wide", json!({"ipBlock": {"cidr": format!("{address}/{}", bits + 1)}})));
        }
        let all = if most == 32 { "0.0.0.0/0" } else { "::/0" };
        others.push(("is every address", json!({"ipBlock": {"cidr": all}})));
        others.push(("is every pod here", json!({"podSelector": {}})));
    } else {
        let pods = peer["podSelector"].clone();
        others.push(("is of every namespace", json!({"podSelector": pods, "namespaceSelector": {}})));
        for label in pods["matchLabels"].as_object().into_iter().flat_map(|labels| labels.keys()) {
            let mut wider = peer.clone();
            wider["podSelector"]["matchLabels"].as_object_mut().expect("labels").remove(label);
            others.push((if label.ends_with("app") { "is of every app" } else { "is every pod" }, wider));
        }
        let mut expression = peer.clone();
        expression["podSelector"]["matchExpressions"] = json!([{"key": "x", "operator": "Exists"}]);
        others.push(("has one more label", expression));
        others.push(("is a range of addresses", json!({"ipBlock": {"cidr": "10.0.0.0/8"}})));
    }
    others
}

#[test]
fn every_change_of_any_rule_makes_the_proof_fail() {
    let app = app(EVERY_OPENING);
    let objects: Vec<DesiredObject> = build::objects(&app).iter().cloned().collect();
    let mut survivors = Vec::new();
    let mut tried = 0;
    for (at, object) in objects.iter().enumerate() {
        if object.key.kind != ChildKind::NetworkPolicy {
            continue;
        }
        for (name, manifest) in mutations(&object.manifest) {
            let mut mutated = objects.clone();
            mutated[at].manifest = manifest;
            tried += 1;
            if prove(&app, &DesiredSet::new(mutated)).holds() {
                survivors.push(format!("{}: {name}", object.key.name));
            }
        }
        let without = objects.iter().enumerate().filter(|(index, _)| *index != at);
        let without = without.map(|(_, object)| object.clone()).collect();
        assert!(!prove(&app, &DesiredSet::new(without)).holds(), "{} is gone", object.key);
    }
    assert!(survivors.is_empty(), "of {tried}: {survivors:#?}");
    assert!(tried > 200, "{tried}");
}
