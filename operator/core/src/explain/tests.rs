use serde_json::{Value, json};

use super::*;

fn source() -> Source {
    let spec = json!({
        "defaults": {
            "resources": {"limits": {"memory": "256Mi", "nvidia.com/gpu": 1}},
            "probes": {"path": "/healthz", "readiness": {"period": "7s"}},
            "labels": {"team.example/system": "shop", "tier": "all"},
            "env": [{"name": "LOG_FORMAT", "value": "json"}],
            "resilience": {"timeout": "2s"},
            "replicas": 2
        },
        "profiles": [{"name": "slow", "gracefulStop": {"period": "60s"}, "labels": {"tier": "slow"}}],
        "network": {"monitoringNamespace": "monitoring"},
        "services": [
            {"name": "cart", "image": "cart:1", "profile": "slow",
             "args": ["--password=hunter2", "--token", "hunter2", "--verbose"],
             "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
             "env": [{"name": "API_TOKEN", "value": "hunter2"},
                     {"name": "MAIL_PASSWORD", "secret": {"name": "mail", "key": "password"}}],
             "files": [{"path": "/etc/cart.yaml", "content": "password: hunter2"}],
             "dependencies": [
                {"name": "catalog", "retries": {"attempts": 1}, "env": [{"name": "CATALOG_ADDR", "from": "Address"}]},
                {"name": "db", "optional": true, "env": [{"name": "DB", "from": "Url"}]}]},
            {"name": "catalog", "image": "catalog:1", "ports": [{"name": "http", "port": 80}]}
        ],
        "backingServices": [
            {"name": "db", "engine": "PostgreSQL", "host": "pg.data", "cidrs": ["10.0.0.0/24"],
             "secret": {"name": "db"}}
        ]
    });
    let (name, namespace) = ("shop".to_owned(), "shop".to_owned());
    Source { name, namespace, spec, ..Source::default() }
}

fn explained(service: &str) -> Explanation {
    let source = source();
    let app = crate::graph::resolve(&source).expect("it is right");
    explain(&app, &source, service).expect("there is such a service")
}

/// `8080 from spec.services[0].ports[0].targetPort (why)`
fn told(explanation: &Explanation, field: &str) -> String {
    let fact = explanation.facts.iter().find(|fact| fact.field == field);
    let fact = fact.unwrap_or_else(|| panic!("{field} is explained"));
    let from = if fact.declared.is_empty() { "msapp".to_owned() } else { fact.declared.join(", ") };
    let because = if fact.because.is_empty() { String::new() } else { format!(" ({})", fact.because) };
    format!("{} from {from}{because}", fact.value)
}

#[test]
fn a_value_comes_from_the_service_its_profile_or_the_defaults() {
    let cart = explained("cart");
    assert_eq!(told(&cart, "image"), "cart:1 from spec.services[0].image");
    assert_eq!(told(&cart, "ports.http.targetPort"), "8080 from spec.services[0].ports[0].targetPort");
    assert_eq!(told(&cart, "gracefulStop.period"), "60s from spec.profiles[0].gracefulStop.period");
    assert_eq!(told(&cart, "replicas"), "2 from spec.defaults.replicas");
    assert_eq!(
        told(&cart, "resources.limits.nvidia.com/gpu"),
        "1 from spec.defaults.resources.limits[nvidia.com/gpu]"
    );
    assert_eq!(told(&cart, "labels.tier"), "slow from spec.profiles[0].labels.tier");
    assert_eq!(
        told(&cart, "labels.team.example/system"),
        "shop from spec.defaults.labels[team.example/system]"
    );
    assert_eq!(told(&explained("catalog"), "labels.tier"), "all from spec.defaults.labels.tier");
}

#[test]
fn what_nobody_wrote_has_a_reason() {
    let catalog = explained("catalog");
    assert_eq!(told(&catalog, "ports.http.targetPort"), "80 from msapp (the port of the Service)");
    assert_eq!(
        told(&catalog, "disruptionBudget.maxUnavailable"),
        "1 from msapp (one pod at a time, as there are always at least two)"
    );
    assert_eq!(told(&catalog, "rollout.maxSurge"), "25% from msapp (usual of Kubernetes)");
    assert!(
        catalog.facts.iter().filter(|fact| fact.declared.is_empty()).all(|fact| !fact.because.is_empty())
    );
}

#[test]
fn each_field_of_a_probe_is_told_by_itself() {
    let cart = explained("cart");
    assert_eq!(told(&cart, "probes.readiness.path"), "HTTP /healthz from spec.defaults.probes.path");
    assert_eq!(told(&cart, "probes.readiness.period"), "7s from spec.defaults.probes.readiness.period");
    assert_eq!(
        told(&cart, "probes.liveness.period"),
        "10s from msapp (a restart after 30 s without an answer)"
    );
    assert_eq!(told(&cart, "probes.readiness.port"), "8080 from msapp (the first port of the service)");
}

#[test]
fn each_variable_says_who_brought_it() {
    let cart = explained("cart");
    assert_eq!(told(&cart, "env.LOG_FORMAT"), "json from spec.defaults.env[0] (defaults)");
    assert_eq!(
        told(&cart, "env.CATALOG_ADDR"),
        "catalog:80 from spec.services[0].dependencies[0].env[0] (asked for by the dependency on catalog)"
    );
    assert_eq!(
        told(&cart, "env.CATALOG_URL"),
        "http://catalog:80 from spec.services[0].dependencies[0] (usual variable of the dependency on catalog)"
    );
    assert_eq!(
        told(&cart, "env.DB_PASSWORD"),
        "Secret db key password from spec.services[0].dependencies[1] (credential of db, which other variables use)"
    );
}

#[test]
fn no_credential_is_shown() {
    let cart = explained("cart");
    assert_eq!(told(&cart, "env.API_TOKEN"), "*** from spec.services[0].env[0]");
    assert_eq!(told(&cart, "env.MAIL_PASSWORD"), "Secret mail key password from spec.services[0].env[1]");
    assert_eq!(told(&cart, "files./etc/cart.yaml"), "inline, 17 bytes from spec.services[0].files[0]");
    let args = r#"["--password=***", "--token", "***", "--verbose"] from spec.services[0].args"#;
    assert_eq!(told(&cart, "args"), args);
    assert!(!json!(cart).to_string().contains("hunter2"));
}

#[test]
fn edges_callers_and_policies_tell_the_line_that_declares_them() {
    let cart = explained("cart");
    assert_eq!(
        told(&cart, "edges.catalog"),
        "service, port 80 from spec.services[0].dependencies[0] (opens egress here and ingress at catalog)"
    );
    assert_eq!(told(&cart, "edges.catalog.timeout"), "2000 ms from spec.defaults.resilience.timeout");
    assert_eq!(told(&cart, "edges.catalog.retries"), "1 from spec.services[0].dependencies[0].retries");
    assert_eq!(told(&cart, "edges.db.optional"), "true from spec.services[0].dependencies[1].optional");
    assert_eq!(told(&cart, "policy.egress.db"), "TCP 5432 from spec.services[0].dependencies[1]");
    let catalog = explained("catalog");
    assert_eq!(told(&catalog, "callers.cart"), "TCP 80 from spec.services[0].dependencies[0]");
    assert_eq!(told(&catalog, "policy.ingress.cart"), "TCP 80 from spec.services[0].dependencies[0]");
    assert_eq!(
        told(&catalog, "policy.ingress.namespace monitoring"),
        "TCP 80 from spec.network.monitoringNamespace"
    );
}

#[test]
fn every_place_that_is_told_exists() {
    let source = source();
    for service in ["cart", "catalog"] {
        let explanation = explained(service);
        let app = crate::graph::resolve(&source).expect("it is right");
        let facts = Facts::new(&app, app.service(service).expect("there is one"), &source.spec);
        // A finding may point at what is missing.
        let told = explanation.facts.iter().filter(|fact| fact.section() != "findings");
        for place in told.flat_map(|fact| &fact.declared) {
            assert!(facts.value(place).is_some_and(|value| *value != Value::Null), "{place}");
        }
    }
}

#[test]
fn a_part_can_be_asked_for() {
    let fields = |field: &str| -> Vec<String> {
        let narrowed = explained("cart").narrowed(field).expect("there is such a field");
        narrowed.facts.into_iter().map(|fact| fact.field).collect()
    };
    assert_eq!(fields("probes.readiness.period"), ["probes.readiness.period"]);
    assert_eq!(fields("probes.readiness").len(), 7);
    assert_eq!(fields("probes").len(), 21);
    let error = explained("cart").narrowed("probs").expect_err("there is no such field");
    assert_eq!(error.to_string(), "there is no value \"probs\"; did you mean \"probes\"?");
    let source = source();
    let app = crate::graph::resolve(&source).expect("it is right");
    let error = explain(&app, &source, "crt").expect_err("there is no such service");
    assert_eq!(error.to_string(), "there is no service \"crt\"; did you mean \"cart\"?");
}
