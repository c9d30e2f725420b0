//! What is refused in a field of the resource, the API server refuses in the object that is made of it, and what it
//! refuses is refused: nobody learns of a mistake only when half of the app is written.

use anyhow::{Result, ensure};
use msapp_core::{
    build, graph,
    source::{Bindings, Source},
};
use msapp_e2e::{Cluster, Namespace};
use serde_json::{Value, json};

/// Where values are written in a spec, where they end up, and what is tried there. Objects are given as JSON.
struct Field {
    written: &'static str,
    kind: &'static str,
    stored: &'static str,
    tried: &'static [&'static str],
}

/// Names of objects, and what is none.
const NAMES: &[&str] = &["a", "a.b", LONG_PART, "A", "a b", "a/b", "-a", "a_b"];
/// Longer than a part of a DNS name can be.
const LONG_PART: &str = "a-name-of-which-one-part-is-longer-than-the-sixty-three-letters-of-dns.b";

const HOST: Field = Field {
    written: "/services/0/expose/host",
    kind: "Ingress",
    stored: "/spec/rules/0/host",
    tried: &[
        "a.example",
        "*.a",
        "*.1.2.3.4",
        "1.2.3.4",
        "1.2.3",
        "999.1.1.1",
        "::1",
        "a.b.",
        "A.b",
        "a_b",
        "*.",
        "foo.*",
    ],
};

const PATH: Field = Field {
    written: "/services/0/expose/path",
    kind: "Ingress",
    stored: "/spec/rules/0/http/paths/0/path",
    tried: &[
        "/", "/a/", "/a b", "/.a", "/a/...", "/a/..b", "/a%2e", "/a//b", "//", "/a/./b", "/a/../b", "/a/.",
        "/a/..", "/..", "/.", "/a%2fb", "/a%2Fb", "a",
    ],
};

const CLASS: Field = Field {
    written: "/services/0/expose/class",
    kind: "Ingress",
    stored: "/spec/ingressClassName",
    tried: NAMES,
};

const TLS_SECRET: Field = Field {
    written: "/services/0/expose/tlsSecret",
    kind: "Ingress",
    stored: "/spec/tls/0/secretName",
    tried: NAMES,
};

const MAX_UNAVAILABLE: Field = Field {
    written: "/services/0/rollout/maxUnavailable",
    kind: "Deployment",
    stored: "/spec/strategy/rollingUpdate/maxUnavailable",
    tried: &["0%", "100%", "101%", "99999%"],
};

const MAX_SURGE: Field = Field {
    written: "/services/0/rollout/maxSurge",
    kind: "Deployment",
    stored: "/spec/strategy/rollingUpdate/maxSurge",
    tried: &["100%", "101%", "200%"],
};

const MIN_AVAILABLE: Field = Field {
    written: "/services/0/disruptionBudget/minAvailable",
    kind: "PodDisruptionBudget",
    stored: "/spec/minAvailable",
    tried: &["0%", "007%", "100%", "101%"],
};

const SECRET_NAME: Field = Field {
    written: "/services/0/env/0/secret/name",
    kind: "Deployment",
    stored: "/spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef/name",
    tried: NAMES,
};

const SECRET_KEY: Field = Field {
    written: "/services/0/env/0/secret/key",
    kind: "Deployment",
    stored: "/spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef/key",
    tried: &["b", ".b", "tls.crt", ".", "..", "..b", "b/c", "b c", "ä"],
};

const RESOURCES: Field = Field {
    written: "/services/0/resources",
    kind: "Deployment",
    stored: "/spec/template/spec/containers/0/resources",
    tried: &[
        r#"{"limits": {"a/b": "2"}}"#,
        r#"{"requests": {"a/b": "2"}, "limits": {"a/b": "2"}}"#,
        r#"{"requests": {"a/b": "2"}}"#,
        r#"{"requests": {"a/b": "1"}, "limits": {"a/b": "2"}}"#,
        r#"{"limits": {"a/b": "1500m"}}"#,
        r#"{"limits": {"kubernetes.io/x": "2"}}"#,
        r#"{"limits": {"a/b/c": "2"}}"#,
        r#"{"limits": {"requests.a/b": "2"}}"#,
        r#"{"limits": {"A.b/c": "2"}}"#,
        r#"{"limits": {"a/-b": "2"}}"#,
        r#"{"limits": {"/a": "2"}}"#,
        r#"{"limits": {"a/": "2"}}"#,
        r#"{"limits": {"pods": "2"}}"#,
        r#"{"limits": {"hugepages-": "2", "cpu": "1"}}"#,
        r#"{"limits": {"hugepages-x": "2", "cpu": "1"}}"#,
        r#"{"limits": {"hugepages-2Mi": "4Mi", "cpu": "1"}}"#,
        r#"{"limits": {"hugepages-2Mi": "3Mi", "cpu": "1"}}"#,
        r#"{"limits": {"hugepages-2Mi": "4Mi"}}"#,
        r#"{"requests": {"hugepages-2Mi": "2Mi", "cpu": "1"}, "limits": {"hugepages-2Mi": "4Mi"}}"#,
        r#"{"requests": {"hugepages-2Mi": "2Mi", "cpu": "1"}}"#,
    ],
};

const METRIC_NAME: Field = Field {
    written: "/services/0/autoscaling/metrics/0/external/name",
    kind: "HorizontalPodAutoscaler",
    stored: "/spec/metrics/0/external/metric/name",
    tried: &["q", "a b", "a/b", "a%b", ".", ".."],
};

const METRIC_VALUE: Field = Field {
    written: "/services/0/autoscaling/metrics/0/external/value",
    kind: "HorizontalPodAutoscaler",
    stored: "/spec/metrics/0/external/target/value",
    tried: &["1m", "1", "0", "0.0"],
};

const METRIC_OBJECT: Field = Field {
    written: "/services/0/autoscaling/metrics/1/object/object",
    kind: "HorizontalPodAutoscaler",
    stored: "/spec/metrics/1/object/describedObject",
    tried: &[
        r#"{"apiVersion": "v1", "kind": "Service", "name": "web"}"#,
        r#"{"apiVersion": "v1", "kind": "K", "name": "A b"}"#,
        r#"{"apiVersion": "a/b/c", "kind": "K", "name": "x"}"#,
        r#"{"apiVersion": "v1", "kind": "a/b", "name": "x"}"#,
        r#"{"apiVersion": "v1", "kind": "K", "name": "a/b"}"#,
        r#"{"apiVersion": "v1", "kind": "K", "name": ".."}"#,
    ],
};

const ALIKE: [Field; 13] = [
    HOST,
    PATH,
    CLASS,
    TLS_SECRET,
    MAX_UNAVAILABLE,
    MAX_SURGE,
    MIN_AVAILABLE,
    SECRET_NAME,
    SECRET_KEY,
    RESOURCES,
    METRIC_NAME,
    METRIC_VALUE,
    METRIC_OBJECT,
];

/// The API server takes these, and whoever reads them next gives up: the kubelet, the autoscaler, an older API server.
const REFUSED_EARLIER: [Field; 5] = [
    Field {
        written: "/services/0/image",
        kind: "Deployment",
        stored: "/spec/template/spec/containers/0/image",
        tried: &["a b", "Shop/Web", "web:", "web@sha256:0", "https://registry.test/web"],
    },
    Field {
        written: "/services/0/files/0/secret/name",
        kind: "Deployment",
        stored: "/spec/template/spec/volumes/0/secret/secretName",
        tried: &["A", "a/b"],
    },
    Field {
        written: "/services/0/env/0/name",
        kind: "Deployment",
        stored: "/spec/template/spec/containers/0/env/1/name",
        tried: &[".", "..", "..a"],
    },
    Field {
        written: "/services/0/autoscaling/metrics/0/external/selector",
        kind: "HorizontalPodAutoscaler",
        stored: "/spec/metrics/0/external/metric/selector/matchLabels",
        tried: &[r#"{"a b": "c"}"#, r#"{"a": "b c"}"#, r#"{"a/b/c": "d"}"#, r#"{"a": "-b"}"#],
    },
    Field {
        written: "/services/0/imagePullSecrets/0",
        kind: "Deployment",
        stored: "/spec/template/spec/imagePullSecrets/0/name",
        tried: &["A", "a/b"],
    },
];

/// A spec in which every one of the fields has a value that is right.
fn good() -> Value {
    json!({"services": [{
        "name": "web",
        "image": "registry.test/web:1",
        "ports": [{"name": "http", "port": 80}],
        "expose": {"host": "a.test", "path": "/", "class": "nginx", "tlsSecret": "tls", "controllerNamespace": "ingress"},
        "rollout": {"maxSurge": 1, "maxUnavailable": 0},
        "disruptionBudget": {"minAvailable": 1},
        "env": [{"name": "A", "secret": {"name": "a", "key": "b"}}],
        "files": [{"path": "/etc/secret", "secret": {"name": "a"}}],
        "imagePullSecrets": ["registry"],
        "resources": {"limits": {"cpu": 1}},
        "autoscaling": {"maxReplicas": 3, "metrics": [
            {"external": {"name": "q", "value": 1, "selector": {"a": "b"}}},
            {"object": {"name": "q", "value": 1, "object": {"apiVersion": "v1", "kind": "Service", "name": "web"}}},
        ]},
    }]})
}

fn source(namespace: &str, spec: Value) -> Source {
    Source {
        name: "verdicts".into(),
        namespace: namespace.into(),
        generation: 1,
        spec,
        bindings: Bindings::new(),
    }
}

fn value(text: &str) -> Value {
    let object = if text.starts_with('{') { serde_json::from_str(text).ok() } else { None };
    object.unwrap_or_else(|| json!(text))
}

/// What the core says of the spec with this value, and the API server of the object with it.
async fn verdicts(
    cluster: &Cluster,
    namespace: &str,
    field: &Field,
    tried: &str,
) -> Result<(Option<String>, Option<String>)> {
    let mut bad = good();
    *bad.pointer_mut(field.written).expect("the field is written") = value(tried);
    let ours = graph::resolve(&source(namespace, bad)).err().map(|violations| violations.to_string());
    let app = graph::resolve(&source(namespace, good())).expect("it is right");
    let objects = build::objects(&app);
    let object = objects.iter().find(|object| object.key.kind.as_str() == field.kind).expect("it is made");
    let mut manifest = object.manifest.clone();
    *manifest.pointer_mut(field.stored).unwrap_or_else(|| panic!("no {}", field.stored)) = value(tried);
    let apply = ["apply", "--server-side", "--dry-run=server", "--field-manager=trial", "--filename=-"];
    let theirs = cluster.kubectl_with(apply, &manifest.to_string()).await.err();
    Ok((ours, theirs.map(|error| format!("{error:#}"))))
}

#[tokio::test]
async fn the_core_and_the_api_server_refuse_the_same_values() -> Result<()> {
    let cluster = Cluster::shared().await;
    let namespace = Namespace::create(&cluster, "verdicts").await?;
    let mut differing = Vec::new();
    for field in &ALIKE {
        for tried in field.tried {
            let (ours, theirs) = verdicts(&cluster, namespace.name(), field, tried).await?;
            if ours.is_some() != theirs.is_some() {
                differing.push(format!("{} {tried}: {ours:?}, but {theirs:?}", field.written));
            }
        }
    }
    ensure!(differing.is_empty(), "{differing:#?}");
    Ok(())
}

#[tokio::test]
async fn what_the_api_server_takes_and_nobody_could_use_is_refused_with_its_path() -> Result<()> {
    let cluster = Cluster::shared().await;
    let namespace = Namespace::create(&cluster, "unusable").await?;
    for field in &REFUSED_EARLIER {
        for tried in field.tried {
            let (ours, theirs) = verdicts(&cluster, namespace.name(), field, tried).await?;
            ensure!(theirs.is_none(), "{} {tried}: it does not take it: {theirs:?}", field.written);
            let ours = ours.unwrap_or_default();
            ensure!(ours.starts_with("spec.services[0]."), "{} {tried}: {ours}", field.written);
        }
    }
    Ok(())
}
