//! One service, resolved.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::EnvVar as BuiltEnv;
use msapp_crds::v1alpha1::{MicroserviceAppSpec, ServiceSpec, Spread as WrittenSpread};

use super::Image;
use super::app::{Edge, Port, Service, Settings, Spread};
use super::inherit::{Levels, Written};
use super::object_names::check_name;
use super::resolve::Targets;
use super::{edges, environment, exposure, probes, replicas, resources, rollout, storage, tags};
use crate::reference::ReferenceUse;
use crate::violation::{Code, Violation, Violations};

/// What a service is resolved in.
pub(super) struct Context<'a> {
    pub spec: &'a MicroserviceAppSpec,
    pub targets: &'a Targets<'a>,
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
    let connected = connect(context, written, &path, &mut references, violations);
    let storage = storage::resolve(written, &connected.credentials, &path, &mut references, violations);
    let env = environment::resolve(connected.env, &levels.environment(), &mut references, violations);
    let exposure = written
        .expose
        .as_ref()
        .and_then(|expose| exposure::resolve(context, expose, &ports, &format!("{path}.expose"), violations));
    check_image(&written.image, &format!("{path}.image"), violations);
    references.sort();
    references.dedup();
    Service {
        name: written.name.clone(),
        image: written.image.clone(),
        command: written.command.clone(),
        args: written.args.clone(),
        env,
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
        missing: Vec::new(),
        reference_digest: None,
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
    // The order of writing means nothing, so it must not reach the order of the variables.
    let mut dependencies: Vec<_> = written.dependencies.iter().enumerate().collect();
    dependencies.sort_by_key(|(_, dependency)| &dependency.name);
    for (index, dependency) in dependencies {
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
    connected
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
