//! What the planner decides, against what a real API server would hold.

use std::collections::BTreeMap;

use msapp_core::desired::{ChildKey, ChildKind, DesiredSet};
use msapp_core::fields::{Fields, Rival, digest_of};
use msapp_core::graph::{self, App};
use msapp_core::observed::{Child, Observed, Owner, Pod, Workload};
use msapp_core::plan::{Action, Awaited, Plan, Refusal, plan, waits_for};
use msapp_core::reference::{ReferenceKey, ReferenceKind, ReferenceState};
use msapp_core::source::{Binding, Source};
use msapp_core::{build, labels};
use serde_json::{Value, json};

const UID: &str = "uid-1";

fn app(services: Value) -> App {
    let spec = json!({"services": services});
    graph::resolve(&Source {
        name: "shop".into(),
        namespace: "shop".into(),
        generation: 1,
        spec,
        ..Source::default()
    })
    .expect("valid")
}

fn cart() -> Value {
    json!({"name": "cart", "image": "cart:1", "ports": [{"name": "http", "port": 80}]})
}

/// The child as the API server holds it right after the manifest was applied.
fn applied(kind: ChildKind, name: &str, manifest: &Value) -> Child {
    let workload = (kind == ChildKind::Deployment).then(|| Workload {
        selector: labels::selector("shop", name),
        replicas: 1,
        generation: 1,
        observed_generation: 1,
        reference_digest: manifest["spec"]["template"]["metadata"]["annotations"][labels::REFERENCE_DIGEST]
            .as_str()
            .map(str::to_owned),
        ..Workload::default()
    });
    let replicas =
        manifest["spec"]["replicas"].as_i64().map(|replicas| i32::try_from(replicas).expect("small"));
    Child {
        uid: format!("{kind}-{name}"),
        resource_version: "7".into(),
        owner: Owner::App { name: "shop".into(), uid: Some(UID.into()) },
        deleting: false,
        fields: Fields { digest: digest_of(manifest), replicas },
        rivals: Vec::new(),
        workload,
    }
}

fn all_applied(desired: &DesiredSet) -> Observed {
    let children: BTreeMap<ChildKey, Child> = desired
        .iter()
        .map(|object| (object.key.clone(), applied(object.key.kind, &object.key.name, &object.manifest)))
        .collect();
    Observed { children, ..Observed::default() }
}

fn action<'a>(plan: &'a Plan, kind: ChildKind, name: &str) -> &'a Action {
    let key = ChildKey::new(kind, name);
    &plan.steps.iter().find(|step| step.key == key).unwrap_or_else(|| panic!("no step for {key}")).action
}

fn deployment() -> ChildKey {
    ChildKey::new(ChildKind::Deployment, "cart")
}

#[test]
fn everything_is_created_in_an_empty_namespace_policies_before_pods() {
    let app = app(json!([cart()]));
    let plan = plan(&app, UID, &build::objects(&app), &Observed::default());
    let kinds: Vec<ChildKind> = plan.steps.iter().map(|step| step.key.kind).collect();
    let expected = [
        ChildKind::ServiceAccount,
        ChildKind::ConfigMap,
        ChildKind::NetworkPolicy,
        ChildKind::Service,
        ChildKind::Deployment,
    ];
    assert_eq!(kinds, expected);
    assert!(plan.steps.iter().all(|step| matches!(step.action, Action::Create(_))));
}

#[test]
fn a_plan_against_its_own_output_keeps_everything() {
    let app = app(json!([cart(), {"name": "worker", "image": "w:1", "replicas": 3}]));
    let desired = build::objects(&app);
    let plan = plan(&app, UID, &desired, &all_applied(&desired));
    assert!(plan.steps.iter().all(|step| step.action == Action::Keep), "{plan:?}");
}

#[test]
fn an_edited_image_updates_one_deployment() {
    let desired = build::objects(&app(json!([cart()])));
    let observed = all_applied(&desired);
    let mut edited = cart();
    edited["image"] = json!("cart:2");
    let app = app(json!([edited]));
    let plan = plan(&app, UID, &build::objects(&app), &observed);
    let changed: Vec<&ChildKey> =
        plan.steps.iter().filter(|step| step.action != Action::Keep).map(|step| &step.key).collect();
    assert_eq!(changed, [&deployment()]);
    assert!(matches!(action(&plan, ChildKind::Deployment, "cart"), Action::Update { force: true, .. }));
}

#[test]
fn a_foreign_object_and_an_object_of_another_app_are_refused() {
    let app = app(json!([cart()]));
    let desired = build::objects(&app);
    for (owner, refusal) in [
        (Owner::Foreign("Helm".into()), Refusal::Foreign("Helm".into())),
        (Owner::App { name: "other".into(), uid: Some("x".into()) }, Refusal::OtherApp("other".into())),
    ] {
        let mut observed = all_applied(&desired);
        observed.children.get_mut(&deployment()).expect("there").owner = owner;
        let plan = plan(&app, UID, &desired, &observed);
        assert_eq!(*action(&plan, ChildKind::Deployment, "cart"), Action::Refuse(refusal));
    }
}

#[test]
fn a_name_that_an_older_app_claims_is_refused_before_either_has_written() {
    let app = app(json!([cart()]));
    let observed =
        Observed { claims: BTreeMap::from([("cart".into(), "older".into())]), ..Observed::default() };
    let plan = plan(&app, UID, &build::objects(&app), &observed);
    assert!(plan.steps.iter().all(|step| step.action == Action::Refuse(Refusal::OtherApp("older".into()))));
}

#[test]
fn a_child_of_a_former_app_of_the_same_name_is_left_to_garbage_collection() {
    let app = app(json!([cart()]));
    let desired = build::objects(&app);
    let mut observed = all_applied(&desired);
    observed.children.get_mut(&deployment()).expect("there").owner =
        Owner::App { name: "shop".into(), uid: Some("former".into()) };
    let plan = plan(&app, UID, &desired, &observed);
    assert_eq!(*action(&plan, ChildKind::Deployment, "cart"), Action::AwaitDeletion);
}

#[test]
fn a_lost_owner_reference_is_put_back() {
    let app = app(json!([cart()]));
    let desired = build::objects(&app);
    let mut observed = all_applied(&desired);
    observed.children.get_mut(&deployment()).expect("there").owner =
        Owner::App { name: "shop".into(), uid: None };
    let plan = plan(&app, UID, &desired, &observed);
    assert!(matches!(action(&plan, ChildKind::Deployment, "cart"), Action::Update { .. }));
}

#[test]
fn a_manager_that_applies_the_same_field_is_not_overridden_and_one_that_wrote_it_once_is() {
    let app = app(json!([cart()]));
    let desired = build::objects(&app);
    for (applies, expected) in [(true, false), (false, true)] {
        let mut observed = all_applied(&desired);
        let child = observed.children.get_mut(&deployment()).expect("there");
        child.fields.digest = "without the image".into();
        let fields = json!({"f:spec": {"f:template": {"f:spec": {"f:containers":
            {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}});
        child.rivals = vec![Rival { manager: "rival".into(), applies, fields }];
        let plan = plan(&app, UID, &desired, &observed);
        let Action::Update { force, .. } = action(&plan, ChildKind::Deployment, "cart") else {
            panic!("{plan:?}");
        };
        assert_eq!(*force, expected);
    }
}

#[test]
fn the_number_of_pods_is_handed_to_the_autoscaler_without_a_write_and_never_reset() {
    let mut fixed = cart();
    fixed["replicas"] = json!(5);
    let mut observed = all_applied(&build::objects(&app(json!([fixed]))));
    let mut scaled = cart();
    scaled["autoscaling"] = json!({"minReplicas": 2, "maxReplicas": 9});
    let app = app(json!([scaled]));
    let desired = build::objects(&app);
    assert!(desired.find(&deployment()).expect("there").manifest["spec"]["replicas"].is_null());
    let handed_over = plan(&app, UID, &desired, &observed);
    assert_eq!(
        *action(&handed_over, ChildKind::Deployment, "cart"),
        Action::Keep,
        "5 stays ours until it is taken"
    );

    let mut taken = desired.find(&deployment()).expect("there").manifest.clone();
    taken["spec"].as_object_mut().expect("object").remove("replicas");
    observed.children.insert(deployment(), applied(ChildKind::Deployment, "cart", &taken));
    let afterwards = plan(&app, UID, &desired, &observed);
    assert_eq!(
        *action(&afterwards, ChildKind::Deployment, "cart"),
        Action::Keep,
        "the autoscaler wrote it: no longer ours"
    );
}

#[test]
fn an_autoscaler_goes_before_its_deployment_gets_a_fixed_number() {
    let mut scaled = cart();
    scaled["autoscaling"] = json!({"minReplicas": 2, "maxReplicas": 9});
    let observed = all_applied(&build::objects(&app(json!([scaled]))));
    let mut fixed = cart();
    fixed["replicas"] = json!(4);
    let app = app(json!([fixed]));
    let plan = plan(&app, UID, &build::objects(&app), &observed);
    assert_eq!(plan.steps[0].key.kind, ChildKind::HorizontalPodAutoscaler);
    assert!(matches!(plan.steps[0].action, Action::Prune { .. }));
}

fn pruned(plan: &Plan) -> Vec<String> {
    let pruned = plan.steps.iter().filter(|step| matches!(step.action, Action::Prune { .. }));
    pruned.map(|step| step.key.to_string()).collect()
}

fn pod(service: &str) -> Pod {
    Pod { name: format!("{service}-0"), service: service.to_owned(), deleting: true, ..Pod::default() }
}

#[test]
fn a_service_that_is_gone_is_pruned_exactly_and_its_policy_stays_until_its_last_pod_has_ended() {
    let mut observed = all_applied(&build::objects(&app(json!([cart(), {"name": "old", "image": "o:1"}]))));
    let app = app(json!([cart()]));
    let plan_against = |observed: &Observed| plan(&app, UID, &build::objects(&app), observed);
    let held = Action::Hold(vec![Awaited::PodsGone("old".into())]);

    let first = plan_against(&observed);
    assert_eq!(pruned(&first), ["Deployment old", "ConfigMap old", "ServiceAccount old"]);
    assert_eq!(*action(&first, ChildKind::NetworkPolicy, "old"), held);
    let Action::Prune { uid, resource_version, .. } = action(&first, ChildKind::Deployment, "old") else {
        panic!("{first:?}");
    };
    assert_eq!((uid.as_str(), resource_version.as_str()), ("Deployment-old", "7"));

    let old = |kind| ChildKey::new(kind, "old");
    observed.children.get_mut(&old(ChildKind::Deployment)).expect("there").deleting = true;
    assert_eq!(*action(&plan_against(&observed), ChildKind::NetworkPolicy, "old"), held);
    observed.children.retain(|key, _| key.name != "old" || key.kind == ChildKind::NetworkPolicy);
    observed.pods = vec![pod("old")];
    assert_eq!(*action(&plan_against(&observed), ChildKind::NetworkPolicy, "old"), held);
    observed.pods = vec![pod("cart")];
    assert_eq!(pruned(&plan_against(&observed)), ["NetworkPolicy old"]);
}

#[test]
fn a_deployment_without_pods_ends_only_when_nothing_is_left_that_could_make_one() {
    let mut observed = all_applied(&build::objects(&app(json!([cart(), {"name": "old", "image": "o:1"}]))));
    let app = app(json!([cart()]));
    for (pods, first) in [(vec![], true), (vec![pod("old")], false)] {
        observed.pods = pods;
        let plan = plan(&app, UID, &build::objects(&app), &observed);
        let Action::Prune { dependents_first, .. } = action(&plan, ChildKind::Deployment, "old") else {
            panic!("{plan:?}");
        };
        assert_eq!(*dependents_first, first);
    }
}

#[test]
fn a_policy_that_is_switched_off_goes_at_once() {
    let mut observed = all_applied(&build::objects(&app(json!([cart()]))));
    observed.pods = vec![pod("cart")];
    let spec = json!({"services": [cart()], "network": {"isolation": "Disabled"}});
    let app = graph::resolve(&Source { name: "shop".into(), spec, ..Source::default() }).expect("valid");
    let plan = plan(&app, UID, &build::objects(&app), &observed);
    assert_eq!(pruned(&plan), ["NetworkPolicy cart"]);
}

fn waiting_app() -> App {
    let mut waiting = cart();
    waiting["dependencies"] = json!([{"name": "db", "startAfter": true}]);
    app(json!([waiting, {"name": "db", "image": "db:1", "ports": [{"name": "sql", "port": 5432}]}]))
}

#[test]
fn the_first_creation_waits_for_its_predecessor_and_nothing_else_does() {
    let app = waiting_app();
    let desired = build::objects(&app);
    let empty = plan(&app, UID, &desired, &Observed::default());
    let held = Action::Hold(vec![Awaited::Service("db".into())]);
    assert_eq!(*action(&empty, ChildKind::Deployment, "cart"), held);
    assert!(matches!(action(&empty, ChildKind::Service, "cart"), Action::Create(_)));

    let mut observed = all_applied(&desired);
    observed.children.remove(&deployment());
    let db = ChildKey::new(ChildKind::Deployment, "db");
    // Pods of this version, pods of any, pods that are up.
    let mut pods = |updated, current, available| {
        let workload = observed.children.get_mut(&db).expect("there").workload.as_mut().expect("a workload");
        (workload.updated, workload.current, workload.available) = (updated, current, available);
        action(&plan(&app, UID, &desired, &observed), ChildKind::Deployment, "cart").clone()
    };
    for (what, waits) in [
        ("none is up", pods(1, 1, 0)),
        ("one of an older version serves", pods(0, 1, 1)),
        ("the old one is not gone", pods(1, 2, 2)),
    ] {
        assert_eq!(waits, held, "{what}");
    }
    assert!(matches!(pods(1, 1, 1), Action::Create(_)));
}

#[test]
fn nothing_starts_after_a_service_that_its_autoscaler_has_not_raised_yet() {
    let mut waiting = cart();
    waiting["dependencies"] = json!([{"name": "db", "startAfter": true}]);
    let db = json!({"name": "db", "image": "db:1", "ports": [{"name": "sql", "port": 5432}],
        "autoscaling": {"minReplicas": 2, "maxReplicas": 3}});
    let app = app(json!([waiting, db]));
    let desired = build::objects(&app);
    let mut observed = all_applied(&desired);
    observed.children.remove(&deployment());
    for (replicas, starts) in [(1, false), (2, true)] {
        let key = ChildKey::new(ChildKind::Deployment, "db");
        let workload = observed.children.get_mut(&key).expect("there").workload.as_mut().expect("a workload");
        workload.replicas = replicas;
        (workload.updated, workload.current, workload.available) = (replicas, replicas, replicas);
        let plan = plan(&app, UID, &desired, &observed);
        let created = matches!(action(&plan, ChildKind::Deployment, "cart"), Action::Create(_));
        assert_eq!(created, starts, "{replicas}");
    }
}

#[test]
fn an_update_and_a_repair_are_never_held_by_an_unready_predecessor() {
    let app = waiting_app();
    let desired = build::objects(&app);
    let mut observed = all_applied(&desired);
    observed.children.get_mut(&deployment()).expect("there").fields.digest = "drifted".into();
    let drifted = plan(&app, UID, &desired, &observed);
    assert!(matches!(action(&drifted, ChildKind::Deployment, "cart"), Action::Update { .. }));
    observed.children.remove(&deployment());
    observed.started.insert("cart".into());
    let deleted = plan(&app, UID, &desired, &observed);
    assert!(matches!(action(&deleted, ChildKind::Deployment, "cart"), Action::Create(_)));
}

#[test]
fn a_missing_secret_holds_the_pods_and_is_named_and_what_runs_keeps_running() {
    let mut with_secret = cart();
    with_secret["env"] = json!([{"name": "TOKEN", "secret": {"name": "api", "key": "token"}}]);
    let key = ReferenceKey { kind: ReferenceKind::Secret, name: "api".into() };
    let bound = |state| app(json!([with_secret])).bound(&BTreeMap::from([(key.clone(), state)]));
    let observed = all_applied(&build::objects(&app(json!([cart()]))));
    for (state, awaited) in [
        (ReferenceState::Missing, "Secret api"),
        (ReferenceState::Present(BTreeMap::from([("other".into(), "d".into())])), "key token of Secret api"),
    ] {
        let app = bound(state);
        let desired = build::objects(&app);
        let held = Action::Hold(vec![Awaited::Reference(awaited.into())]);
        let first = plan(&app, UID, &desired, &Observed::default());
        assert_eq!(*action(&first, ChildKind::Deployment, "cart"), held);
        assert_eq!(*action(&plan(&app, UID, &desired, &observed), ChildKind::Deployment, "cart"), held);
    }
    let app = bound(ReferenceState::Present(BTreeMap::from([("token".into(), "d".into())])));
    let found = plan(&app, UID, &build::objects(&app), &observed);
    assert!(matches!(action(&found, ChildKind::Deployment, "cart"), Action::Update { .. }));
}

#[test]
fn only_the_content_that_a_service_uses_changes_its_pods() {
    let mut with_key = cart();
    with_key["env"] = json!([{"name": "TOKEN", "secret": {"name": "api", "key": "token"}}]);
    let key = ReferenceKey { kind: ReferenceKind::Secret, name: "api".into() };
    let template = |token: &str, other: &str| {
        let entries = BTreeMap::from([("token".into(), token.into()), ("other".into(), other.into())]);
        let app =
            app(json!([with_key])).bound(&BTreeMap::from([(key.clone(), ReferenceState::Present(entries))]));
        build::objects(&app).find(&deployment()).expect("there").manifest["spec"]["template"].clone()
    };
    assert_eq!(template("a", "x"), template("a", "y"));
    assert_ne!(template("a", "x"), template("b", "x"));
}

#[test]
fn a_selector_that_differs_is_explained_and_not_tried() {
    let app = app(json!([cart()]));
    let desired = build::objects(&app);
    let mut observed = all_applied(&desired);
    let child = observed.children.get_mut(&deployment()).expect("there");
    child.fields.digest = "another".into();
    child.workload.as_mut().expect("a workload").selector = BTreeMap::from([("app".into(), "cart".into())]);
    let plan = plan(&app, UID, &desired, &observed);
    let refused = Action::Refuse(Refusal::Immutable("spec.selector".into()));
    assert_eq!(*action(&plan, ChildKind::Deployment, "cart"), refused);
}

/// Services that use the same Secret: each is named with those that it calls.
fn sharing(services: &[(&str, &[&str])], content: &str) -> App {
    let services = services.iter().map(|(name, callees)| {
        let dependencies: Vec<Value> =
            callees.iter().map(|callee| json!({"name": callee, "optional": true})).collect();
        json!({"name": name, "image": "any:1", "ports": [{"name": "http", "port": 80}], "dependencies": dependencies,
            "env": [{"name": "TOKEN", "secret": {"name": "api", "key": "token"}}]})
    });
    let key = ReferenceKey { kind: ReferenceKind::Secret, name: "api".into() };
    let entries = BTreeMap::from([("token".into(), content.into())]);
    app(services.collect()).bound(&BTreeMap::from([(key, ReferenceState::Present(entries))]))
}

/// What is there once all of it is up.
fn all_up(app: &App) -> Observed {
    let mut observed = all_applied(&build::objects(app));
    for workload in observed.children.values_mut().filter_map(|child| child.workload.as_mut()) {
        (workload.updated, workload.current, workload.available) = (1, 1, 1);
        workload.rolled_out = true;
    }
    observed
}

/// What each Deployment waits for, none when it is written now.
fn turns(app: &App, observed: &Observed) -> BTreeMap<String, Option<String>> {
    let plan = plan(app, UID, &build::objects(app), observed);
    let steps = plan.steps.into_iter().filter(|step| step.key.kind == ChildKind::Deployment);
    let turn = |action| match action {
        Action::Update { .. } => Some(None),
        Action::Hold(awaited) => Some(Some(waits_for(&awaited))),
        _ => None,
    };
    steps.filter_map(|step| Some((step.service, turn(step.action)?))).collect()
}

/// The Deployment of a service as it is right after the operator has written it.
fn written<'a>(app: &App, service: &str, observed: &'a mut Observed) -> &'a mut Workload {
    let key = ChildKey::new(ChildKind::Deployment, service);
    let manifest = build::objects(app).find(&key).expect("there").manifest.clone();
    observed.children.insert(key.clone(), applied(ChildKind::Deployment, service, &manifest));
    let workload = observed.children.get_mut(&key).and_then(|child| child.workload.as_mut());
    let workload = workload.expect("a workload");
    (workload.generation, workload.rolled_out) = (2, true);
    (workload.updated, workload.current, workload.available) = (1, 1, 1);
    workload
}

const FIRST: &str = "waits for cart, which takes up a changed Secret or ConfigMap first";

#[test]
fn a_changed_secret_reaches_callees_first_and_callers_once_their_rollout_is_through() {
    let services: [(&str, &[&str]); 2] = [("web", &["cart"]), ("cart", &[])];
    let (before, after) = (sharing(&services, "first"), sharing(&services, "second"));
    let mut observed = all_up(&before);
    let told = |turns: &[(&str, Option<&str>)]| -> BTreeMap<String, Option<String>> {
        turns.iter().map(|(name, waits)| ((*name).to_owned(), waits.map(str::to_owned))).collect()
    };
    assert_eq!(turns(&after, &observed), told(&[("cart", None), ("web", Some(FIRST))]));
    let workload = written(&after, "cart", &mut observed);
    assert_eq!((workload.generation, workload.observed_generation), (2, 1));
    assert_eq!(turns(&after, &observed), told(&[("web", Some(FIRST))]), "nobody has looked at it yet");
    let workload = written(&after, "cart", &mut observed);
    (workload.observed_generation, workload.available, workload.rolled_out) = (2, 0, false);
    assert_eq!(turns(&after, &observed), told(&[("web", Some(FIRST))]), "its pod is not up yet");
    written(&after, "cart", &mut observed).observed_generation = 2;
    assert_eq!(turns(&after, &observed), told(&[("web", None)]));
    written(&after, "web", &mut observed);
    assert_eq!(turns(&after, &observed), told(&[]), "each restarts once");
}

#[test]
fn a_callee_whose_rollout_came_to_nothing_or_that_fails_later_holds_nobody() {
    let services: [(&str, &[&str]); 2] = [("web", &["cart"]), ("cart", &[])];
    let (before, after) = (sharing(&services, "first"), sharing(&services, "second"));
    for (what, deadline_exceeded, rolled_out) in
        [("the deadline has passed", true, false), ("all pods were up", false, true)]
    {
        let mut observed = all_up(&before);
        let workload = written(&after, "cart", &mut observed);
        (workload.observed_generation, workload.available) = (2, 0);
        (workload.deadline_exceeded, workload.rolled_out) = (deadline_exceeded, rolled_out);
        assert_eq!(turns(&after, &observed)["web"], None, "{what}");
    }
}

#[test]
fn a_callee_that_will_not_be_written_holds_nobody() {
    let services: [(&str, &[&str]); 2] = [("web", &["cart"]), ("cart", &[])];
    let (before, after) = (sharing(&services, "first"), sharing(&services, "second"));
    let mut observed = all_up(&before);
    observed.children.get_mut(&deployment()).expect("there").owner = Owner::Foreign("Helm".into());
    assert_eq!(turns(&after, &observed), BTreeMap::from([("web".into(), None)]));
}

#[test]
fn services_that_call_each_other_take_a_changed_secret_up_together_before_who_calls_them() {
    let services: [(&str, &[&str]); 3] = [("web", &["cart"]), ("cart", &["prices"]), ("prices", &["cart"])];
    let observed = all_up(&sharing(&services, "first"));
    let turns = turns(&sharing(&services, "second"), &observed);
    let expected = [("cart", None), ("prices", None), ("web", Some(FIRST))];
    assert_eq!(turns, expected.map(|(name, waits)| (name.to_owned(), waits.map(str::to_owned))).into());
}

#[test]
fn the_order_holds_across_a_service_that_does_not_use_the_secret() {
    let services: [(&str, &[&str]); 3] = [("web", &["middle"]), ("middle", &["cart"]), ("cart", &[])];
    let with = |content: &str| {
        let mut app = sharing(&services, content);
        let middle = app.services.iter_mut().find(|service| service.name == "middle").expect("there");
        middle.references.clear();
        middle.reference_digest = None;
        app
    };
    let turns = turns(&with("second"), &all_up(&with("first")));
    assert_eq!(turns, BTreeMap::from([("cart".into(), None), ("web".into(), Some(FIRST.into()))]));
}

#[test]
fn an_edit_takes_a_changed_secret_along_at_once() {
    let services: [(&str, &[&str]); 2] = [("web", &["cart"]), ("cart", &[])];
    let observed = all_up(&sharing(&services, "first"));
    let mut edited = sharing(&services, "second");
    edited.services.iter_mut().find(|service| service.name == "web").expect("there").image = "any:2".into();
    assert_eq!(turns(&edited, &observed)["web"], None);
}

#[test]
fn a_first_creation_waits_for_no_rotation() {
    let services: [(&str, &[&str]); 2] = [("web", &["cart"]), ("cart", &[])];
    let mut observed = all_up(&sharing(&services, "first"));
    observed.children.remove(&ChildKey::new(ChildKind::Deployment, "web"));
    let app = sharing(&services, "second");
    let plan = plan(&app, UID, &build::objects(&app), &observed);
    assert!(matches!(action(&plan, ChildKind::Deployment, "web"), Action::Create(_)));
}

#[test]
fn a_service_waits_for_a_provisioned_service_that_has_told_no_secret_unless_it_can_do_without() {
    let held = |optional: bool, binding: Binding| {
        let managed = json!({"apiVersion": "db.example/v1", "kind": "Database", "name": "orders"});
        let dependency = json!({"name": "db", "optional": optional});
        let spec = json!({"services": [{"name": "cart", "image": "cart:1", "dependencies": [dependency]}],
            "backingServices": [{"name": "db", "engine": "PostgreSQL", "managedBy": {"provisionedService": managed}}]});
        let mut source = Source { name: "shop".into(), spec, ..Source::default() };
        let service = source.provisioned_services().pop_first().expect("one is referred to");
        source.bindings.insert(service, binding);
        let app = graph::resolve(&source).expect("valid");
        let secrets: Vec<String> = app.references().into_iter().map(|reference| reference.name).collect();
        let known = secrets.iter().map(|name| {
            let key = ReferenceKey { kind: ReferenceKind::Secret, name: name.clone() };
            (key, ReferenceState::Missing)
        });
        let app = app.bound(&known.collect());
        let plan = plan(&app, UID, &build::objects(&app), &Observed::default());
        match action(&plan, ChildKind::Deployment, "cart") {
            Action::Hold(awaited) => waits_for(awaited),
            _ => "starts".to_owned(),
        }
    };
    let pending = "waits for status.binding.name of Database orders";
    assert_eq!(held(false, Binding::Pending), pending);
    assert_eq!(held(false, Binding::Unreadable("why".into())), format!("{pending} (why)"));
    assert_eq!(held(true, Binding::Pending), "starts");
    assert_eq!(held(false, Binding::Secret("orders-7f".into())), "waits for Secret orders-7f");
}
