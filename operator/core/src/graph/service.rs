//! One service, resolved.

use std::collections::BTreeSet;

use msapp_crds::v1alpha1::{MicroserviceAppSpec, ServiceSpec, Spread as WrittenSpread};

use super::Image;
use super::events::Catalogue;
use super::inherit::{Levels, Written};
use super::object_names::check_name;
use super::resolve::Targets;
use super::{Exposure, Port, Service, Settings, Spread};
use super::{connected, environment, exposure, probes, replicas, resources, rollout, storage, tags};
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
    let mut connected = connected::resolve(context, written, &levels, &path, violations);
    let used = &mut connected.references;
    let storage = storage::resolve(written, &connected.bindings, &path, used, violations);
    let (env, env_origins) = environment::resolve(connected.env, &levels.environment(), used, violations);
    Service {
        name: written.name.clone(),
        domain: written.domain.clone(),
        visibility: written.visibility.unwrap_or_default(),
        publishes: connected.publishes,
        consumes: connected.consumes,
        image: image(written, &path, violations),
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
        exposure: exposed(context, written, &ports, &path, violations),
        ports,
        references: BTreeSet::from_iter(connected.references).into_iter().collect(),
        pending: connected.pending,
        missing: Vec::new(),
        reference_digest: None,
        path,
    }
}

fn exposed(
    context: &Context<'_>,
    written: &ServiceSpec,
    ports: &[Port],
    path: &str,
    violations: &mut Violations,
) -> Option<Exposure> {
    let expose = written.expose.as_ref()?;
    exposure::resolve(context, expose, ports, &format!("{path}.expose"), violations)
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

fn image(written: &ServiceSpec, path: &str, violations: &mut Violations) -> String {
    if let Err(why) = Image::parse(&written.image) {
        let message =
            format!("{:?} is no image such as registry.example/shop/cart:1.4.2: {why}", written.image);
        violations.push(Violation::new(format!("{path}.image"), Code::InvalidValue, message));
    }
    written.image.clone()
}

fn spread(written: Option<Written<'_, WrittenSpread>>) -> Spread {
    let written = written.map(|written| written.value.clone()).unwrap_or_default();
    Spread { zones: written.zones.unwrap_or_default(), nodes: written.nodes.unwrap_or_default() }
}
