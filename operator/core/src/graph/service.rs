//! One service, resolved.

use std::collections::BTreeSet;

use msapp_crds::v1alpha1::{Dependency, MicroserviceAppSpec, ServiceSpec, Spread as WrittenSpread, Switch};

use super::Image;
use super::app::{Edge, Port, Service, Settings, Spread, TargetKind};
use super::bindings::Binding;
use super::environment::FromEdges;
use super::events::Catalogue;
use super::inherit::{Levels, Written};
use super::object_names::check_name;
use super::resolve::Targets;
use super::{edges, environment, exposure, probes, replicas, resources, rollout, storage, tags};
use crate::reference::ReferenceUse;
use crate::scalar::milliseconds;
use crate::violation::{Code, Violation, Violations};

/// What a service is resolved in.
pub(super) struct Context<'a> {
    pub spec: &'a MicroserviceAppSpec,
    pub targets: &'a Targets<'a>,
    pub catalogue: &'a Catalogue<'a>,
    pub isolated: bool,
    pub index: usize,
}

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
    let connected = connect(context, written, &levels, &path, violations);
    references.extend(connected.references);
    let storage = storage::resolve(written, &connected.bindings, &path, &mut references, violations);
    let (env, env_origins) =
        environment::resolve(connected.env, &levels.environment(), &mut references, violations);
    let exposure = written
        .expose
        .as_ref()
        .and_then(|expose| exposure::resolve(context, expose, &ports, &format!("{path}.expose"), violations));
    check_image(&written.image, &format!("{path}.image"), violations);
    references.sort();
    references.dedup();
    let exchanges = |names, field| {
        context.catalogue.exchanges(names, &format!("{path}.{field}"), &mut Violations::default())
    };
    Service {
        name: written.name.clone(),
        domain: written.domain.clone(),
        visibility: written.visibility.unwrap_or_default(),
        publishes: exchanges(&written.publishes, "publishes"),
        consumes: exchanges(&written.consumes, "consumes"),
        image: written.image.clone(),
        command: written.command.clone(),
        args: written.args.clone(),
        env,
        env_origins,
        bindings: connected.bindings.into_iter().map(|binding| binding.dependency).collect(),
        volumes: storage.volumes,
        mounts: storage.mounts,
        files: storage.files,
        settings: settings(&levels, &ports, violations),
        edges: connected.edges,
        callers: Vec::new(),
        start_after: started_before(written),
        exposure,
        ports,
        references,
        pending: connected.pending,
        missing: Vec::new(),
        reference_digest: None,
        path,
    }
}

fn settings(levels: &Levels<'_>, ports: &[Port], violations: &mut Violations) -> Settings {
    let resources = levels.nearest("resources", |settings| settings.resources.as_ref());
    let probes = levels.nearest("probes", |settings| settings.probes.as_ref());
    let budget = levels.nearest("disruptionBudget", |settings| settings.disruption_budget.as_ref());
    let rollout = levels.nearest("rollout", |settings| settings.rollout.as_ref());
    let stop = levels.nearest("gracefulStop", |settings| settings.graceful_stop.as_ref());
    let security = levels.nearest("security", |settings| settings.security.as_ref());
    let secrets = levels.nearest_list("imagePullSecrets", |settings| &settings.image_pull_secrets);
    let scaling = replicas::scaling(levels, violations);
    Settings {
        origins: levels.origins(),
        labels: tags::resolve(levels, "labels", violations),
        annotations: tags::resolve(levels, "annotations", violations),
        resources: resources.map(|written| resources::resolve(&written, violations)).unwrap_or_default(),
        probes: probes.map(|written| probes::resolve(&written, ports, violations)).unwrap_or_default(),
        budget: replicas::budget(budget, &scaling, violations),
        scaling,
        spread: spread(levels.nearest("spread", |settings| settings.spread.as_ref())),
        strategy: rollout::strategy(rollout, violations),
        stop: rollout::stop(stop, ports, violations),
        security: security.map(|written| written.value.clone()).unwrap_or_default(),
        image_pull_secrets: pull_secrets(secrets, violations),
    }
}

#[derive(Default)]
struct Connected {
    edges: Vec<Edge>,
    env: FromEdges,
    bindings: Vec<Binding>,
    references: Vec<ReferenceUse>,
    pending: BTreeSet<String>,
}

impl Connected {
    fn add(&mut self, resolved: edges::Resolved) {
        self.env.env.extend(resolved.env);
        self.env.usual.extend(resolved.usual);
        self.env.bindings |= resolved.binding.is_some();
        self.bindings.extend(resolved.binding);
        self.references.extend(resolved.references);
        self.pending.extend(resolved.pending);
        self.edges.push(resolved.edge);
    }
}

/// All edges of a service: its dependencies, and the brokers of its events.
fn connect(
    context: &Context<'_>,
    written: &ServiceSpec,
    levels: &Levels<'_>,
    path: &str,
    violations: &mut Violations,
) -> Connected {
    let discovery = levels.nearest("discovery", |settings| settings.discovery.as_ref());
    let discovery = discovery.map(|written| written.value.clone()).unwrap_or_default();
    let caller = edges::Caller {
        name: &written.name,
        targets: context.targets,
        variables: discovery.environment.unwrap_or_default() == Switch::Enabled,
        bindings: discovery.bindings.unwrap_or_default() == Switch::Enabled,
    };
    let mut connected = Connected::default();
    for (dependency, origins) in dependencies(context, written, path, violations) {
        let path = origins.first().expect("a dependency is written somewhere");
        if let Some(mut resolved) = edges::resolve(&dependency, &caller, path, violations) {
            resolved.edge.origins = origins;
            inherit_resilience(&mut resolved.edge, levels);
            connected.add(resolved);
        }
    }
    connected
}

/// What is written as a dependency or follows from events, each with where it is written. The order of writing means
/// nothing, so it must not reach the order of the variables.
fn dependencies(
    context: &Context<'_>,
    written: &ServiceSpec,
    path: &str,
    violations: &mut Violations,
) -> Vec<(Dependency, Vec<String>)> {
    let mut brokers = context.catalogue.brokers(written, path);
    for (field, names) in [("publishes", &written.publishes), ("consumes", &written.consumes)] {
        context.catalogue.exchanges(names, &format!("{path}.{field}"), violations);
    }
    let declared = written.dependencies.iter().enumerate().map(|(index, dependency)| {
        let mut origins = vec![format!("{path}.dependencies[{index}]")];
        origins.extend(brokers.remove(dependency.name.as_str()).unwrap_or_default());
        (dependency.clone(), origins)
    });
    let mut all: Vec<_> = declared.collect();
    all.extend(
        brokers.into_iter().map(|(broker, origins)| {
            (Dependency { name: broker.to_owned(), ..Dependency::default() }, origins)
        }),
    );
    all.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
    all
}

fn inherit_resilience(edge: &mut Edge, levels: &Levels<'_>) {
    let usual = levels.nearest("resilience", |settings| settings.resilience.as_ref());
    if let Some(usual) = usual.filter(|_| edge.is_call() || edge.target == TargetKind::ExternalService) {
        let timeout = usual.value.timeout.as_ref().and_then(|timeout| milliseconds(&timeout.0));
        edge.timeout = edge.timeout.or(timeout);
        edge.retries = edge.retries.or(usual.value.retries.as_ref().map(|retries| retries.attempts));
    }
    if let Some(timeout) = edge.timeout {
        edge.discovery["timeoutMilliseconds"] = timeout.into();
    }
    if let Some(retries) = edge.retries {
        edge.discovery["retries"] = retries.into();
    }
}

/// Sorted and once each: the API server takes no Secret twice.
fn pull_secrets(written: Option<Written<'_, Vec<String>>>, violations: &mut Violations) -> Vec<String> {
    let Some(Written { value, path }) = written else {
        return Vec::new();
    };
    for (index, name) in value.iter().enumerate() {
        check_name(name, "a Secret", &format!("{path}[{index}]"), violations);
    }
    let mut secrets = value.clone();
    secrets.sort();
    secrets.dedup();
    secrets
}

fn started_before(written: &ServiceSpec) -> BTreeSet<String> {
    let edges = written.dependencies.iter().filter(|edge| edge.start_after == Some(true));
    edges.map(|edge| edge.name.clone()).collect()
}

fn check_image(image: &str, path: &str, violations: &mut Violations) {
    if let Err(why) = Image::parse(image) {
        let message = format!("{image:?} is no image such as registry.example/shop/cart:1.4.2: {why}");
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
}

fn spread(written: Option<Written<'_, WrittenSpread>>) -> Spread {
    let written = written.map(|written| written.value.clone()).unwrap_or_default();
    Spread { zones: written.zones.unwrap_or_default(), nodes: written.nodes.unwrap_or_default() }
}
