//! What the chart renders, and what it refuses to render.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::helm::{
    NAMESPACE, RELEASE, Rendered, chart, helm, name_of, render, render_file, strings, try_render,
    values_file, values_files,
};

/// Kinds that belong to no namespace.
const CLUSTER_KINDS: [&str; 4] =
    ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "FlowSchema"];
/// Kinds that grant something.
const ROLE_KINDS: [&str; 2] = ["ClusterRole", "Role"];
/// What an application consists of.
const CHILDREN: [&str; 8] = [
    "/configmaps",
    "/serviceaccounts",
    "/services",
    "apps/deployments",
    "autoscaling/horizontalpodautoscalers",
    "networking.k8s.io/ingresses",
    "networking.k8s.io/networkpolicies",
    "policy/poddisruptionbudgets",
];

#[test]
fn every_set_of_values_passes_the_linter() {
    let chart = chart().display().to_string();
    for name in values_files() {
        let linted = helm(&["lint", "--strict", &chart, "--values", &values_file(&name)]);
        assert!(linted.is_ok(), "{name}: {}", linted.expect_err("refused"));
    }
}

#[test]
fn every_object_lies_in_its_namespace_and_says_which_release_made_it() {
    for name in values_files() {
        let rendered = render_file(&name);
        for object in &rendered.objects {
            let labels = &object["metadata"]["labels"];
            let what = format!("{name}: {}", name_of(object));
            assert_eq!(labels["app.kubernetes.io/name"], "msapp", "{what}");
            assert_eq!(labels["app.kubernetes.io/instance"], RELEASE, "{what}");
            assert_eq!(labels["app.kubernetes.io/managed-by"], "Helm", "{what}");
            let of_cluster = CLUSTER_KINDS.contains(&object["kind"].as_str().expect("a kind"));
            assert_eq!(object["metadata"]["namespace"].is_null(), of_cluster, "{what}");
        }
        let names = rendered.names();
        assert_eq!(
            names.len(),
            names.iter().collect::<BTreeSet<_>>().len(),
            "{name} renders an object twice"
        );
    }
}

#[test]
fn no_rule_holds_a_wildcard() {
    for name in values_files() {
        for grant in ROLE_KINDS.iter().flat_map(|kind| grants_of_kind(&render_file(&name), kind)) {
            assert!(!grant.contains('*'), "{name} grants {grant}");
        }
    }
}

#[test]
fn the_operator_is_granted_what_it_uses_and_nothing_else() {
    let rendered = render(&[]);
    assert_eq!(grants(rendered.named("ClusterRole", "msapp")), with_secrets(expected_grants()));
    let own = [
        "create coordination.k8s.io/leases",
        "get coordination.k8s.io/leases msapp",
        "update coordination.k8s.io/leases msapp",
        "create /secrets",
        "get /secrets msapp-digest-key",
    ];
    assert_eq!(grants(rendered.only("Role")), own.map(str::to_owned).into());
}

#[test]
fn every_binding_binds_a_rendered_role_to_the_operators_account() {
    for name in values_files() {
        let rendered = render_file(&name);
        let account = rendered.only("ServiceAccount")["metadata"]["name"].clone();
        let pods = &rendered.only("Deployment")["spec"]["template"]["spec"];
        assert_eq!(pods["serviceAccountName"], account, "{name}");
        for binding in [rendered.of_kind("RoleBinding"), rendered.of_kind("ClusterRoleBinding")].concat() {
            let role = &binding["roleRef"];
            let role = json!({"kind": role["kind"], "metadata": {"namespace": binding["metadata"]["namespace"], "name": role["name"]}});
            assert!(rendered.names().contains(&name_of(&role)), "{name}: {} binds nothing", name_of(binding));
            let subject = json!([{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}]);
            assert_eq!(binding["subjects"], subject, "{name}: {}", name_of(binding));
        }
    }
}

#[test]
fn a_namespaced_operator_has_a_role_in_each_namespace_and_no_right_in_the_cluster() {
    let rendered = render_file("namespaced-values.yaml");
    for kind in ["ClusterRole", "ClusterRoleBinding", "FlowSchema"] {
        assert!(rendered.of_kind(kind).is_empty(), "{kind}");
    }
    for namespace in ["shop", "shop-staging"] {
        let roles = rendered.of_kind("Role");
        let role = roles.iter().find(|role| role["metadata"]["namespace"] == namespace).expect("a role");
        assert_eq!(grants(role), with_secrets(expected_grants()), "{namespace}");
    }
    assert!(rendered.arguments().contains(&"--watch-namespaces=shop,shop-staging"));
}

#[test]
fn a_namespaced_operator_without_a_list_watches_its_own_namespace() {
    let rendered = render(&["--set", "watch.scope=Namespaces"]);
    assert!(rendered.arguments().contains(&"--watch-namespaces=msapp-system"));
    assert!(rendered.names().contains(&"Role msapp-system/msapp".to_owned()));
}

#[test]
fn a_restricted_operator_is_let_out_to_the_api_server_and_where_it_is_told_alone() {
    let server = [
        "networkPolicy.enabled=true",
        "networkPolicy.apiServerPorts={6443}",
        "networkPolicy.apiServerCIDRs={10.0.0.1/32}",
    ];
    let rendered = render(&server.map(|value| ["--set", value]).concat());
    let out = &rendered.only("NetworkPolicy")["spec"]["egress"];
    let server =
        json!({"ports": [{"port": 6443, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]});
    assert_eq!(out, &json!([server]));
    let more = render_file("monitoring-values.yaml");
    let more = more.only("NetworkPolicy")["spec"]["egress"].as_array().expect("rules").clone();
    assert_eq!(more.len(), 2, "the API server and what the values add: {more:?}");
}

#[test]
fn without_the_right_to_read_secrets_no_rule_names_them() {
    let namespaced = ["--set", "watch.scope=Namespaces,rbac.readSecrets=false"];
    for rendered in [render_file("no-secrets-values.yaml"), render(&namespaced)] {
        let all: Vec<String> = ROLE_KINDS.iter().flat_map(|kind| grants_of_kind(&rendered, kind)).collect();
        assert!(all.len() > 20 && !all.iter().any(|grant| grant.contains("/secrets")), "{all:?}");
        assert!(rendered.arguments().contains(&"--read-secrets=false"));
    }
}

#[test]
fn provisioned_services_are_opened_by_whoever_labels_a_role_and_only_when_that_is_asked_for() {
    let name = "msapp-service-binding";
    assert!(!render(&[]).names().contains(&format!("ClusterRole {name}")));
    let rendered = render_file("service-binding-values.yaml");
    let role = rendered.named("ClusterRole", name);
    let label = json!([{"matchLabels": {"servicebinding.io/controller": "true"}}]);
    assert_eq!(role["aggregationRule"]["clusterRoleSelectors"], label);
    assert!(role["rules"].is_null(), "Kubernetes fills them in: {role}");
    assert_eq!(rendered.named("ClusterRoleBinding", name)["roleRef"]["name"], name);

    let namespaced = "rbac.serviceBinding=true,watch.scope=Namespaces,watch.namespaces={shop,till}";
    let rendered = render(&["--set", namespaced]);
    assert!(rendered.of_kind("ClusterRoleBinding").is_empty());
    for namespace in ["shop", "till"] {
        let bound = |binding: &&Value| {
            binding["metadata"]["namespace"] == namespace && binding["roleRef"]["name"] == name
        };
        let bindings = rendered.of_kind("RoleBinding");
        assert_eq!(bindings.iter().filter(|binding| bound(binding)).count(), 1, "{namespace}");
    }
}

#[test]
fn people_get_what_their_built_in_role_stands_for() {
    let rendered = render(&["--set", "rbac.aggregateToEdit=false"]);
    let label = |role: &str, to: &str| {
        let key = format!("rbac.authorization.k8s.io/aggregate-to-{to}");
        rendered.named("ClusterRole", role)["metadata"]["labels"][key] == "true"
    };
    assert!(label("msapp-view", "view") && !label("msapp-view", "edit"));
    assert!(label("msapp-edit", "admin") && !label("msapp-edit", "edit"));
    assert!(
        grants(rendered.named("ClusterRole", "msapp-view"))
            .iter()
            .all(|grant| { ["get ", "list ", "watch "].iter().any(|verb| grant.starts_with(verb)) })
    );
    assert_eq!(render_file("minimal-values.yaml").of_kind("ClusterRole").len(), 1);
}

#[test]
fn the_release_holds_the_generated_definition_and_keeps_it() {
    let rendered = render(&[]);
    let definition = rendered.only("CustomResourceDefinition");
    let generated = serde_json::to_value(msapp_crds::crd()).expect("data");
    assert_eq!(definition["spec"], generated["spec"], "run `make generate`");
    assert_eq!(definition["metadata"]["name"], generated["metadata"]["name"]);
    assert_eq!(definition["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    let fleeting = render(&["--set", "crds.keep=false"]);
    assert!(fleeting.only("CustomResourceDefinition")["metadata"]["annotations"].is_null());
    assert!(render(&["--set", "crds.enabled=false"]).of_kind("CustomResourceDefinition").is_empty());
}

#[test]
fn an_operator_without_a_lease_never_runs_beside_its_successor() {
    let rendered = render_file("minimal-values.yaml");
    assert_eq!(rendered.only("Deployment")["spec"]["strategy"]["type"], "Recreate");
    assert!(rendered.arguments().contains(&"--leader-election=false"));
    assert!(rendered.of_kind("FlowSchema").is_empty() && rendered.of_kind("PodDisruptionBudget").is_empty());
}

#[test]
fn only_more_than_one_replica_is_spread_and_protected_from_eviction() {
    let spread = |rendered: &Rendered| {
        !rendered.only("Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"].is_null()
    };
    let (one, two) = (render(&["--set", "replicaCount=1"]), render(&[]));
    assert!(!spread(&one) && one.of_kind("PodDisruptionBudget").is_empty());
    assert!(spread(&two) && two.only("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1);
}

#[test]
fn a_digest_decides_what_is_pulled() {
    let rendered = render_file("ha-values.yaml");
    let image = &rendered.only("Deployment")["spec"]["template"]["spec"]["containers"][0]["image"];
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(image, &format!("ghcr.io/msapp/msapp:{version}@sha256:{}", "0".repeat(64)));
}

#[test]
fn labels_of_the_house_do_not_change_what_selects_the_pods() {
    let rendered = render(&[
        "--set",
        "commonLabels.app\\.kubernetes\\.io/name=x,podLabels.app\\.kubernetes\\.io/instance=y",
    ]);
    let spec = &rendered.only("Deployment")["spec"];
    for (key, value) in spec["selector"]["matchLabels"].as_object().expect("labels") {
        assert_eq!(&spec["template"]["metadata"]["labels"][key], value);
    }
    let labelled = render_file("podmonitor-values.yaml");
    assert_eq!(labelled.only("Deployment")["spec"]["template"]["metadata"]["labels"]["team"], "platform");
    assert_eq!(labelled.only("PodMonitor")["metadata"]["labels"]["app.kubernetes.io/part-of"], "platform");
}

#[test]
fn a_new_version_of_the_chart_alone_does_not_replace_the_operators_pods() {
    let rendered = render(&[]);
    let labels = &rendered.only("Deployment")["spec"]["template"]["metadata"]["labels"];
    assert!(labels["helm.sh/chart"].is_null() && labels["app.kubernetes.io/version"].is_null());
}

#[test]
fn a_monitor_is_rendered_as_its_mode_says() {
    let with = |mode: &str, served: &[&str]| {
        let mode = format!("metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.renderMode={mode}");
        let mut arguments = vec!["--set", mode.as_str()];
        arguments.extend(served);
        try_render(&arguments).map(|rendered| rendered.of_kind("ServiceMonitor").len())
    };
    let served = ["--api-versions", "monitoring.coreos.com/v1/ServiceMonitor"];
    assert_eq!(with("skipIfMissing", &[]), Ok(0));
    assert_eq!(with("skipIfMissing", &served), Ok(1));
    assert_eq!(with("failIfMissing", &served), Ok(1));
    assert_eq!(with("alwaysRender", &[]), Ok(1));
    let refusal = with("failIfMissing", &[]).expect_err("the kind is not served");
    assert!(refusal.contains("does not serve monitoring.coreos.com/v1 ServiceMonitor"), "{refusal}");
}

#[test]
fn values_that_do_not_exist_or_have_the_wrong_type_are_refused_by_path() {
    for (set, path) in [
        ("replicas=2", "'replicas' not allowed"),
        ("image.name=x", "/image"),
        ("metrics.serviceMonitor.labelz.a=b", "/metrics/serviceMonitor"),
        ("securityContext.capabilitys=x", "/securityContext"),
        ("replicaCount=two", "/replicaCount"),
        ("watch.scope=Everything", "/watch/scope"),
        ("securityContext.privileged=true", "/securityContext/privileged"),
        ("podDisruptionBudget.maxUnavailable=0", "/podDisruptionBudget/maxUnavailable"),
        ("leaderElection.leaseDuration=soon", "/leaderElection/leaseDuration"),
    ] {
        let refusal = try_render(&["--set", set]).err().unwrap_or_else(|| panic!("{set} was accepted"));
        assert!(refusal.contains("schema") && refusal.contains(path), "{set}: {refusal}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_with_what_to_change() {
    for (set, advice) in [
        ("watch.namespaces={shop}", "set watch.scope to Namespaces"),
        ("leaderElection.enabled=false", "set replicaCount to 1"),
        ("metrics.podMonitor.enabled=true,metrics.serviceMonitor.enabled=true", "enable one of them"),
        ("metrics.serviceMonitor.enabled=true,metrics.service.enabled=false", "enable the Service"),
    ] {
        let refusal = try_render(&["--set", set]).err().unwrap_or_else(|| panic!("{set} was accepted"));
        assert!(refusal.contains(advice), "{set}: {refusal}");
    }
}

#[test]
fn a_cluster_that_is_too_old_is_refused() {
    let refusal = try_render(&["--kube-version", "1.29.14"]).err().expect("1.29 is too old");
    assert!(refusal.contains(">=1.30.0"), "{refusal}");
}

/// What the controller uses in every namespace that it watches, Secrets apart.
fn expected_grants() -> BTreeSet<String> {
    let mut expected = BTreeSet::new();
    let mut grant = |verbs: &[&str], resource: &str| {
        expected.extend(verbs.iter().map(|verb| format!("{verb} {resource}")));
    };
    grant(&["list", "watch"], "msapp.dev/microserviceapps");
    grant(&["patch"], "msapp.dev/microserviceapps/status");
    for child in CHILDREN {
        grant(&["list", "watch", "create", "patch", "delete"], child);
    }
    grant(&["list", "watch"], "/pods");
    grant(&["list", "watch"], "/events");
    grant(&["create"], "events.k8s.io/events");
    expected
}

fn with_secrets(mut grants: BTreeSet<String>) -> BTreeSet<String> {
    grants.extend(["list", "watch", "get"].map(|verb| format!("{verb} /secrets")));
    grants
}

fn grants_of_kind(rendered: &Rendered, kind: &str) -> BTreeSet<String> {
    rendered.of_kind(kind).into_iter().flat_map(grants).collect()
}

/// Every right of a role by itself: `verb group/resource`, and the name where it is limited to one.
fn grants(role: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    // Those of an aggregated role are nobody's but Kubernetes' to write.
    let aggregated = role["aggregationRule"].is_object();
    assert!(aggregated || role["rules"].is_array(), "a role has rules: {role}");
    for rule in role["rules"].as_array().into_iter().flatten() {
        assert!(rule["nonResourceURLs"].is_null(), "{rule}");
        for (group, resource) in pairs(&rule["apiGroups"], &rule["resources"]) {
            for verb in strings(&rule["verbs"]) {
                let grant = format!("{verb} {group}/{resource}");
                match strings(&rule["resourceNames"])[..] {
                    [] => _ = all.insert(grant),
                    ref names => all.extend(names.iter().map(|name| format!("{grant} {name}"))),
                }
            }
        }
    }
    all
}

fn pairs<'a>(left: &'a Value, right: &'a Value) -> Vec<(&'a str, &'a str)> {
    strings(left).into_iter().flat_map(|l| strings(right).into_iter().map(move |r| (l, r))).collect()
}
