//! The container, how many there are, and how they come and go.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_crds::v1alpha1::{SpreadRule, Visibility};

use super::facts::Facts;
use crate::difference::credential::hidden_words;
use crate::graph::{Budget, Scaling};
use crate::violation::field_path;

/// What it is, and what it takes to run one.
pub(super) fn explain(facts: &mut Facts<'_>) {
    let service = facts.service;
    let own = |field: &str| vec![format!("{}.{field}", service.path)];
    facts.written("image", &service.image, own("image"), "");
    for (field, words) in [("command", &service.command), ("args", &service.args)] {
        if !words.is_empty() {
            facts.written(field, format!("{:?}", hidden_words(words)), own(field), "");
        }
    }
    if let Some(profile) = facts.value(&format!("{}.profile", service.path)) {
        facts.written("profile", profile.as_str().unwrap_or_default(), own("profile"), "");
    }
    if let Some(domain) = &service.domain {
        facts.written("domain", domain, own("domain"), "");
    }
    let visibility = if service.visibility == Visibility::Internal { "Internal" } else { "Public" };
    facts.first(
        "visibility",
        visibility,
        &own("visibility"),
        "a service may be exposed unless it says otherwise",
    );
    ports(facts);
    scaling(facts);
    resources(facts);
}

fn ports(facts: &mut Facts<'_>) {
    let service = facts.service;
    for (index, port) in service.ports.iter().enumerate() {
        let path = format!("{}.ports[{index}]", service.path);
        let field = format!("ports.{}", port.name);
        facts.written(format!("{field}.port"), port.port, vec![format!("{path}.port")], "");
        let target = [format!("{path}.targetPort")];
        facts.first(format!("{field}.targetPort"), port.target, &target, "the port of the Service");
        let protocol = [format!("{path}.protocol")];
        facts.first(format!("{field}.protocol"), format!("{:?}", port.protocol), &protocol, "usual");
    }
    if service.ports.is_empty() {
        facts.usual("ports", "none", "nobody can call it");
    }
}

fn scaling(facts: &mut Facts<'_>) {
    match &facts.service.settings.scaling {
        Scaling::Unset => {
            facts.usual("replicas", "1", "one at first; whoever scales it later is left alone");
        }
        Scaling::Fixed(replicas) => {
            let declared = facts.setting("replicas").into_iter().collect();
            facts.written("replicas", replicas, declared, "");
        }
        Scaling::Auto(spec) => autoscaling(facts, spec),
    }
}

fn autoscaling(facts: &mut Facts<'_>, spec: &HorizontalPodAutoscalerSpec) {
    facts.part("autoscaling", "minReplicas", spec.min_replicas.unwrap_or(1), "at least one");
    facts.part("autoscaling", "maxReplicas", spec.max_replicas, "");
    for metric in spec.metrics.iter().flatten().filter_map(|metric| metric.resource.as_ref()) {
        let percent = metric.target.average_utilization.unwrap_or_default();
        facts.part("autoscaling", &metric.name, format!("{percent} %"), "taken when no metric is given");
    }
    let others = spec.metrics.iter().flatten().filter(|metric| metric.resource.is_none()).count();
    if others > 0 {
        facts.part("autoscaling", "metrics", format!("{others} more"), "");
    }
    if spec.behavior.is_some() {
        facts.part("autoscaling", "behavior", "as written", "");
    }
}

fn resources(facts: &mut Facts<'_>) {
    let resources = &facts.service.settings.resources;
    let origin = facts.setting("resources").unwrap_or_default();
    for (list, amounts) in [("requests", &resources.requests), ("limits", &resources.limits)] {
        for (name, amount) in amounts.iter().flatten() {
            let path = field_path(&format!("{origin}.{list}"), name);
            facts.written(format!("resources.{list}.{name}"), &amount.0, vec![path], "");
        }
    }
    if resources.requests.is_none() && resources.limits.is_none() {
        facts.usual(
            "resources",
            "none",
            "the node gives what it has; the pod goes first when memory is short",
        );
    }
}

/// How pods are kept, replaced and protected.
pub(super) fn explain_operations(facts: &mut Facts<'_>) {
    budget(facts);
    let spread = facts.service.settings.spread;
    let usual = "a lost zone or node should not take every pod";
    for (field, rule) in [("zones", spread.zones), ("nodes", spread.nodes)] {
        facts.part("spread", field, shown_rule(rule), usual);
    }
    rollout(facts);
    let stop = facts.service.settings.stop;
    let drain = if facts.service.ports.is_empty() {
        "nobody calls it, so that it need not wait for callers"
    } else {
        "it goes on serving until its callers know that it leaves"
    };
    facts.part("gracefulStop", "drain", format!("{}s", stop.drain), drain);
    facts.part("gracefulStop", "period", format!("{}s", stop.period), "usual of Kubernetes");
    security(facts);
    if !facts.service.settings.image_pull_secrets.is_empty() {
        let declared = facts.setting("imagePullSecrets").into_iter().collect();
        let secrets = facts.service.settings.image_pull_secrets.join(", ");
        facts.written("imagePullSecrets", secrets, declared, "");
    }
}

fn shown_rule(rule: SpreadRule) -> &'static str {
    match rule {
        SpreadRule::Disabled => "Disabled",
        SpreadRule::Preferred => "Preferred",
        SpreadRule::Required => "Required",
    }
}

fn budget(facts: &mut Facts<'_>) {
    let usual = "one pod at a time, as there are always at least two";
    match &facts.service.settings.budget {
        Some(Budget::MinAvailable(amount)) => {
            facts.part("disruptionBudget", "minAvailable", shown(amount), usual);
        }
        Some(Budget::MaxUnavailable(amount)) => {
            facts.part("disruptionBudget", "maxUnavailable", shown(amount), usual);
        }
        None => {
            facts.usual("disruptionBudget", "none", "with a single pod it would block the drain of its node");
        }
    }
}

/// A number, a name or a share.
pub(super) fn shown(amount: &IntOrString) -> String {
    match amount {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

fn rollout(facts: &mut Facts<'_>) {
    let strategy = &facts.service.settings.strategy;
    match &strategy.rolling {
        None => facts.part("rollout", "strategy", "Recreate", ""),
        Some((surge, unavailable)) => {
            facts.part("rollout", "strategy", "RollingUpdate", "usual of Kubernetes");
            facts.part("rollout", "maxSurge", shown(surge), "usual of Kubernetes");
            facts.part(
                "rollout",
                "maxUnavailable",
                shown(unavailable),
                "no pod goes before its successor is ready",
            );
        }
    }
    let deadline = format!("{}s", strategy.progress_deadline);
    facts.part("rollout", "progressDeadline", deadline, "usual of Kubernetes");
    facts.part("rollout", "minReady", format!("{}s", strategy.min_ready), "usual of Kubernetes");
    facts.part("rollout", "revisionHistory", strategy.revision_history, "usual of Kubernetes");
}

/// Most of it no resource can change: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.
fn security(facts: &mut Facts<'_>) {
    let security = &facts.service.settings.security;
    let users = [
        ("runAsUser", security.run_as_user),
        ("runAsGroup", security.run_as_group),
        ("fsGroup", security.fs_group),
    ];
    for (field, id) in users {
        if let Some(id) = id {
            facts.part("security", field, id, "");
        }
    }
    let read_only = security.read_only_root_filesystem.unwrap_or(true);
    facts.part(
        "security",
        "readOnlyRootFilesystem",
        read_only,
        "scratch directories are for what is written",
    );
    if !security.add_capabilities.is_empty() {
        facts.part("security", "addCapabilities", format!("{:?}", security.add_capabilities), "");
    }
    let always = "always: Pod Security Standard \"restricted\"";
    for (field, value) in [
        ("runAsNonRoot", "true"),
        ("allowPrivilegeEscalation", "false"),
        ("capabilities", "all dropped"),
        ("seccompProfile", "RuntimeDefault"),
    ] {
        facts.usual(format!("security.{field}"), value, always);
    }
    facts.usual("security.serviceAccountToken", "none", "always: no service needs the Kubernetes API");
}
