//! What the user reads, on scenes: a small app, what is there, and the sentence that must come of it.

use std::collections::BTreeMap;

use msapp_core::build;
use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::fields::Fields;
use msapp_core::graph::{self, App};
use msapp_core::observed::{Child, Container, Observed, Owner, Pod, Terminated, Waiting, Workload};
use msapp_core::plan::plan;
use msapp_core::source::Source;
use msapp_core::status::{Facts, Failure, FailureKind, Outcome, Reason, status};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use serde_json::{Value, json};

/// frontend → checkout → cart → (optional) ads
fn source() -> Source {
    let port = json!([{"name": "http", "port": 80}]);
    let spec = json!({"defaults": {"probes": {"path": "/healthz"}}, "services": [
        {"name": "frontend", "image": "f:1", "ports": port, "dependencies": [{"name": "checkout"}, {"name": "ads", "optional": true}]},
        {"name": "checkout", "image": "c:1", "ports": port, "dependencies": [{"name": "cart"}]},
        {"name": "cart", "image": "cart:9", "ports": port},
        {"name": "ads", "image": "a:1", "ports": port},
    ]});
    Source { name: "shop".into(), namespace: "shop".into(), generation: 3, spec, ..Source::default() }
}

struct Scene {
    source: Source,
    observed: Observed,
    failures: Vec<Failure>,
}

impl Scene {
    /// Everything is applied and up.
    fn all_up() -> Self {
        let source = source();
        let app = graph::resolve(&source).expect("valid");
        let mut children = BTreeMap::new();
        for object in build::objects(&app).iter() {
            children.insert(object.key.clone(), child(&object.key, &object.manifest));
        }
        Self { source, observed: Observed { children, ..Observed::default() }, failures: Vec::new() }
    }

    fn workload(&mut self, service: &str) -> &mut Workload {
        let key = ChildKey::new(ChildKind::Deployment, service);
        self.observed.children.get_mut(&key).expect("there").workload.as_mut().expect("a workload")
    }

    fn down(mut self, service: &str, container: Container) -> Self {
        let workload = self.workload(service);
        (workload.ready, workload.available) = (0, 0);
        self.observed.pods.push(Pod {
            name: format!("{service}-1"),
            service: service.into(),
            containers: vec![container],
            ..Pod::default()
        });
        self
    }

    fn status(&self, previous: Option<&MicroserviceAppStatus>, now: &str) -> MicroserviceAppStatus {
        let app: App = graph::resolve(&self.source).expect("valid");
        let desired = build::objects(&app);
        let plan = plan(&app, "uid", &desired, &self.observed);
        let outcome = Outcome::Valid { app: &app, plan: &plan, failures: &self.failures };
        let now = now.parse().expect("a time");
        status(&Facts { source: &self.source, outcome, observed: &self.observed, previous, now })
    }
}

fn child(key: &ChildKey, manifest: &Value) -> Child {
    let workload = Workload {
        generation: 1,
        observed_generation: 1,
        replicas: 1,
        current: 1,
        updated: 1,
        ready: 1,
        available: 1,
        selector: msapp_core::labels::selector("shop", &key.name),
        ..Workload::default()
    };
    Child {
        uid: "u".into(),
        resource_version: "1".into(),
        owner: Owner::App { name: "shop".into(), uid: Some("uid".into()) },
        deleting: false,
        fields: Fields { digest: msapp_core::fields::digest_of(manifest), replicas: None },
        rivals: Vec::new(),
        workload: (key.kind == ChildKind::Deployment).then_some(workload),
    }
}

fn crashed() -> Container {
    let end = Terminated { exit_code: 1, message: "connection refused".into(), ..Terminated::default() };
    Container { terminated: Some(end), ..Container::default() }
}

const NOW: &str = "2026-01-01T00:00:00Z";

/// `Type=Status Reason: message` of every condition.
fn lines(status: &MicroserviceAppStatus) -> Vec<String> {
    let line = |one: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        format!("{}={} {}: {}", one.type_, one.status, one.reason, one.message)
    };
    status.conditions.iter().map(line).collect()
}

#[test]
fn an_app_whose_services_are_all_up_is_ready_and_says_nothing_else() {
    let status = Scene::all_up().status(None, NOW);
    assert_eq!(status.summary.as_deref(), Some("4/4"));
    assert_eq!(
        lines(&status),
        [
            "Ready=True AllServicesReady: 4/4 services are ready",
            "Available=True MinimumReplicasAvailable: ",
            "Progressing=False Complete: ",
            "Degraded=False AsExpected: ",
            "GraphValid=True Resolved: ",
        ]
    );
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
}

#[test]
fn the_first_broken_thing_is_named_with_its_cause_and_what_it_blocks() {
    // checkout and frontend are down too, but only because cart is.
    let scene = Scene::all_up().down("cart", crashed()).down("checkout", crashed());
    let status = scene.status(None, NOW);
    assert_eq!(status.summary.as_deref(), Some("2/4"));
    let sentence = "cart: CrashLoopBackOff (exit 1, \"connection refused\"); blocks checkout, frontend";
    assert_eq!(
        lines(&status),
        [
            format!("Ready=False CrashLoopBackOff: 2/4: {sentence}"),
            "Available=False ServiceUnavailable: no pod is up: cart, checkout".to_owned(),
            "Progressing=False Complete: ".to_owned(),
            format!("Degraded=True CrashLoopBackOff: {sentence}"),
            "GraphValid=True Resolved: ".to_owned(),
            format!("Reconciling=True CrashLoopBackOff: {sentence}"),
        ]
    );
}

#[test]
fn an_optional_dependency_blocks_nobody() {
    let pull = Container {
        image: "a:1".into(),
        waiting: Some(Waiting { reason: "ErrImagePull".into(), message: "not found".into() }),
        ..Container::default()
    };
    let status = Scene::all_up().down("ads", pull).status(None, NOW);
    assert_eq!(
        lines(&status)[0],
        "Ready=False ImagePullBackOff: 3/4: ads: ImagePullBackOff (cannot pull \"a:1\": not found)"
    );
}

#[test]
fn a_version_that_fails_while_the_one_before_serves_blocks_nobody() {
    let mut scene = Scene::all_up().down("cart", crashed());
    scene.workload("cart").ready = 1;
    assert_eq!(
        lines(&scene.status(None, NOW))[0],
        "Ready=False CrashLoopBackOff: 3/4: cart: CrashLoopBackOff (exit 1, \"connection refused\")"
    );
}

#[test]
fn a_rollout_counts_as_ready_only_when_the_old_pods_are_gone() {
    let mut scene = Scene::all_up();
    let workload = scene.workload("cart");
    (workload.current, workload.ready, workload.available) = (2, 2, 2);
    let status = scene.status(None, NOW);
    assert_eq!(lines(&status)[0], "Ready=False RollingOut: 3/4: cart: RollingOut");
    assert_eq!(lines(&status)[2], "Progressing=True RollingOut: coming up: cart");
    assert_eq!(lines(&status)[3], "Degraded=False AsExpected: ");
}

#[test]
fn a_deployment_controller_that_has_not_looked_yet_is_not_believed() {
    let mut scene = Scene::all_up();
    scene.workload("cart").generation = 2;
    assert_eq!(scene.status(None, NOW).summary.as_deref(), Some("3/4"));
}

#[test]
fn what_only_a_person_can_mend_is_stalled_and_never_reconciling_too() {
    let mut scene = Scene::all_up();
    let key = ChildKey::new(ChildKind::Service, "cart");
    for (kind, reason) in [
        (FailureKind::FieldConflict, Reason::FieldConflict),
        (FailureKind::QuotaExceeded, Reason::QuotaExceeded),
        (FailureKind::Forbidden, Reason::Forbidden),
        (FailureKind::Rejected, Reason::Rejected),
    ] {
        let failure = Failure { key: key.clone(), service: "cart".into(), kind, message: "because".into() };
        scene.failures = vec![failure];
        let lines = lines(&scene.status(None, NOW));
        let sentence = format!("{}: cart: {0} (Service cart: because)", reason.as_str());
        assert_eq!(lines[5], format!("Stalled=True {sentence}"));
        assert_eq!(lines.len(), 6, "{lines:?}");
    }
}

#[test]
fn one_service_that_only_a_person_can_mend_stalls_the_app_whatever_is_named_first() {
    let mut scene = Scene::all_up().down("cart", crashed());
    scene.failures = vec![Failure {
        key: ChildKey::new(ChildKind::Deployment, "frontend"),
        service: "frontend".into(),
        kind: FailureKind::Rejected,
        message: "denied".into(),
    }];
    let lines = lines(&scene.status(None, NOW));
    assert!(lines[0].starts_with("Ready=False CrashLoopBackOff: 2/4: cart: "), "{lines:?}");
    assert_eq!(lines[5], "Stalled=True Rejected: frontend: Rejected (Deployment frontend: denied)");
    assert_eq!(lines.len(), 6, "not Reconciling too: {lines:?}");
}

#[test]
fn a_service_that_was_started_once_stays_so_and_one_that_was_only_left_alone_is_not() {
    let mut scene = Scene::all_up();
    scene.observed.started.insert("cart".into());
    scene.source.spec["suspend"] = json!(true);
    let started = |scene: &Scene| {
        let services = scene.status(None, NOW).services;
        let started = services.into_iter().filter(|service| service.started);
        started.map(|service| service.name).collect::<Vec<_>>()
    };
    assert_eq!(started(&scene), ["cart"]);
    let reasons: Vec<Option<String>> =
        scene.status(None, NOW).services.into_iter().map(|service| service.reason).collect();
    let suspended = Some("Suspended".to_owned());
    assert_eq!(
        reasons,
        [suspended.clone(), None, suspended.clone(), suspended],
        "of ads, cart, checkout, frontend"
    );
}

#[test]
fn mistakes_are_told_in_full_or_counted() {
    let service = |number| json!({"name": format!("service-{number}"), "image": "i:1", "labels": {"app.kubernetes.io/name": "x"}});
    let services: Vec<Value> = (0..60).map(service).collect();
    let wrong = Source { spec: json!({"services": services}), ..source() };
    let violations = graph::resolve(&wrong).expect_err("wrong");
    let facts = Facts {
        source: &wrong,
        outcome: Outcome::Invalid(&violations),
        observed: &Observed::default(),
        previous: None,
        now: NOW.parse().expect("a time"),
    };
    let message = status(&facts).conditions[0].message.clone();
    assert!(message.len() <= 2000, "{}", message.len());
    let told = message.matches("is reserved: keys of kubernetes.io, k8s.io and msapp.dev are not").count();
    assert!(told > 5 && message.ends_with(&format!("; and {} more", 60 - told)), "{message}");
}

#[test]
fn trouble_that_passes_is_reconciling_and_not_degraded() {
    let mut scene = Scene::all_up();
    let key = ChildKey::new(ChildKind::Service, "cart");
    scene.failures = vec![Failure {
        key,
        service: "cart".into(),
        kind: FailureKind::Transient,
        message: "timeout".into(),
    }];
    let lines = lines(&scene.status(None, NOW));
    assert_eq!(lines[3], "Degraded=False AsExpected: ");
    assert_eq!(lines[5], "Reconciling=True ApiUnavailable: cart: ApiUnavailable (Service cart: timeout)");
}

#[test]
fn a_foreign_object_of_the_same_name_is_named_with_its_owner() {
    let mut scene = Scene::all_up();
    let key = ChildKey::new(ChildKind::Service, "cart");
    scene.observed.children.get_mut(&key).expect("there").owner =
        Owner::Foreign("field manager \"helm\"".into());
    let status = scene.status(None, NOW);
    let cart = status.services.iter().find(|service| service.name == "cart").expect("there");
    assert_eq!(cart.reason.as_deref(), Some("NameTaken"));
    assert_eq!(
        cart.message.as_deref(),
        Some(
            "Service cart exists already and belongs to field manager \"helm\"; it is never adopted: rename the service or remove the object"
        )
    );
}

#[test]
fn violations_reach_the_status_with_their_path_and_what_runs_is_still_told() {
    let scene = Scene::all_up();
    let before = scene.status(None, NOW);
    let mut wrong = source();
    wrong.generation = 4;
    wrong.spec["services"][1]["dependencies"][0]["name"] = json!("crat");
    let violations = graph::resolve(&wrong).expect_err("wrong");
    let facts = Facts {
        source: &wrong,
        outcome: Outcome::Invalid(&violations),
        observed: &scene.observed,
        previous: Some(&before),
        now: NOW.parse().expect("a time"),
    };
    let after = status(&facts);
    let told = "spec.services[1].dependencies[0].name: there is no service, backing service or external service \"crat\"; did you mean \"cart\"?";
    assert_eq!(
        lines(&after),
        [
            format!("Ready=False InvalidSpec: {told}"),
            "Available=True MinimumReplicasAvailable: ".to_owned(),
            "Progressing=False InvalidSpec: nothing was written".to_owned(),
            format!("Degraded=True InvalidSpec: {told}"),
            format!("GraphValid=False InvalidSpec: {told}"),
            format!("Stalled=True InvalidSpec: {told}"),
        ]
    );
    assert_eq!(after.services, before.services);
    assert_eq!(after.observed_generation, Some(4));
}

#[test]
fn equal_facts_make_an_equal_status_and_a_transition_is_dated_once() {
    let up = Scene::all_up();
    let first = up.status(None, NOW);
    let later = "2026-06-01T00:00:00Z";
    assert_eq!(up.status(Some(&first), later), first, "the clock alone changes nothing");
    let down = Scene::all_up().down("cart", crashed()).status(Some(&first), later);
    let time = |status: &MicroserviceAppStatus, kind: &str| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .map(|one| one.last_transition_time.0)
    };
    assert_eq!(time(&down, "Ready"), Some(later.parse().expect("a time")));
    assert_eq!(time(&down, "GraphValid"), Some(NOW.parse().expect("a time")));
}

#[test]
fn a_suspended_app_is_neither_ready_nor_broken() {
    let mut scene = Scene::all_up();
    scene.source.spec["suspend"] = json!(true);
    let lines = lines(&scene.status(None, NOW));
    assert_eq!(
        lines[0],
        "Ready=Unknown Suspended: suspended: the operator leaves every object of this app alone"
    );
    assert_eq!(lines.len(), 5, "neither Reconciling nor Stalled: {lines:?}");
}

#[test]
fn a_hundred_broken_services_still_make_a_status_of_bounded_size() {
    let services: Vec<Value> =
        (0..100).map(|number| json!({"name": format!("service-{number}"), "image": "i:1"})).collect();
    let source = Source { spec: json!({"services": services}), ..source() };
    let app = graph::resolve(&source).expect("valid");
    let plan = plan(&app, "uid", &build::objects(&app), &Observed::default());
    let failures: Vec<Failure> = (0..100)
        .map(|number| Failure {
            key: ChildKey::new(ChildKind::Deployment, format!("service-{number}")),
            service: format!("service-{number}"),
            kind: FailureKind::Rejected,
            message: "x".repeat(10_000),
        })
        .collect();
    let outcome = Outcome::Valid { app: &app, plan: &plan, failures: &failures };
    let now = NOW.parse().expect("a time");
    let status =
        status(&Facts { source: &source, outcome, observed: &Observed::default(), previous: None, now });
    let bytes = serde_json::to_string(&status).expect("data").len();
    assert!(bytes < 64 * 1024, "{bytes} bytes");
    assert!(status.services.iter().all(|service| service.message.is_some()), "nobody is silenced");
}

#[test]
fn every_reason_has_a_paragraph_in_the_troubleshooting_page() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/troubleshooting.md");
    let page = std::fs::read_to_string(page).expect("docs/troubleshooting.md");
    let missing: Vec<&str> = Reason::ALL
        .iter()
        .map(|reason| reason.as_str())
        .filter(|name| !page.contains(&format!("## {name}\n")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_service_below_the_minimum_of_its_autoscaler_is_not_ready_yet() {
    let mut scene = Scene::all_up();
    scene.source.spec["services"][2]["autoscaling"] = json!({"minReplicas": 2, "maxReplicas": 5});
    let cart = |scene: &Scene| {
        let status = scene.status(None, NOW);
        let cart = status.services.iter().find(|service| service.name == "cart").expect("listed");
        (cart.ready, cart.desired, cart.reason.clone())
    };
    assert_eq!(cart(&scene), (1, 2, Some("RollingOut".to_owned())));
    // Nobody autoscales a Deployment of no pods.
    *scene.workload("cart") =
        Workload { selector: scene.workload("cart").selector.clone(), ..Workload::default() };
    assert_eq!(cart(&scene), (0, 0, None));
}
