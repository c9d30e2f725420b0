use serde_json::{Value, json};

use super::*;
use crate::build;
use crate::source::Source;

fn app(network: &Value) -> App {
    let spec = json!({
        "network": network,
        "services": [
            {"name": "web", "image": "web:1", "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
             "dependencies": [{"name": "catalog"}, {"name": "db"}, {"name": "pay"}],
             "expose": {"host": "shop.example.com"}},
            {"name": "catalog", "image": "catalog:1", "ports": [
                {"name": "http", "port": 80, "targetPort": 8081},
                {"name": "grpc", "port": 9090, "protocol": "GRPC"}]},
            {"name": "worker", "image": "worker:1", "dependencies": [{"name": "bank"}]}
        ],
        "backingServices": [
            {"name": "db", "engine": "PostgreSQL", "host": "pg.data", "pods": {"namespace": "data", "port": 6432}},
            {"name": "cache", "engine": "Redis", "host": "redis.data", "cidrs": ["10.0.0.0/24"]}
        ],
        "externalServices": [
            {"name": "pay", "host": "pay.example.com", "port": 443, "cidrs": ["198.51.100.0/24"]},
            {"name": "bank", "host": "bank.example.com", "port": 443}
        ]
    });
    let (name, namespace) = ("shop".to_owned(), "shop".to_owned());
    crate::graph::resolve(&Source { name, namespace, spec, ..Source::default() }).expect("it is right")
}

fn strict() -> App {
    app(
        &json!({"ingressNamespace": "ingress", "monitoringNamespace": "metrics", "nodeCidrs": ["172.16.0.0/16"]}),
    )
}

fn asked(app: &App, edge: &str) -> Result<Answer, Unanswered> {
    let question = Question::parse(&[edge.to_owned()]).expect("it is a question");
    why(app, &build::objects(app), &question)
}

/// `TCP 8081 because spec.services[0].dependencies[0]; - {name: x} at path`
fn told(app: &App, edge: &str) -> String {
    let answer = asked(app, edge).expect("it has an answer");
    let paths: Vec<&str> = answer.reasons.iter().filter_map(|reason| reason.path.as_deref()).collect();
    let remedy = answer.remedy.as_ref().map(|remedy| format!("; {} at {}", remedy.yaml, remedy.path));
    assert_eq!(answer.allowed, !answer.ports.is_empty());
    format!("{} because {}{}", answer.ports, paths.join(", "), remedy.unwrap_or_default())
}

#[test]
fn a_question_is_two_words_or_one_with_an_arrow() {
    let parse = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let Question { from, to, port } = Question::parse(&words)?;
        Some(format!("{from} {to} {}", port.unwrap_or_default()))
    };
    assert_eq!(parse(&["a->b"]).as_deref(), Some("a b "));
    assert_eq!(parse(&["a -> b:80"]).as_deref(), Some("a b 80"));
    assert_eq!(parse(&["a", "b:grpc"]).as_deref(), Some("a b grpc"));
    assert_eq!(parse(&["a", "2001:db8::1"]).as_deref(), Some("a 2001:db8::1 "));
    assert_eq!(parse(&["a", "[2001:db8::1]:443"]).as_deref(), Some("a 2001:db8::1 443"));
    for wrong in [&["a"] as &[&str], &["a-"], &["a->"], &["->b"], &["a", "b:"], &["a", "b", "c"]] {
        assert_eq!(parse(wrong), None, "{wrong:?}");
    }
}

#[test]
fn an_edge_allows_its_own_port_and_no_other() {
    let app = strict();
    assert_eq!(told(&app, "web->catalog"), "TCP 8081 because spec.services[0].dependencies[0]");
    for port in ["http", "80", "8081"] {
        let edge = format!("web->catalog:{port}");
        assert_eq!(told(&app, &edge), "TCP 8081 because spec.services[0].dependencies[0]");
    }
    assert_eq!(
        told(&app, "web->catalog:grpc"),
        "nothing because spec.services[0].dependencies[0]; ports: [http, grpc] at spec.services[0].dependencies[0]"
    );
}

#[test]
fn an_end_tells_what_else_it_lets_through() {
    let ends = |edge: &str| {
        let answer = asked(&strict(), edge).expect("it has an answer");
        let ends = answer.ends.iter().map(|end| format!("{} of {}", end.ports, end.open));
        format!("{}: {}", answer.asked, ends.collect::<Vec<_>>().join(", "))
    };
    assert_eq!(ends("web->catalog:grpc"), "TCP 9090: nothing of TCP 8081, nothing of TCP 8081");
    assert_eq!(ends("catalog->web:http"), "TCP 8080: nothing of nothing, nothing of nothing");
    assert_eq!(ends("web->catalog:http"), "TCP 8081: TCP 8081 of TCP 8081, TCP 8081 of TCP 8081");
}

#[test]
fn without_an_edge_the_line_to_add_is_told() {
    let app = strict();
    let place = "at spec.services[1].dependencies";
    assert_eq!(
        told(&app, "catalog->web"),
        format!("nothing because spec.services[1]; - {{name: web}} {place}")
    );
    assert_eq!(
        told(&app, "catalog->db:5432"),
        format!("nothing because spec.services[1]; - {{name: db}} {place}")
    );
    assert_eq!(
        told(&app, "worker->catalog:grpc"),
        "nothing because spec.services[2]; - {name: catalog, ports: [grpc]} at spec.services[2].dependencies"
    );
}

#[test]
fn what_has_no_port_cannot_be_called() {
    assert_eq!(
        told(&strict(), "web->worker"),
        "nothing because spec.services[0]; - {name: http, port: 80} at spec.services[2].ports"
    );
    assert_eq!(
        told(&strict(), "web->catalog:9999"),
        "nothing because spec.services[1].ports, spec.services[0].dependencies[0]; - {name: port-9999, port: 9999} at \
         spec.services[1].ports"
    );
}

#[test]
fn what_is_no_port_is_not_proposed() {
    for port in ["0", "65536", "-1"] {
        assert_eq!(
            asked(&strict(), &format!("web->catalog:{port}")).expect("an answer").remedy,
            None,
            "{port}"
        );
    }
}

#[test]
fn targets_outside_are_judged_at_the_callers_end() {
    let app = strict();
    assert_eq!(told(&app, "web->db:5432"), "TCP 6432 because spec.services[0].dependencies[1]");
    assert_eq!(told(&app, "web->pay:443"), "TCP 443 because spec.services[0].dependencies[2]");
    assert_eq!(told(&app, "web->198.51.100.9:443"), "TCP 443 because spec.services[0].dependencies[2]");
    assert_eq!(
        told(&app, "web->pay:80").split(';').next(),
        Some("nothing because spec.services[0].dependencies[2]")
    );
    assert_eq!(told(&app, "web->dns"), "TCP 53, UDP 53 because ");
    assert_eq!(asked(&app, "web->pay").expect("an answer").ends.len(), 1);
}

#[test]
fn a_target_of_which_only_a_name_is_known_needs_its_addresses() {
    assert_eq!(
        told(&strict(), "worker->bank:443"),
        "nothing because spec.services[2].dependencies[0]; cidrs: [ADDRESS/32] at spec.externalServices[1]"
    );
    let lenient = app(&json!({"ingressNamespace": "ingress", "isolation": "Lenient"}));
    assert_eq!(told(&lenient, "worker->bank"), "TCP 443 because spec.services[2].dependencies[0]");
}

#[test]
fn the_outside_enters_where_a_service_is_exposed() {
    let app = strict();
    for from in ["internet", "ingress", "namespace/ingress", "ingress"] {
        assert_eq!(told(&app, &format!("{from}->web")), "TCP 8080 because spec.services[0].expose", "{from}");
    }
    assert_eq!(
        told(&app, "internet->catalog"),
        "nothing because spec.services[1]; expose: {host: HOST} at spec.services[1]"
    );
    assert_eq!(told(&app, "203.0.113.9->web:8080"), "nothing because spec.services[0]");
    assert_eq!(told(&app, "namespace/other->web"), "nothing because spec.services[0]");
}

#[test]
fn monitoring_may_reach_every_declared_port() {
    assert_eq!(
        told(&strict(), "monitoring->catalog"),
        "TCP 8081, TCP 9090 because spec.network.monitoringNamespace"
    );
    assert_eq!(told(&strict(), "metrics->catalog:grpc"), "TCP 9090 because spec.network.monitoringNamespace");
    assert_eq!(
        told(&app(&json!({"ingressNamespace": "ingress"})), "monitoring->catalog"),
        "nothing because spec.network; monitoringNamespace: monitoring at spec.network"
    );
}

/// The sentences of an answer, without their places.
fn sentences(app: &App, edge: &str) -> Vec<String> {
    let answer = asked(app, edge).expect("it has an answer");
    answer.reasons.into_iter().map(|reason| reason.sentence).collect()
}

#[test]
fn a_denial_has_a_sentence_of_its_own_and_none_of_a_permission() {
    let mut app = strict();
    for backing in app.services.iter_mut().flat_map(|service| &mut service.edges) {
        if let crate::graph::Reach::Pods { labels, .. } = &mut backing.reach {
            labels.insert("app".to_owned(), "pg".to_owned());
        }
    }
    assert_eq!(
        sentences(&app, "web->namespace/data"),
        ["of the pods there only those of db are open, which are labelled app=pg"]
    );
    assert_eq!(sentences(&strict(), "web->namespace/data:6432"), ["web depends on db on port 5432"]);
    assert_eq!(sentences(&strict(), "web->namespace/data:80"), ["web depends on db on port 5432 only"]);
    assert_eq!(
        sentences(&strict(), "172.16.0.1->worker"),
        ["it is an address of a node, and nothing that is asked for is the port of a probe"]
    );
    assert_eq!(
        sentences(&strict(), "web->dns:80"),
        ["this is not the port of DNS where clusters usually run it, and nothing else is open there"]
    );
    assert_eq!(
        sentences(&strict(), "monitoring->worker"),
        ["to namespace metrics only ports that worker declares are open"]
    );
}

#[test]
fn named_dns_servers_have_a_port_of_their_own() {
    let app = app(&json!({"ingressNamespace": "ingress", "dns": [{"namespace": "names", "port": 5353}]}));
    assert_eq!(
        sentences(&app, "worker->dns:53"),
        ["this is not the port of the DNS servers that are named (5353)"]
    );
    let allowed = ["every service may ask the DNS servers that are named"];
    assert_eq!(sentences(&app, "worker->dns:5353"), allowed);
    assert_eq!(sentences(&app, "worker->namespace/names"), allowed);
}

#[test]
fn two_pods_of_a_service_do_not_talk() {
    assert_eq!(told(&strict(), "web->web"), "nothing because spec.services[0]");
}

#[test]
fn without_isolation_everything_is_open_but_the_way_in() {
    let open = app(&json!({"isolation": "Disabled"}));
    assert_eq!(told(&open, "catalog->worker"), "every port because spec.network.isolation");
    assert_eq!(asked(&open, "catalog->worker").expect("an answer").ends[0].policy, None);
    assert_eq!(told(&open, "internet->catalog").split(';').next(), Some("nothing because spec.services[1]"));
}

#[test]
fn what_the_app_does_not_have_has_no_answer() {
    let error = |edge: &str| asked(&strict(), edge).expect_err("it has none").to_string();
    assert!(error("web->catalgo").ends_with("did you mean \"catalog\"?"));
    assert_eq!(error("web->catalog:grcp"), "catalog has no port \"grcp\"; did you mean \"grpc\"?");
    assert_eq!(error("db->cache"), "neither end is a service of this app");
}
