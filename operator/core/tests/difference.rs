//! What a change of a resource is told to do, against objects as the API server would hold them.

#[path = "properties/live.rs"]
mod live;

use std::collections::{BTreeMap, BTreeSet};

use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::difference::{
    Alteration, Difference, Effect, Facts, FieldChange, Forecast, Reason, Totals, Verdict, difference,
    keep_unread_digests, reference_changes,
};
use msapp_core::graph::{self, App};
use msapp_core::observed::{Observed, project_child};
use msapp_core::plan::{Awaited, Refusal, plan};
use msapp_core::reference::{ReferenceKey, ReferenceKind, ReferenceState, References};
use msapp_core::source::Source;
use msapp_core::{build, labels};
use serde_json::{Value, json};

const UID: &str = "uid-1";

fn app(services: Value) -> App {
    app_of(json!({"services": services}))
}

fn app_of(spec: Value) -> App {
    let source =
        Source { name: "shop".into(), namespace: "shop".into(), generation: 1, spec, ..Source::default() };
    graph::resolve(&source).expect("valid")
}

/// The app of a shop with two services.
fn shop() -> Value {
    json!([
        {"name": "cart", "image": "registry.example/cart:1", "replicas": 2,
         "ports": [{"name": "http", "port": 80}], "dependencies": [{"name": "catalog"}],
         "env": [{"name": "LOG", "value": "info"}, {"name": "DB_PASSWORD", "value": "hunter2"}],
         "files": [{"path": "/etc/cart.yaml", "content": "limit: 1\ntoken: abc\n"}]},
        {"name": "catalog", "image": "registry.example/catalog:1", "ports": [{"name": "http", "port": 80}]},
    ])
}

/// A cluster in which some app runs.
struct Cluster {
    live: BTreeMap<ChildKey, Value>,
    known: References,
}

impl Cluster {
    fn running(app: &App) -> Self {
        let objects = build::objects(app);
        let stored = objects.iter().map(|object| (object.key.clone(), live::stored(&object.manifest, UID)));
        Self { live: stored.collect(), known: References::new() }
    }

    fn object(&mut self, kind: ChildKind, name: &str) -> &mut Value {
        self.live.get_mut(&ChildKey::new(kind, name)).expect("there")
    }

    fn observed(&self) -> Observed {
        let children = self.live.iter().map(|(key, object)| (key.clone(), project_child(key.kind, object)));
        Observed { children: children.collect(), ..Observed::default() }
    }

    /// What the app would change, with these references in its files.
    fn difference_with(&self, app: App, files: &References) -> Difference {
        let mut references = self.known.clone();
        references.extend(files.clone());
        let changed = reference_changes(&self.known, &references);
        let mut app = app.bound(&references);
        keep_unread_digests(&mut app, &references, &changed, &self.live);
        let observed = self.observed();
        let plan = plan(&app, UID, &build::objects(&app), &observed);
        difference(Facts { app: &app, plan: &plan, observed: &observed, live: &self.live, changed: &changed })
    }

    fn difference(&self, services: Value) -> Difference {
        self.difference_with(app(services), &References::new())
    }
}

/// The shop runs, and then something about it is edited.
fn after(edit: impl FnOnce(&mut Value)) -> Difference {
    let mut services = shop();
    let cluster = Cluster::running(&app(services.clone()));
    edit(&mut services);
    cluster.difference(services)
}

fn forecast<'a>(difference: &'a Difference, service: &str) -> &'a Forecast {
    difference.services.iter().find(|forecast| forecast.service == service).expect("a forecast")
}

fn restarts(difference: &Difference, service: &str) -> Vec<String> {
    match &forecast(difference, service).effect {
        Effect::Restarts(reasons) => reasons.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn verdict<'a>(difference: &'a Difference, kind: ChildKind, name: &str) -> &'a Verdict {
    let key = ChildKey::new(kind, name);
    &difference.children.iter().find(|child| child.key == key).unwrap_or_else(|| panic!("no {key}")).verdict
}

fn changes<'a>(difference: &'a Difference, kind: ChildKind, name: &str) -> &'a [FieldChange] {
    match verdict(difference, kind, name) {
        Verdict::Update { changes, .. } => changes,
        other => panic!("{other:?}"),
    }
}

fn told(changes: &[FieldChange]) -> Vec<String> {
    let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
    changes
        .iter()
        .map(|change| format!("{} {} {}", change.path, shown(&change.before), shown(&change.after)))
        .collect()
}

const CONTAINER: &str = "spec.template.spec.containers[app]";

#[test]
fn what_runs_as_declared_has_no_difference() {
    let difference = after(|_| {});
    assert!(difference.is_empty(), "{difference:#?}");
    assert!(difference.services.iter().all(|forecast| forecast.effect == Effect::Stays));
    assert_eq!((forecast(&difference, "cart").pods_before, forecast(&difference, "cart").pods_after), (2, 2));
}

#[test]
fn another_image_is_one_field_of_one_object_and_restarts_one_service() {
    let difference = after(|services| services[0]["image"] = json!("registry.example/cart:2"));
    let changes = changes(&difference, ChildKind::Deployment, "cart");
    assert_eq!(
        told(changes),
        [format!("{CONTAINER}.image \"registry.example/cart:1\" \"registry.example/cart:2\"")]
    );
    assert_eq!(restarts(&difference, "cart"), ["image cart:1 -> cart:2"]);
    assert_eq!(forecast(&difference, "catalog").effect, Effect::Stays);
    assert_eq!(difference.totals(), Totals { update: 1, unchanged: 10, ..Totals::default() });
}

#[test]
fn variables_are_added_removed_changed_and_reordered() {
    let difference = after(|services| {
        services[0]["env"] =
            json!([{"name": "MODE", "value": "fast"}, {"name": "DB_PASSWORD", "value": "hunter2"}]);
    });
    let added = format!("{CONTAINER}.env[MODE] - {{\"name\":\"MODE\",\"value\":\"fast\"}}");
    let removed = format!("{CONTAINER}.env[LOG] {{\"name\":\"LOG\",\"value\":\"info\"}} -");
    assert_eq!(told(changes(&difference, ChildKind::Deployment, "cart")), [added, removed]);
    let both = ["environment variable LOG removed", "environment variable MODE added"];
    assert_eq!(restarts(&difference, "cart"), both);

    let swapped = after(|services| services[0]["env"].as_array_mut().expect("a list").reverse());
    assert_eq!(restarts(&swapped, "cart"), ["order of the environment variables changed"]);
}

#[test]
fn a_credential_is_never_shown_and_a_change_of_it_is() {
    let difference = after(|services| {
        services[0]["env"][1]["value"] = json!("hunter3");
        services[0]["files"][0]["content"] = json!("limit: 2\ntoken: xyz\n");
    });
    let deployment = changes(&difference, ChildKind::Deployment, "cart");
    let variable =
        deployment.iter().find(|change| change.path.to_string().contains("DB_PASSWORD")).expect("told");
    let both = (&Some(json!("***")), &Some(json!("*** (another value)")));
    assert_eq!((&variable.before, &variable.after), both);
    assert!(variable.is_hidden);
    let [file] = changes(&difference, ChildKind::ConfigMap, "cart") else { panic!("{difference:#?}") };
    let both = ("limit: 1\ntoken: ***\n", "limit: 2\ntoken: *** (another value)\n");
    assert_eq!((&file.before, &file.after), (&Some(json!(both.0)), &Some(json!(both.1))));
    let text = format!("{difference:?}");
    assert!(!["hunter", "abc", "xyz"].iter().any(|secret| text.contains(secret)), "{text}");
    let both = ["environment variable DB_PASSWORD changed", "file /etc/cart.yaml changed"];
    assert_eq!(restarts(&difference, "cart"), both);
}

#[test]
fn a_new_file_and_a_file_that_goes_are_told_by_their_path() {
    let added = after(|services| {
        services[0]["files"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"path": "/etc/conf.d", "contents": {"a.yaml": "a", "b.yaml": "b"}}));
    });
    assert_eq!(restarts(&added, "cart"), ["file /etc/conf.d/a.yaml added", "file /etc/conf.d/b.yaml added"]);
    let removed = after(|services| services[0]["files"] = json!([]));
    assert_eq!(restarts(&removed, "cart"), ["file /etc/cart.yaml removed"]);
}

#[test]
fn a_dependency_that_moves_restarts_its_callers_and_says_which() {
    let difference = after(|services| services[1]["ports"][0]["port"] = json!(81));
    assert_eq!(
        restarts(&difference, "cart"),
        [
            "environment variable CATALOG_PORT changed",
            "environment variable CATALOG_URL changed",
            "connection to catalog changed"
        ]
    );
    // The container listens on another port.
    assert_eq!(restarts(&difference, "catalog"), ["ports changed"]);
}

#[test]
fn settings_are_told_by_their_name_in_the_resource() {
    let difference = after(|services| {
        services[1]["probes"] = json!({"path": "/healthz"});
        services[1]["resources"] = json!({"limits": {"memory": "64Mi"}});
        services[1]["gracefulStop"] = json!({"period": "90s"});
        services[1]["annotations"] = json!({"team.example/note": "x"});
        services[1]["scratch"] = json!([{"path": "/tmp"}]);
    });
    let expected = [
        "mount /tmp added",
        "annotation team.example/note changed",
        "gracefulStop changed",
        "probes changed",
        "resources changed",
    ];
    assert_eq!(restarts(&difference, "catalog"), expected);
}

#[test]
fn scaling_restarts_nothing() {
    let difference = after(|services| services[0]["replicas"] = json!(5));
    let cart = forecast(&difference, "cart");
    assert_eq!((&cart.effect, cart.pods_before, cart.pods_after), (&Effect::Stays, 2, 5));
    let auto = after(|services| {
        services[0].as_object_mut().expect("an object").remove("replicas");
        services[0]["autoscaling"] = json!({"minReplicas": 3, "maxReplicas": 9, "cpu": 70});
        services[0]["resources"] = json!({"requests": {"cpu": "100m"}});
    });
    assert_eq!((forecast(&auto, "cart").pods_before, forecast(&auto, "cart").pods_after), (2, 3));
    assert_eq!(*verdict(&auto, ChildKind::HorizontalPodAutoscaler, "cart"), Verdict::Create);
}

#[test]
fn a_service_that_is_no_longer_declared_stops_and_its_policy_goes_too() {
    let difference = after(|services| {
        services[0]["dependencies"] = json!([]);
        services.as_array_mut().expect("a list").pop();
    });
    let catalog = forecast(&difference, "catalog");
    assert_eq!((&catalog.effect, catalog.pods_before, catalog.pods_after), (&Effect::Stops, 1, 0));
    assert_eq!(*verdict(&difference, ChildKind::NetworkPolicy, "catalog"), Verdict::Delete);
    assert_eq!(
        restarts(&difference, "cart"),
        [
            "environment variable CATALOG_HOST removed",
            "environment variable CATALOG_PORT removed",
            "environment variable CATALOG_URL removed",
            "connection to catalog removed"
        ]
    );
    // The rule that let it out goes, in its own words.
    let [rule] = changes(&difference, ChildKind::NetworkPolicy, "cart") else { panic!("{difference:#?}") };
    assert_eq!((rule.path.to_string().as_str(), &rule.after), ("spec.egress[*]", &None));
}

#[test]
fn everything_starts_in_an_empty_namespace() {
    let cluster = Cluster { live: BTreeMap::new(), known: References::new() };
    let difference = cluster.difference(shop());
    assert_eq!(difference.totals(), Totals { create: 11, ..Totals::default() });
    let cart = forecast(&difference, "cart");
    assert_eq!((&cart.effect, cart.pods_before, cart.pods_after), (&Effect::Starts, 0, 2));
    assert_eq!(forecast(&difference, "catalog").pods_after, 1);
}

#[test]
fn what_others_own_and_what_the_api_server_adds_is_no_difference() {
    let mut cluster = Cluster::running(&app(shop()));
    let deployment = cluster.object(ChildKind::Deployment, "cart");
    let pod = &mut deployment["spec"]["template"]["spec"];
    pod["containers"].as_array_mut().expect("a list").insert(0, json!({"name": "proxy", "image": "envoy"}));
    pod["containers"][1]["env"]
        .as_array_mut()
        .expect("a list")
        .insert(0, json!({"name": "INJECTED", "value": "1"}));
    pod["priorityClassName"] = json!("high");
    assert!(cluster.difference(shop()).is_empty());
}

#[test]
fn what_somebody_changed_by_hand_is_put_back() {
    let mut cluster = Cluster::running(&app(shop()));
    cluster.object(ChildKind::Deployment, "cart")["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!("hotfix:9");
    cluster.object(ChildKind::Service, "cart")["metadata"]["ownerReferences"] = json!([]);
    let difference = cluster.difference(shop());
    assert_eq!(restarts(&difference, "cart"), ["image hotfix:9 -> cart:1"]);
    let owner = "metadata.ownerReferences - \"MicroserviceApp shop\"";
    assert_eq!(told(changes(&difference, ChildKind::Service, "cart")), [owner]);
}

#[test]
fn fields_that_somebody_took_over_without_changing_them_restart_nothing() {
    let mut cluster = Cluster::running(&app(shop()));
    let deployment = cluster.object(ChildKind::Deployment, "cart");
    deployment["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
        .as_object_mut()
        .expect("an object")
        .remove("f:replicas");
    let difference = cluster.difference(shop());
    let Verdict::Update { changes, taken_over, .. } = verdict(&difference, ChildKind::Deployment, "cart")
    else {
        panic!("{difference:#?}");
    };
    assert_eq!((changes.as_slice(), taken_over[0].to_string().as_str()), (&[][..], "spec.replicas"));
    assert_eq!(forecast(&difference, "cart").effect, Effect::Stays);
}

#[test]
fn a_manager_that_keeps_applying_the_same_field_blocks_the_update() {
    let mut services = shop();
    let mut cluster = Cluster::running(&app(services.clone()));
    let managers = &mut cluster.object(ChildKind::Deployment, "cart")["metadata"]["managedFields"];
    let fields = json!({"f:spec": {"f:replicas": {}}});
    managers
        .as_array_mut()
        .expect("a list")
        .push(json!({"manager": "flux", "operation": "Apply", "fieldsV1": fields}));
    services[0]["replicas"] = json!(3);
    let difference = cluster.difference(services);
    let Verdict::Update { contested, .. } = verdict(&difference, ChildKind::Deployment, "cart") else {
        panic!("{difference:#?}");
    };
    assert_eq!(*contested, [("flux".to_owned(), vec!["spec.replicas".to_owned()])]);
    let cart = forecast(&difference, "cart");
    let deployment = ChildKey::new(ChildKind::Deployment, "cart");
    assert_eq!((&cart.effect, cart.pods_after), (&Effect::Blocked(vec![deployment]), 2));
    assert_eq!(difference.totals().refused, 1);
}

#[test]
fn a_foreign_object_that_pods_need_blocks_them_and_one_that_they_do_not_need_does_not() {
    for (kind, effect) in [
        (ChildKind::ConfigMap, Effect::Blocked(vec![ChildKey::new(ChildKind::ConfigMap, "cart")])),
        (ChildKind::Service, Effect::Starts),
    ] {
        let foreign =
            json!({"metadata": {"name": "cart", "labels": {"app.kubernetes.io/managed-by": "Helm"}}});
        let live = BTreeMap::from([(ChildKey::new(kind, "cart"), foreign)]);
        let difference = Cluster { live, known: References::new() }.difference(shop());
        let refused = Verdict::Refuse(Refusal::Foreign("field manager \"Helm\"".into()));
        assert_eq!(*verdict(&difference, kind, "cart"), refused);
        assert_eq!(forecast(&difference, "cart").effect, effect);
    }
}

fn with_flag() -> Value {
    json!([{"name": "cart", "image": "cart:1", "env": [
        {"name": "BETA", "configMap": {"name": "flags", "key": "beta"}},
        {"name": "TOKEN", "secret": {"name": "api", "key": "token"}},
    ]}])
}

fn flags(beta: &str, other: &str) -> References {
    let key = ReferenceKey { kind: ReferenceKind::ConfigMap, name: "flags".into() };
    let entries = BTreeMap::from([("beta".into(), beta.into()), ("other".into(), other.into())]);
    References::from([(key, ReferenceState::Present(entries))])
}

/// The operator has read the Secret too.
fn with_flag_running() -> Cluster {
    let mut all = flags("on", "1");
    let key = ReferenceKey { kind: ReferenceKind::Secret, name: "api".into() };
    all.insert(key, ReferenceState::Present(BTreeMap::from([("token".into(), "keyed".into())])));
    Cluster { known: flags("on", "1"), ..Cluster::running(&app(with_flag()).bound(&all)) }
}

#[test]
fn the_digest_of_a_secret_that_nobody_may_read_is_kept() {
    let cluster = with_flag_running();
    assert!(cluster.difference(with_flag()).is_empty());
    // An entry that the service does not use changes nothing.
    assert!(cluster.difference_with(app(with_flag()), &flags("on", "2")).is_empty());
}

#[test]
fn an_entry_of_a_config_map_that_is_used_restarts_the_pods() {
    let difference = with_flag_running().difference_with(app(with_flag()), &flags("off", "2"));
    assert_eq!(restarts(&difference, "cart"), ["ConfigMap flags changed (beta)"]);
    let [digest] = changes(&difference, ChildKind::Deployment, "cart") else { panic!("{difference:#?}") };
    let path = format!("spec.template.metadata.annotations[{}]", labels::REFERENCE_DIGEST);
    assert_eq!(digest.path.to_string(), path);
}

#[test]
fn a_reference_that_goes_is_told_by_its_variable_alone() {
    let mut services = with_flag();
    services[0]["env"].as_array_mut().expect("a list").remove(0);
    let difference = with_flag_running().difference(services);
    assert_eq!(restarts(&difference, "cart"), ["environment variable BETA removed"]);
}

#[test]
fn pods_wait_for_a_config_map_that_is_missing() {
    let mut cluster = Cluster { live: BTreeMap::new(), known: References::new() };
    let key = ReferenceKey { kind: ReferenceKind::ConfigMap, name: "flags".into() };
    cluster.known.insert(key, ReferenceState::Missing);
    let difference = cluster.difference(with_flag());
    let awaited = Effect::Waits(vec![Awaited::Reference("ConfigMap flags".into())]);
    assert_eq!(forecast(&difference, "cart").effect, awaited);
    assert_eq!(difference.totals().held, 1);
}

#[test]
fn reasons_have_a_short_form() {
    let difference = after(|services| {
        services[0]["image"] = json!("registry.example/cart:2");
        services[0]["files"][0]["content"] = json!("limit: 2\n");
    });
    let Effect::Restarts(reasons) = &forecast(&difference, "cart").effect else { panic!("{difference:#?}") };
    assert_eq!(reasons.iter().map(Reason::short).collect::<Vec<_>>(), ["image", "file /etc/cart.yaml"]);
    let entries = BTreeSet::from(["beta".to_owned()]);
    let key = ReferenceKey { kind: ReferenceKind::ConfigMap, name: "flags".into() };
    assert_eq!(Reason::Reference(key, entries).short(), "ConfigMap flags");
    assert_eq!(Reason::Variable("LOG".into(), Alteration::Added).short(), "LOG");
}
