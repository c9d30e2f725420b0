//! Specs that are right, and use most of what can be written.

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};

/// A part of a spec, or nothing.
type Part = BoxedStrategy<Option<Value>>;

/// Namespace of the generated apps.
pub(crate) const NAMESPACE: &str = "shop";
/// Namespace that may ask for metrics, where a spec says so.
pub(crate) const MONITORING: &str = "monitoring";
/// Namespace of the ingress controller.
pub(crate) const INGRESS: &str = "ingress";

/// Two ports may share a number, or lead to one port of the container.
fn ports() -> BoxedStrategy<Vec<Value>> {
    let all = vec![
        json!({"name": "http", "port": 80, "targetPort": 8080}),
        json!({"name": "http-alt", "port": 81, "targetPort": 8080, "protocol": "HTTP2"}),
        json!({"name": "grpc", "port": 9090, "protocol": "GRPC"}),
        json!({"name": "raw", "port": 7000, "targetPort": 53, "protocol": "TCP"}),
        json!({"name": "dns", "port": 5300, "targetPort": 53, "protocol": "UDP"}),
        json!({"name": "dns-tcp", "port": 5300, "targetPort": 5353, "protocol": "TCP"}),
    ];
    subsequence(all, 0..=6).prop_shuffle().boxed()
}

fn maybe(strategy: impl Strategy<Value = Value> + 'static) -> Part {
    of(strategy).boxed()
}

fn one_of(values: Vec<Value>) -> Part {
    of(select(values)).boxed()
}

/// An object of the fields that are there.
fn object(fields: Vec<(&'static str, Part)>) -> BoxedStrategy<Map<String, Value>> {
    let (names, parts): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    parts
        .prop_map(move |values| {
            let fields = names.iter().zip(values);
            fields.filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect()
        })
        .boxed()
}

fn env() -> Part {
    let sources = vec![
        json!({"value": "plain"}),
        json!({"value": ""}),
        json!({"value": "$(FIRST)/$(SECOND)"}),
        json!({"configMap": {"name": "flags", "key": "beta"}}),
        json!({"secret": {"name": "token", "key": "value", "optional": true}}),
        json!({"field": "metadata.labels['tier']"}),
        json!({"resource": {"resource": "limits.memory", "divisor": "1024Ki"}}),
    ];
    let names = subsequence(vec!["FIRST", "SECOND", "third.variable", "_FOURTH"], 0..=4).prop_shuffle();
    let variables = (names, vec(select(sources), 4)).prop_map(|(names, sources)| {
        let variables = names.into_iter().zip(sources).map(|(name, mut source)| {
            source["name"] = json!(name);
            source
        });
        Value::Array(variables.collect())
    });
    maybe(variables)
}

fn tags() -> Part {
    let keys = select(vec!["tier", "team.example/name", "Cost_Center"]);
    maybe(btree_map(keys, "[a-z0-9]{0,8}", 0..3).prop_map(|tags| json!(tags)))
}

/// Number of pods: fixed, by load, or neither.
fn scaling() -> BoxedStrategy<Option<(&'static str, Value)>> {
    let metrics = vec![
        json!({"containerResource": {"container": "app", "resource": "CPU", "averageUtilization": 60}}),
        json!({"pods": {"name": "requests", "selector": {"method": "GET"}, "averageValue": "1000m"}}),
        json!({"external": {"name": "queue", "averageValue": 30}}),
    ];
    let behavior = json!({"scaleUp": {"policies": [{"type": "Pods", "value": 4, "period": "15s"}]}});
    let auto = object(vec![
        ("minReplicas", one_of(vec![json!(1), json!(3)])),
        ("maxReplicas", Just(Some(json!(7))).boxed()),
        ("cpu", one_of(vec![json!(70)])),
        ("memory", one_of(vec![json!(80)])),
        ("metrics", maybe(subsequence(metrics, 0..=3).prop_map(Value::Array))),
        ("behavior", one_of(vec![behavior])),
    ]);
    let fixed = select(vec![0, 1, 2, 5]).prop_map(|replicas| ("replicas", json!(replicas)));
    of(prop_oneof![fixed, auto.prop_map(|auto| ("autoscaling", Value::Object(auto)))]).boxed()
}

/// Settings that fit every service, so that they can be inherited.
fn settings() -> BoxedStrategy<Map<String, Value>> {
    let requests = json!({"requests": {"cpu": "1000m", "memory": "0.5Gi"}, "limits": {"memory": "1024Mi"}});
    let pods = vec![json!({"minAvailable": "50%"}), json!({"maxUnavailable": 1})];
    let rollouts = vec![
        json!({"strategy": "Recreate", "minReady": "10s"}),
        json!({"maxSurge": 2, "maxUnavailable": "10%", "progressDeadline": "5m", "revisionHistory": 0}),
    ];
    let security = object(vec![
        ("runAsUser", one_of(vec![json!(1), json!(10_001)])),
        ("runAsGroup", one_of(vec![json!(2)])),
        ("fsGroup", one_of(vec![json!(3)])),
        ("addCapabilities", one_of(vec![json!(["NET_BIND_SERVICE"])])),
        ("readOnlyRootFilesystem", one_of(vec![json!(true), json!(false)])),
    ]);
    let rules = || one_of(vec![json!("Preferred"), json!("Required"), json!("Disabled")]);
    let rest = object(vec![
        ("env", env()),
        ("labels", tags()),
        ("annotations", tags()),
        ("resources", one_of(vec![requests])),
        ("disruptionBudget", one_of(pods)),
        ("rollout", one_of(rollouts)),
        ("security", maybe(security.prop_map(Value::Object))),
        ("spread", maybe(object(vec![("zones", rules()), ("nodes", rules())]).prop_map(Value::Object))),
        ("gracefulStop", one_of(vec![json!({"period": "60s"}), json!({"drain": "2s", "period": "3s"})])),
        ("imagePullSecrets", one_of(vec![json!(["registry", "another"]), json!(["registry", "registry"])])),
    ]);
    (rest, scaling())
        .prop_map(|(mut settings, scaling)| {
            settings.extend(scaling.map(|(name, value)| (name.to_owned(), value)));
            settings
        })
        .boxed()
}

fn probes(has_tcp: bool) -> Part {
    let mut probes = vec![json!({"exec": {"command": ["/app/alive"]}})];
    if has_tcp {
        probes.extend([
            json!({"path": "/healthz"}),
            json!({"grpc": {}, "liveness": {"disabled": true}}),
            json!({"tcp": {}, "startup": {"initialDelay": "3s", "period": "7s"}}),
            json!({"readiness": {"path": "/ready", "headers": [{"name": "Cookie", "value": "x"}]}}),
        ]);
    }
    one_of(probes)
}

fn files() -> Part {
    let all = vec![
        json!({"path": "/etc/app/app.yaml", "content": "debug: false\n"}),
        json!({"path": "/etc/app/rules", "contents": {"a.rules": "allow", "ä b": "deny"}}),
        json!({"path": "/etc/Ünïcode and spaces/a-name-that-is-longer-than-any-label-of-dns-could-ever-be",
            "content": ""}),
        json!({"path": "/etc/flags", "configMap": {"name": "flags"}}),
        json!({"path": "/etc/tls.crt", "secret": {"name": "certificate", "key": "tls.crt"}}),
    ];
    maybe(subsequence(all, 0..=5).prop_map(Value::Array))
}

fn scratch() -> Part {
    let all = vec![
        json!({"path": "/tmp", "sizeLimit": "64Mi"}),
        json!({"path": "/run", "medium": "Memory", "sizeLimit": "1024Ki"}),
    ];
    maybe(subsequence(all, 0..=2).prop_map(Value::Array))
}

fn has(ports: &[Value], protocols: &[Option<&str>]) -> bool {
    ports.iter().any(|port| protocols.contains(&port["protocol"].as_str()))
}

/// A service without its name and its edges.
fn service() -> BoxedStrategy<Map<String, Value>> {
    let with = |ports: Vec<Value>| {
        let exposed = vec![
            json!({"host": "shop.example.com", "controllerNamespace": INGRESS}),
            json!({"host": "*.example.com", "path": "/v1", "pathType": "Exact", "class": "nginx",
                "tlsSecret": "tls", "controllerNamespace": INGRESS}),
        ];
        let http = has(&ports, &[None, Some("HTTP2"), Some("GRPC")]);
        let expose = if http { one_of(exposed) } else { Just(None).boxed() };
        let words = || maybe(vec("[ -~]{1,8}", 1..3).prop_map(|words| json!(words)));
        let own = object(vec![
            ("image", Just(Some(json!("registry.example/app:1"))).boxed()),
            ("command", words()),
            ("args", words()),
            ("probes", probes(http || has(&ports, &[Some("TCP")]))),
            ("files", files()),
            ("scratch", scratch()),
            ("expose", expose),
            ("profile", one_of(vec![json!("careful"), json!("plain")])),
            ("publishes", one_of(vec![json!(["Placed"]), json!(["Placed", "Shipped"])])),
            ("consumes", one_of(vec![json!(["Shipped"]), json!(["Shipped", "Placed"])])),
            ("domain", one_of(vec![json!("ordering"), json!("browsing")])),
            ("ports", Just((!ports.is_empty()).then_some(Value::Array(ports))).boxed()),
        ]);
        (own, settings()).prop_map(|(mut own, settings)| {
            own.extend(settings);
            own
        })
    };
    ports().prop_flat_map(with).boxed()
}

fn backing() -> Vec<Value> {
    vec![
        json!({"name": "orders-db", "engine": "PostgreSQL", "host": "pg.data", "database": "a$b",
            "secret": {"name": "orders-db"}, "pods": {"namespace": "data", "labels": {"cluster": "pg"}}}),
        json!({"name": "cache", "engine": "Redis", "host": "10.9.8.7", "port": 6380}),
        json!({"name": "broker", "engine": "Kafka", "host": "kafka", "pods": {},
            "events": [{"name": "Placed", "topic": "orders.placed"}, {"name": "Shipped"}]}),
    ]
}

fn external() -> Vec<Value> {
    vec![
        json!({"name": "partner", "host": "partner.example.com", "port": 443, "tls": true,
            "cidrs": ["203.0.113.0/24", "198.51.100.7/32"]}),
        json!({"name": "legacy", "host": "legacy.internal", "port": 7001}),
    ]
}

/// What two services, or a service and something outside, have to do with each other.
#[derive(Clone, Debug)]
struct Edge {
    port: Index,
    by_number: bool,
    optional: Option<bool>,
    start_after: bool,
    env: bool,
}

fn edge() -> impl Strategy<Value = Option<Edge>> {
    let parts = (any::<Index>(), any::<bool>(), of(any::<bool>()), any::<bool>(), any::<bool>());
    prop::option::weighted(
        0.4,
        parts.prop_map(|(port, by_number, optional, start_after, env)| Edge {
            port,
            by_number,
            optional,
            start_after,
            env,
        }),
    )
}

impl Edge {
    fn write(&self, target: &str, ports: Option<&Value>, earlier: bool) -> Value {
        let mut edge = json!({"name": target});
        if let Some(optional) = self.optional {
            edge["optional"] = json!(optional);
        }
        if self.env {
            let name = format!("TO_{}", target.to_uppercase());
            let port = format!("PORT_{name}");
            edge["env"] = json!([{"name": name, "from": "Url"}, {"name": port, "from": "Port"}]);
        }
        // The first port is meant when none is named.
        if let Some(ports) = ports.and_then(Value::as_array)
            && let at = self.port.index(ports.len() + 1)
            && at < ports.len()
        {
            let named = |at: usize| {
                let by_number = self.by_number && unambiguous(ports, at);
                ports[at][if by_number { "port" } else { "name" }].clone()
            };
            let second = (at + 1) % ports.len();
            let both = self.optional.is_some() && second != at;
            edge["ports"] = if both { json!([named(at), named(second)]) } else { json!([named(at)]) };
        }
        if self.start_after && earlier && ports.is_some() {
            edge["startAfter"] = json!(true);
        }
        edge
    }
}

fn unambiguous(ports: &[Value], at: usize) -> bool {
    ports.iter().filter(|port| port["port"] == ports[at]["port"]).count() == 1
}

/// Adds the edges: `edges[caller * targets + target]`.
fn connected(mut services: Vec<Map<String, Value>>, edges: &[Option<Edge>]) -> Vec<Value> {
    let targets: Vec<(String, Option<Value>)> = services
        .iter()
        .map(|service| (service["name"].as_str().expect("a name").to_owned(), service.get("ports").cloned()))
        .collect();
    let outside: Vec<String> = backing()
        .iter()
        .chain(&external())
        .map(|target| target["name"].as_str().expect("a name").to_owned())
        .collect();
    let mut edges = edges.iter().cycle();
    for (caller, service) in services.iter_mut().enumerate() {
        let inside = targets.iter().enumerate().filter(|(at, (_, ports))| *at != caller && ports.is_some());
        let mut written: Vec<Value> = inside
            .filter_map(|(at, (name, ports))| {
                Some(edges.next()?.as_ref()?.write(name, ports.as_ref(), at < caller))
            })
            .collect();
        written
            .extend(outside.iter().filter_map(|name| Some(edges.next()?.as_ref()?.write(name, None, false))));
        if !written.is_empty() {
            service.insert("dependencies".to_owned(), Value::Array(written));
        }
    }
    services.into_iter().map(Value::Object).collect()
}

/// Services with a name each, and with a host name each where they are exposed.
fn named(names: Vec<&str>, services: Vec<Map<String, Value>>) -> Vec<Map<String, Value>> {
    let named = names.into_iter().zip(services).map(|(name, mut service)| {
        service.insert("name".to_owned(), json!(name));
        if let Some(host) = service.get_mut("expose").and_then(|expose| expose.get_mut("host")) {
            *host =
                json!(host.as_str().expect("text").replace("example.com", &format!("{name}.example.com")));
        }
        service
    });
    named.collect()
}

fn network() -> Part {
    maybe(
        object(vec![
            ("isolation", one_of(vec![json!("Strict"), json!("Lenient"), json!("Disabled")])),
            ("monitoringNamespace", one_of(vec![json!(MONITORING)])),
            ("nodeCidrs", one_of(vec![json!(["10.128.0.0/16"])])),
        ])
        .prop_map(Value::Object),
    )
}

/// Databases are shared and events not published at random; the checks have tests of their own.
fn waivers() -> Value {
    let waiver = |check| json!({"check": check, "reason": "at random"});
    json!({"waivers": [waiver("shared-database"), waiver("unpublished-event")]})
}

/// A whole spec that is right.
pub(crate) fn spec() -> BoxedStrategy<Value> {
    let long = "a-name-of-exactly-sixty-three-letters-which-is-as-long-as-it-may-be";
    let names = vec!["cart", "catalog", "api", "web-2", "x", &long[..63]];
    let names = subsequence(names, 1..=6).prop_shuffle();
    let services = (names, vec(service(), 6), vec(edge(), 66))
        .prop_map(|(names, services, edges)| Value::Array(connected(named(names, services), &edges)));
    let profile = |name: &'static str| {
        settings().prop_map(move |mut settings| {
            settings.insert("name".to_owned(), json!(name));
            Value::Object(settings)
        })
    };
    let profiles = (profile("careful"), profile("plain")).prop_map(|(one, other)| Some(json!([one, other])));
    object(vec![
        ("services", services.prop_map(Some).boxed()),
        ("defaults", maybe(settings().prop_map(Value::Object))),
        ("profiles", profiles.boxed()),
        ("network", network()),
        ("backingServices", Just(Some(Value::Array(backing()))).boxed()),
        ("externalServices", Just(Some(Value::Array(external()))).boxed()),
        ("suspend", one_of(vec![json!(false)])),
        ("checks", Just(Some(waivers())).boxed()),
    ])
    .prop_map(Value::Object)
    .boxed()
}

/// Lists whose order says nothing, by the name of their field.
const UNORDERED: [&str; 13] = [
    "services",
    "domains",
    "entries",
    "events",
    "publishes",
    "consumes",
    "dependencies",
    "files",
    "scratch",
    "profiles",
    "backingServices",
    "externalServices",
    "imagePullSecrets",
];

/// The same spec with the lists whose order says nothing in another order.
pub(crate) fn shuffled(spec: &Value, rounds: &[Index]) -> Value {
    fn walk(value: &mut Value, unordered: bool, rounds: &mut impl Iterator<Item = Index>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    walk(field, UNORDERED.contains(&name.as_str()), rounds);
                }
            }
            Value::Array(items) => {
                if unordered {
                    for at in (1..items.len()).rev() {
                        items.swap(at, rounds.next().map_or(0, |index| index.index(at + 1)));
                    }
                }
                items.iter_mut().for_each(|item| walk(item, false, rounds));
            }
            _ => {}
        }
    }
    let mut spec = spec.clone();
    walk(&mut spec, false, &mut rounds.iter().copied().cycle());
    spec
}

/// Any JSON, often with names that the resource knows.
pub(crate) fn json() -> BoxedStrategy<Value> {
    let names = select(vec![
        "services",
        "name",
        "image",
        "ports",
        "port",
        "dependencies",
        "env",
        "value",
        "from",
        "files",
        "path",
        "contents",
        "probes",
        "autoscaling",
        "replicas",
        "defaults",
        "resources",
        "requests",
        "cpu",
        "network",
        "expose",
        "rollout",
        "maxSurge",
        "gracefulStop",
        "period",
        "labels",
        "startAfter",
        "cidrs",
        "secret",
    ]);
    let names = prop_oneof![4 => names.prop_map(str::to_owned), 1 => ".{0,6}".boxed()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        "[0-9.+eE$(){}%:/-]{0,12}".prop_map(Value::from),
        "[0-9]{1,5}(h|m|s|ms)".prop_map(Value::from),
        "[0-9]{1,31}([KMGTPE]i|[numkMGTPE]|e[0-9]{1,3})".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::Array),
            btree_map(names.clone(), inner, 0..7).prop_map(|fields| json!(fields)),
        ]
    })
    .boxed()
}

/// The spec with one of its values replaced.
pub(crate) fn damaged(spec: &Value, at: Index, by: Value) -> Value {
    fn count(value: &Value) -> usize {
        1 + match value {
            Value::Object(fields) => fields.values().map(count).sum(),
            Value::Array(items) => items.iter().map(count).sum(),
            _ => 0,
        }
    }
    fn replace(value: &mut Value, left: &mut usize, by: &mut Option<Value>) {
        if *left == 0 {
            if let Some(by) = by.take() {
                *value = by;
            }
            return;
        }
        *left -= 1;
        let children: Vec<&mut Value> = match value {
            Value::Object(fields) => fields.values_mut().collect(),
            Value::Array(items) => items.iter_mut().collect(),
            _ => Vec::new(),
        };
        for child in children {
            if by.is_some() {
                replace(child, left, by);
            }
        }
    }
    let mut spec = spec.clone();
    let mut left = at.index(count(&spec));
    replace(&mut spec, &mut left, &mut Some(by));
    spec
}
