//! What holds for every spec: the same bytes for the same meaning, nothing to do twice, legal names, restricted pods,
//! policies that admit the declared edges and nothing else, and no input that the core does not survive.

mod checks;
mod live;
mod network;
mod pod_security;
mod specs;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PodTemplateSpec;
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

use specs::NAMESPACE;

const UID: &str = "uid-of-the-app";

/// A failure prints its input, as small as it gets; nothing is written into the checkout.
fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

fn resolved(spec: &Value) -> Result<graph::App, Violations> {
    let (name, namespace) = ("shop".to_owned(), NAMESPACE.to_owned());
    graph::resolve(&Source { name, namespace, generation: 1, spec: spec.clone(), ..Source::default() })
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
