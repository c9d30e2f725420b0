//! `msapp plan`

use std::fs;

use insta::assert_snapshot;
use msapp_core::desired::ChildKind;
use serde_json::{Value, json};

use crate::api::{Answer, failure, kubeconfig, serve};
use crate::live::stored;
use crate::program::{Directory, Ran};

const SHOP: &str = "\
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: shop, namespace: shop}
spec:
  services:
  - name: cart
    image: registry.example/shop/cart:1.4.2
    replicas: 2
    ports: [{name: http, port: 80, targetPort: 8080}]
    dependencies: [{name: catalog, env: [{name: CATALOG_URL, from: Url}]}]
    env: [{name: LOG, value: info}, {name: DB_PASSWORD, value: hunter2}]
    files:
    - path: /etc/cart/limits.yaml
      content: |
        currency: EUR
        max_amount: 5000
        token: first
        regions: [eu]
  - name: catalog
    image: registry.example/shop/catalog:1.9.0
    ports: [{name: http, port: 80, targetPort: 8080}]
  - name: legacy
    image: registry.example/shop/legacy:0.1.0
";

/// The same a few weeks later.
fn edited() -> String {
    let (kept, _) = SHOP.split_once("  - name: legacy").expect("it is there");
    let edited = kept
        .replace("cart:1.4.2", "cart:1.5.0")
        .replace("value: hunter2", "value: hunter3")
        .replace("max_amount: 5000", "max_amount: 9000")
        .replace("token: first", "token: second")
        .replace("{name: LOG, value: info}", "{name: MODE, value: fast}");
    format!("{edited}    replicas: 3\n  - name: search\n    image: registry.example/shop/search:1.0.0\n")
}

/// The resource and everything that was made of it, as an API server would hold them.
fn running(text: &str) -> Vec<Value> {
    let rendered = Directory::with(&[]).msapp_with_input(&["render", "-", "-o", "json"], text).fine();
    let list: Value = serde_json::from_str(&rendered).expect("it is JSON");
    let children = list["items"].as_array().expect("a list").iter();
    let app = json!({
        "apiVersion": "msapp.dev/v1alpha1", "kind": "MicroserviceApp", "spec": {},
        "metadata": {"name": "shop", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
    });
    children.map(|manifest| stored(manifest, "u")).chain([app]).collect()
}

fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// Plans a resource against what runs.
fn planned(objects: &[Value], text: &str, arguments: &[&str]) -> Ran {
    let directory = Directory::with(&[("live.json", &list(objects)), ("shop.yaml", text)]);
    directory.msapp(&[&["plan", "shop.yaml", "--observed", "live.json"], arguments].concat())
}

#[test]
fn what_runs_already_is_nothing_to_do() {
    let ran = planned(&running(SHOP), SHOP, &["--exit-code"]);
    assert_snapshot!(ran.fine());
}

#[test]
fn a_change_is_told_field_by_field_with_its_restarts_and_without_credentials() {
    let text = planned(&running(SHOP), &edited(), &[]).fine();
    assert!(!["hunter", "first", "second"].iter().any(|secret| text.contains(secret)), "{text}");
    // What is in a digest is tested elsewhere.
    let shown: Vec<&str> = text.lines().filter(|line| !line.contains("config-digest")).collect();
    assert_snapshot!(shown.join("\n"));
}

#[test]
fn the_exit_code_tells_whether_there_is_something_to_do() {
    assert_eq!(planned(&running(SHOP), &edited(), &["--exit-code"]).code, 3);
    assert_eq!(planned(&running(SHOP), &edited(), &[]).code, 0);
}

#[test]
fn a_machine_gets_objects_and_services() {
    let text = planned(&running(SHOP), &edited(), &["-o", "json"]).fine();
    let plans: Value = serde_json::from_str(&text).expect("it is JSON");
    let summary = json!({"create": 5, "update": 3, "delete": 4, "waiting": 0, "refused": 0, "unchanged": 8});
    assert_eq!(plans[0]["summary"], summary);
    let named = |list: &str, name: &str| {
        let items = plans[0][list].as_array().expect("a list").iter();
        items.filter(|item| item["name"] == name).cloned().collect::<Vec<_>>()
    };
    let reasons = json!([
        "image cart:1.4.2 -> cart:1.5.0",
        "environment variable DB_PASSWORD changed",
        "environment variable LOG removed",
        "environment variable MODE added",
        "file /etc/cart/limits.yaml changed",
    ]);
    let cart =
        json!({"name": "cart", "effect": "Restarts", "podsBefore": 2, "podsAfter": 2, "reasons": reasons});
    assert_eq!(named("services", "cart"), [cart]);
    assert_eq!(named("services", "legacy")[0]["effect"], "Stops");
    let objects = named("objects", "cart");
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").expect("it is there");
    let image = json!({
        "path": "spec.template.spec.containers[app].image", "hidden": false,
        "before": "registry.example/shop/cart:1.4.2", "after": "registry.example/shop/cart:1.5.0",
    });
    assert!(deployment["changes"].as_array().expect("a list").contains(&image), "{deployment:#}");
    assert!(!text.contains("hunter"), "{text}");
}

#[test]
fn a_foreign_object_of_the_name_is_told_as_refused() {
    let mut objects = running(SHOP);
    objects.retain(|object| object["metadata"]["name"] != "catalog");
    objects.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {},
        "metadata": {"name": "catalog", "namespace": "shop", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
    }));
    let ran = planned(&objects, SHOP, &["--exit-code"]);
    assert_eq!(ran.code, 3);
    assert_snapshot!(ran.stdout);
}

#[test]
fn a_name_that_another_app_has_is_told_as_refused() {
    let mut objects = running(SHOP);
    objects.retain(|object| object["metadata"]["name"] != "catalog");
    objects.push(json!({
        "apiVersion": "msapp.dev/v1alpha1", "kind": "MicroserviceApp",
        "spec": {"services": [{"name": "catalog"}]},
        "metadata": {"name": "older", "namespace": "shop", "uid": "o", "creationTimestamp": "2025-01-01T00:00:00Z"},
    }));
    let text = planned(&objects, SHOP, &[]).fine();
    assert!(
        text.contains("! Deployment catalog belongs to the MicroserviceApp older of the same namespace"),
        "{text}"
    );
    assert!(text.contains("5 refused, 10 unchanged"), "{text}");
}

#[test]
fn what_the_operator_will_not_do_now_is_said() {
    let suspended = SHOP.replace("spec:\n", "spec:\n  suspend: true\n");
    let with_secret = "    env: [{name: KEY, secret: {name: api, key: key}}]\n";
    let text = planned(&[json!({"kind": "x"})], &(suspended + with_secret), &[]).fine();
    for remark in ["The app is new.", "The app is suspended: ", "Secrets are not read: "] {
        assert!(text.contains(remark), "{text}");
    }
}

#[test]
fn a_config_map_in_the_same_files_counts_as_applied_too() {
    let flags = |beta: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: flags, namespace: shop}}\ndata: {{beta: '{beta}'}}\n---\n"
        )
    };
    let app = SHOP.replace("{name: LOG, value: info}", "{name: BETA, configMap: {name: flags, key: beta}}");
    let mut objects = running(&(flags("on") + &app));
    objects.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"beta": "on"}, "metadata": {"name": "flags", "namespace": "shop"},
    }));
    assert!(planned(&objects, &app, &[]).fine().contains("nothing to do"));
    let text = planned(&objects, &(flags("off") + &app), &[]).fine();
    assert!(text.contains("restarts: cart (ConfigMap flags)"), "{text}");
    objects.pop();
    let text = planned(&objects, &app, &[]).fine();
    assert!(text.contains("… Deployment cart waits for ConfigMap flags"), "{text}");
}

#[test]
fn a_resource_with_mistakes_is_not_planned() {
    let ran = planned(&running(SHOP), &SHOP.replace("name: catalog, env", "name: catlog, env"), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("did you mean \"catalog\"?"), "{}", ran.stderr);
}

fn refused(ran: Ran) -> String {
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    ran.stderr
}

#[test]
fn a_file_without_managed_fields_says_how_to_get_them() {
    let mut objects = running(SHOP);
    for object in &mut objects {
        object["metadata"].as_object_mut().expect("an object").remove("managedFields");
    }
    let told = refused(planned(&objects, SHOP, &[]));
    assert_eq!(
        told,
        "error: live.json does not tell who owns the fields of ServiceAccount cart: write it with `kubectl get … --show-managed-fields`\n"
    );
    let directory = Directory::with(&[("empty.yaml", ""), ("shop.yaml", SHOP)]);
    let ran = directory.msapp(&["plan", "shop.yaml", "--observed", "empty.yaml"]);
    assert_eq!(refused(ran), "error: empty.yaml holds no objects\n");
}

#[test]
fn a_list_without_items_is_a_namespace_where_nothing_runs_yet() {
    let ran = planned(&[], SHOP, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("The app is new."), "{}", ran.stdout);
}

/// An API server that holds these objects, and a directory with a kubeconfig for it and the resource.
fn cluster(
    objects: Vec<Value>,
    resource: &str,
    otherwise: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
) -> Directory {
    let directory = serve(move |path| otherwise(path).unwrap_or_else(|| answer(&objects, path)));
    fs::write(directory.path().join("shop.yaml"), resource).expect("it can be written");
    directory
}

/// `/apis/apps/v1/namespaces/shop/deployments?labelSelector=…` or `…/deployments/cart`
fn answer(objects: &[Value], path: &str) -> Answer {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let Some((_, rest)) = path.split_once("/namespaces/shop/") else {
        return (
            200,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}).to_string(),
        );
    };
    let (plural, name) = rest.split_once('/').unwrap_or((rest, ""));
    let kind = ChildKind::ALL
        .iter()
        .find(|kind| kind.plural() == plural)
        .map_or("MicroserviceApp", |kind| kind.as_str());
    let of_kind = objects.iter().filter(|object| object["kind"] == kind);
    let found: Vec<&Value> = of_kind
        .filter(|object| name.is_empty() || object["metadata"]["name"] == name)
        .filter(|object| {
            !query.contains("labelSelector") || object["metadata"]["labels"]["msapp.dev/app"] == "shop"
        })
        .collect();
    match found.as_slice() {
        [object] if !name.is_empty() => (200, object.to_string()),
        [] if !name.is_empty() => failure(404, "NotFound", "not found"),
        items => {
            (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}).to_string())
        }
    }
}

#[test]
fn a_cluster_is_read_like_a_file() {
    let mut objects = running(SHOP);
    let text = cluster(objects.clone(), &edited(), |_| None).msapp(&["plan", "shop.yaml"]).fine();
    assert_eq!(text, planned(&objects, &edited(), &[]).fine());
    // What somebody else made has not the label of the app, and is found by its name.
    objects.retain(|object| object["metadata"]["name"] != "catalog");
    objects.push(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "catalog", "namespace": "shop"}, "spec": {},
    }));
    let text = cluster(objects, SHOP, |_| None).msapp(&["plan", "shop.yaml"]).fine();
    assert!(text.contains("! Service catalog exists already and belongs to somebody else"), "{text}");
}

#[test]
fn what_keeps_a_plan_from_being_made_is_told_in_one_sentence() {
    let told = |path: &'static str, answer: fn() -> Answer| {
        let directory = cluster(Vec::new(), SHOP, move |asked| asked.contains(path).then(answer));
        refused(directory.msapp(&["plan", "shop.yaml"]))
    };
    let missing = || (404, "404 page not found\n".to_owned());
    assert!(
        told("microserviceapps", missing)
            .starts_with("error: this cluster does not know MicroserviceApps; install")
    );
    let forbidden = || failure(403, "Forbidden", "networkpolicies.networking.k8s.io is forbidden");
    assert_eq!(
        told("networkpolicies", forbidden),
        "error: you may not list networkpolicies in namespace shop: networkpolicies.networking.k8s.io is forbidden\n"
    );
    let nowhere = || failure(404, "NotFound", "namespaces \"shop\" not found");
    let namespace = cluster(Vec::new(), SHOP, move |asked| asked.ends_with("/namespaces/shop").then(nowhere));
    assert_eq!(
        refused(namespace.msapp(&["plan", "shop.yaml"])),
        "error: there is no namespace shop; make it with `kubectl create namespace shop`\n"
    );
}

#[test]
fn options_that_make_no_sense_together_are_refused() {
    let directory = kubeconfig("127.0.0.1:1");
    for arguments in [&["plan"][..], &["plan", "x.yaml", "--observed", "y", "--context", "z"]] {
        assert_eq!(directory.msapp(arguments).code, 2, "{arguments:?}");
    }
}
