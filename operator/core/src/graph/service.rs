//! One service, resolved.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar as BuiltEnv, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Stored;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use msapp_crds::v1alpha1::{
    DisruptionBudget, Expose, GracefulStop, IntOrPercent, MicroserviceAppSpec, Protocol, Resources, Rollout,
    RolloutStrategy, ServiceSpec, Spread as WrittenSpread,
};

use super::app::{Budget, Edge, Exposure, Port, ProbeSet, Scaling, Service, Spread, Stop, Strategy};
use super::autoscaling::{self, seconds};
use super::inherit::{Levels, Written, WrittenScaling};
use super::resolve::Targets;
use super::{edges, environment, network, ports, probes, storage};
use crate::labels::is_reserved;
use crate::reference::ReferenceUse;
use crate::scalar::{Quantity, is_dns_name};
use crate::violation::{Code, Violation, Violations, field_path, nearest};

/// What a service is resolved in.
pub(super) struct Context<'a> {
    pub spec: &'a MicroserviceAppSpec,
    pub targets: &'a Targets<'a>,
    pub isolated: bool,
    pub index: usize,
}

/// Longest of any duration that ends up as seconds in a Deployment: a day.
const LONGEST: i64 = 86_400;
const USUAL_DEADLINE: i32 = 600;
const USUAL_HISTORY: i32 = 10;
const USUAL_STOP: i32 = 30;
const USUAL_DRAIN: i32 = 5;

/// Resolves one service; whatever is wrong is reported and left out.
pub(super) fn resolve(
    context: &Context<'_>,
    written: &ServiceSpec,
    ports: Vec<Port>,
    violations: &mut Violations,
) -> Service {
    let path = format!("spec.services[{}]", context.index);
    let levels = Levels::of(context.spec, written, &path, violations);
    let mut references = Vec::new();
    let connected = connect(context, written, &path, &mut references, violations);
    let storage = storage::resolve(written, &connected.credentials, &path, &mut references, violations);
    let env = environment::resolve(connected.env, &levels.environment(), &mut references, violations);
    let scaling = scaling(&levels, violations);
    let probes = levels.nearest("probes", |settings| settings.probes.as_ref());
    check_image(&written.image, &format!("{path}.image"), violations);
    references.sort();
    references.dedup();
    Service {
        name: written.name.clone(),
        image: written.image.clone(),
        labels: tags(&levels, "labels", violations),
        annotations: tags(&levels, "annotations", violations),
        command: written.command.clone(),
        args: written.args.clone(),
        env,
        volumes: storage.volumes,
        mounts: storage.mounts,
        files: storage.files,
        resources: levels
            .nearest("resources", |settings| settings.resources.as_ref())
            .map(|resources| requirements(&resources, violations))
            .unwrap_or_default(),
        probes: probes.map_or_else(ProbeSet::default, |probes| probes::resolve(&probes, &ports, violations)),
        budget: budget(
            levels.nearest("disruptionBudget", |settings| settings.disruption_budget.as_ref()),
            &scaling,
            violations,
        ),
        scaling,
        spread: spread(levels.nearest("spread", |settings| settings.spread.as_ref())),
        strategy: strategy(levels.nearest("rollout", |settings| settings.rollout.as_ref()), violations),
        stop: stop(
            levels.nearest("gracefulStop", |settings| settings.graceful_stop.as_ref()),
            &ports,
            violations,
        ),
        security: levels
            .nearest("security", |settings| settings.security.as_ref())
            .map(|security| security.value.clone())
            .unwrap_or_default(),
        image_pull_secrets: levels
            .nearest_list("imagePullSecrets", |settings| &settings.image_pull_secrets)
            .map(|names| names.value.clone())
            .unwrap_or_default(),
        edges: connected.edges,
        callers: Vec::new(),
        start_after: started_before(written),
        exposure: written
            .expose
            .as_ref()
            .and_then(|expose| exposure(context, expose, &ports, &format!("{path}.expose"), violations)),
        ports,
        references,
        missing: Vec::new(),
        reference_digest: None,
    }
}

#[derive(Default)]
struct Connected {
    edges: Vec<Edge>,
    env: Vec<(BuiltEnv, String)>,
    credentials: BTreeMap<String, (String, bool)>,
}

fn connect(
    context: &Context<'_>,
    written: &ServiceSpec,
    path: &str,
    references: &mut Vec<ReferenceUse>,
    violations: &mut Violations,
) -> Connected {
    let mut connected = Connected::default();
    for (index, dependency) in written.dependencies.iter().enumerate() {
        let path = format!("{path}.dependencies[{index}]");
        let resolved = edges::resolve(dependency, &written.name, context.targets, &path, violations);
        if let Some(resolved) = resolved {
            connected.env.extend(resolved.env);
            references.extend(resolved.references);
            if let Some(secret) = resolved.credentials {
                connected.credentials.insert(resolved.edge.name.clone(), (secret, resolved.edge.optional));
            }
            connected.edges.push(resolved.edge);
        }
    }
    connected.edges.sort_by(|left, right| left.name.cmp(&right.name));
    connected
}

fn started_before(written: &ServiceSpec) -> std::collections::BTreeSet<String> {
    let edges = written.dependencies.iter().filter(|edge| edge.start_after == Some(true));
    edges.map(|edge| edge.name.clone()).collect()
}

fn check_image(image: &str, path: &str, violations: &mut Violations) {
    if image.chars().any(|letter| letter.is_whitespace() || letter.is_control())
        || image.starts_with(['/', '-', ':'])
    {
        let message = format!("{image:?} is no image such as registry.example/shop/cart:1.4.2");
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
}

/// Labels or annotations, but for those of Kubernetes and ours, which nobody may set.
fn tags(levels: &Levels<'_>, field: &str, violations: &mut Violations) -> BTreeMap<String, String> {
    let is_labels = field == "labels";
    let merged =
        levels.merged(field, |settings| if is_labels { &settings.labels } else { &settings.annotations });
    let mut tags = BTreeMap::new();
    for (key, written) in merged {
        if is_reserved(key) {
            let message = format!(
                "{key:?} is reserved: keys of kubernetes.io, k8s.io and msapp.dev are not for resources"
            );
            violations.push(Violation::new(written.path, Code::Forbidden, message));
        } else if !is_tag_key(key) || is_labels && !is_label_value(written.value) {
            let message = format!("{key}={:?} is no legal entry of {field}", written.value);
            violations.push(Violation::new(written.path, Code::InvalidValue, message));
        } else {
            tags.insert(key.to_owned(), written.value.to_owned());
        }
    }
    tags
}

fn is_tag_key(key: &str) -> bool {
    let (domain, name) = key.split_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    domain.is_none_or(is_dns_name) && !name.is_empty() && is_label_value(name)
}

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
fn is_label_value(value: &str) -> bool {
    let inner = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
    value.len() <= 63
        && value.bytes().all(inner)
        && value.bytes().next().is_none_or(|letter| letter.is_ascii_alphanumeric())
        && value.bytes().last().is_none_or(|letter| letter.is_ascii_alphanumeric())
}

fn requirements(written: &Written<'_, Resources>, violations: &mut Violations) -> ResourceRequirements {
    let (requests, limits) = (&written.value.requests, &written.value.limits);
    for (list, field) in [(requests, "requests"), (limits, "limits")] {
        for name in list.keys().filter(|name| !is_resource(name)) {
            let path = field_path(&format!("{}.{field}", written.path), name);
            let known = ["cpu", "memory", "ephemeral-storage"];
            let message = format!("{name:?} is no resource: {} or a name with a domain", known.join(", "));
            violations.push(Violation::new(path, Code::InvalidValue, message).suggest(nearest(name, known)));
        }
    }
    for (name, request) in requests {
        let (Some(limit), Some(asked)) = (limits.get(name), Quantity::parse(&request.0)) else { continue };
        if Quantity::parse(&limit.0).is_some_and(|most| asked.nano() > most.nano()) {
            let message = format!("the request {request} is more than the limit {limit}");
            violations.push(Violation::new(
                field_path(&format!("{}.requests", written.path), name),
                Code::InvalidValue,
                message,
            ));
        }
    }
    let stored = |list: &BTreeMap<String, msapp_crds::v1alpha1::Quantity>| {
        let list: BTreeMap<String, Stored> =
            list.iter().map(|(name, quantity)| (name.clone(), autoscaling::stored(quantity))).collect();
        (!list.is_empty()).then_some(list)
    };
    ResourceRequirements { requests: stored(requests), limits: stored(limits), claims: None }
}

fn is_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("hugepages-")
        || name.contains('/')
}

fn scaling(levels: &Levels<'_>, violations: &mut Violations) -> Scaling {
    match levels.scaling() {
        None => Scaling::Unset,
        Some(WrittenScaling::Fixed(replicas)) => Scaling::Fixed(replicas),
        Some(WrittenScaling::Auto(written)) => {
            Scaling::Auto(Box::new(autoscaling::resolve(&written, violations)))
        }
    }
}

/// What was asked for, or one pod at a time as soon as there are always at least two.
fn budget(
    written: Option<Written<'_, DisruptionBudget>>,
    scaling: &Scaling,
    violations: &mut Violations,
) -> Option<Budget> {
    let Some(Written { value, path }) = written else {
        let least = match scaling {
            Scaling::Unset => 1,
            Scaling::Fixed(replicas) => *replicas,
            Scaling::Auto(spec) => spec.min_replicas.unwrap_or(1),
        };
        return (least >= 2).then_some(Budget::MaxUnavailable(IntOrString::Int(1)));
    };
    match (&value.min_available, &value.max_unavailable) {
        (Some(least), None) => Some(Budget::MinAvailable(int_or_string(least))),
        (None, Some(most)) => Some(Budget::MaxUnavailable(int_or_string(most))),
        _ => {
            let message = "exactly one of minAvailable and maxUnavailable is given";
            violations.push(Violation::new(path, Code::Exclusive, message));
            None
        }
    }
}

fn int_or_string(written: &IntOrPercent) -> IntOrString {
    written.0.parse().map_or_else(|_| IntOrString::String(written.0.clone()), IntOrString::Int)
}

fn spread(written: Option<Written<'_, WrittenSpread>>) -> Spread {
    let written = written.map(|written| written.value.clone()).unwrap_or_default();
    Spread { zones: written.zones.unwrap_or_default(), nodes: written.nodes.unwrap_or_default() }
}

fn strategy(written: Option<Written<'_, Rollout>>, violations: &mut Violations) -> Strategy {
    let usual = Rollout::default();
    let (rollout, path) = written.map_or((&usual, String::new()), |written| (written.value, written.path));
    let surge = rollout.max_surge.as_ref().map_or(IntOrString::String("25%".to_owned()), int_or_string);
    let unavailable = rollout.max_unavailable.as_ref().map_or(IntOrString::Int(0), int_or_string);
    let recreate = rollout.strategy == Some(RolloutStrategy::Recreate);
    if recreate && (rollout.max_surge.is_some() || rollout.max_unavailable.is_some()) {
        let message = "maxSurge and maxUnavailable belong to RollingUpdate, not to Recreate";
        violations.push(Violation::new(format!("{path}.strategy"), Code::Exclusive, message));
    } else if !recreate && is_zero(&surge) && is_zero(&unavailable) {
        let message = "with maxSurge and maxUnavailable both 0 no pod could ever be replaced";
        violations.push(Violation::new(format!("{path}.maxSurge"), Code::InvalidValue, message));
    }
    let mut whole = |duration: &Option<msapp_crds::v1alpha1::Duration>, least: i64, field: &str| {
        duration
            .as_ref()
            .and_then(|text| seconds(&text.0, least, LONGEST, &format!("{path}.{field}"), violations))
    };
    let min_ready = whole(&rollout.min_ready, 0, "minReady").unwrap_or(0);
    let progress_deadline =
        whole(&rollout.progress_deadline, 1, "progressDeadline").unwrap_or(USUAL_DEADLINE);
    if progress_deadline <= min_ready {
        let message = format!("{progress_deadline}s is not longer than minReady, {min_ready}s");
        violations.push(Violation::new(format!("{path}.progressDeadline"), Code::InvalidValue, message));
    }
    Strategy {
        rolling: (!recreate).then_some((surge, unavailable)),
        progress_deadline,
        min_ready,
        revision_history: rollout.revision_history.unwrap_or(USUAL_HISTORY),
    }
}

fn is_zero(amount: &IntOrString) -> bool {
    match amount {
        IntOrString::Int(number) => *number == 0,
        IntOrString::String(text) => text.trim_start_matches('0') == "%",
    }
}

fn stop(written: Option<Written<'_, GracefulStop>>, ports: &[Port], violations: &mut Violations) -> Stop {
    let usual = GracefulStop::default();
    let (stop, path) = written.map_or((&usual, String::new()), |written| (written.value, written.path));
    let mut whole = |duration: &Option<msapp_crds::v1alpha1::Duration>, field: &str| {
        duration
            .as_ref()
            .and_then(|text| seconds(&text.0, 0, LONGEST, &format!("{path}.{field}"), violations))
    };
    let period = whole(&stop.period, "period").unwrap_or(USUAL_STOP);
    let usual_drain = if ports.is_empty() { 0 } else { USUAL_DRAIN.min(period / 2) };
    let drain = whole(&stop.drain, "drain").unwrap_or(usual_drain);
    if drain > 0 && drain >= period {
        let message = format!("a drain of {drain}s leaves nothing of the {period}s until the pod is killed");
        violations.push(Violation::new(format!("{path}.drain"), Code::InvalidValue, message));
    }
    Stop { drain: drain.into(), period: period.into() }
}

fn exposure(
    context: &Context<'_>,
    expose: &Expose,
    declared: &[Port],
    path: &str,
    violations: &mut Violations,
) -> Option<Exposure> {
    let reachable: Vec<Port> = declared
        .iter()
        .filter(|port| !matches!(port.protocol, Protocol::UDP | Protocol::TCP))
        .cloned()
        .collect();
    let host = expose.host.strip_prefix("*.").unwrap_or(&expose.host);
    if !is_dns_name(host) {
        let message = format!("{:?} is no host name", expose.host);
        violations.push(Violation::new(format!("{path}.host"), Code::InvalidValue, message));
    }
    let usual = context.spec.network.as_ref().and_then(|network| network.ingress_namespace.as_ref());
    let controller_namespace = expose.controller_namespace.as_ref().or(usual).cloned();
    match &controller_namespace {
        Some(namespace) => {
            network::check_namespace(namespace, &format!("{path}.controllerNamespace"), violations);
        }
        None if context.isolated => {
            let message = "network policy must know the ingress controller's namespace: give it here or as spec.network.ingressNamespace";
            violations.push(Violation::new(
                format!("{path}.controllerNamespace"),
                Code::MissingField,
                message,
            ));
        }
        None => {}
    }
    let Some(port) = ports::find(&reachable, expose.port.as_ref()) else {
        let path = if expose.port.is_some() { format!("{path}.port") } else { path.to_owned() };
        violations.push(ports::unknown(
            &reachable,
            expose.port.as_ref(),
            &path,
            "the service (HTTP ports only)",
        ));
        return None;
    };
    Some(Exposure {
        host: expose.host.clone(),
        path: expose.path.clone().unwrap_or_else(|| "/".to_owned()),
        path_type: expose.path_type.unwrap_or_default(),
        class: expose.class.clone(),
        tls_secret: expose.tls_secret.clone(),
        port: port.port,
        target_port: port.target,
        controller_namespace,
    })
}
