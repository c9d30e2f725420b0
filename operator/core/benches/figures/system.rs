//! A system of any size, as one finds them: domains with a service that the others enter by, calls downwards, databases
//! with one owner each, events, partners outside.

use msapp_core::source::{Bindings, Source};
use serde_json::{Value, json};

/// Services of a domain.
const DOMAIN: usize = 10;
/// Databases of the system: each belongs to every tenth service.
const DATABASES: usize = 10;
/// Partners outside.
const PARTNERS: usize = 4;

/// The app of that many services, each of which calls up to `calls` others.
pub(crate) fn source(services: usize, calls: usize) -> Source {
    Source {
        name: "large".to_owned(),
        namespace: "large".to_owned(),
        generation: 1,
        bindings: Bindings::new(),
        spec: spec(services, calls),
    }
}

fn spec(services: usize, calls: usize) -> Value {
    let domains = services.div_ceil(DOMAIN);
    json!({
        "defaults": {
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "autoscaling": {"minReplicas": 2, "maxReplicas": 6, "cpu": 70},
            "env": [{"name": "LOG_FORMAT", "value": "json"}],
        },
        "network": {"monitoringNamespace": "monitoring"},
        "domains": (0..domains).map(|at| json!({"name": format!("domain-{at}"), "owner": "a team"})).collect::<Value>(),
        "services": (0..services).map(|at| service(at, services, calls)).collect::<Value>(),
        "backingServices": backing_services(),
        "externalServices": (0..PARTNERS).map(partner).collect::<Value>(),
    })
}

fn name(at: usize) -> String {
    format!("service-{at:03}")
}

fn service(at: usize, services: usize, calls: usize) -> Value {
    let mut service = json!({
        "name": name(at),
        "domain": format!("domain-{}", at / DOMAIN),
        "image": format!("registry.example/large/service-{at}:1.{at}.0"),
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "grpc", "port": 9090, "protocol": "GRPC"}],
        "probes": {"path": "/healthz"},
        "env": [{"name": "REGION", "value": "north"}, {"name": "TOKEN", "secret": {"name": "token", "key": "value"}}],
        "files": [{"path": "/etc/app/app.yaml", "content": "debug: false\n"}],
        "dependencies": dependencies(at, services, calls),
        "consumes": ["event-0"],
    });
    if at < 2 {
        service["publishes"] = json!([format!("event-{at}")]);
    }
    if at == 0 {
        service["expose"] = json!({"host": "large.example.com", "controllerNamespace": "ingress"});
    }
    service
}

/// Calls lead to services behind the caller, near ones first, so that there is no circle of them.
fn dependencies(at: usize, services: usize, calls: usize) -> Value {
    let called = (at + 1..services).step_by(1 + at % 3).take(calls - if at < DATABASES { 2 } else { 0 });
    let mut edges: Vec<Value> = called
        .map(|called| {
            let port = if called.is_multiple_of(2) { "http" } else { "grpc" };
            json!({"name": name(called), "ports": [port], "optional": called.is_multiple_of(5)})
        })
        .collect();
    if at < DATABASES {
        edges.push(
            json!({"name": format!("database-{at}"), "env": [{"name": "DATABASE_URL", "from": "Address"}]}),
        );
    }
    edges.extend((at < PARTNERS).then(|| json!({"name": format!("partner-{at}")})));
    Value::Array(edges)
}

fn backing_services() -> Value {
    let databases = (0..DATABASES).map(|at| {
        json!({
            "name": format!("database-{at}"),
            "engine": "PostgreSQL",
            "owner": name(at),
            "host": format!("database-{at}.data"),
            "database": "orders",
            "secret": {"name": format!("database-{at}")},
            "pods": {"namespace": "data", "labels": {"cluster": format!("database-{at}")}},
        })
    });
    let broker = json!({
        "name": "broker", "engine": "Kafka", "host": "kafka.data",
        "pods": {"namespace": "data", "labels": {"cluster": "kafka"}},
        "events": [{"name": "event-0"}, {"name": "event-1"}],
    });
    databases.chain([broker]).collect()
}

fn partner(at: usize) -> Value {
    json!({"name": format!("partner-{at}"), "host": format!("partner-{at}.example.org"), "port": 443, "tls": true,
        "cidrs": [format!("203.0.113.{}/32", at + 1)]})
}
