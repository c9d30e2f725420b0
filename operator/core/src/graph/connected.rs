//! Everything that a service is connected to: its dependencies, and the brokers of its events.

use std::collections::{BTreeMap, BTreeSet};

use msapp_crds::v1alpha1::{Dependency, ServiceSpec, Switch};

use super::bindings::Binding;
use super::environment::FromEdges;
use super::inherit::Levels;
use super::service::Context;
use super::{Edge, Exchange, TargetKind, edges};
use crate::reference::ReferenceUse;
use crate::scalar::milliseconds;
use crate::violation::Violations;

/// What a service is connected to, and what follows from that for its pods.
#[derive(Default)]
pub(super) struct Connected {
    pub edges: Vec<Edge>,
    pub env: FromEdges,
    pub bindings: Vec<Binding>,
    pub references: Vec<ReferenceUse>,
    pub pending: BTreeSet<String>,
    pub publishes: BTreeMap<String, Exchange>,
    pub consumes: BTreeMap<String, Exchange>,
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
pub(super) fn resolve(
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
    let mut exchanges =
        |names, field| context.catalogue.exchanges(names, &format!("{path}.{field}"), violations);
    let mut connected = Connected {
        publishes: exchanges(&written.publishes, "publishes"),
        consumes: exchanges(&written.consumes, "consumes"),
        ..Connected::default()
    };
    for (dependency, origins) in dependencies(context, written, path) {
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
fn dependencies(context: &Context<'_>, written: &ServiceSpec, path: &str) -> Vec<(Dependency, Vec<String>)> {
    let mut brokers = context.catalogue.brokers(written, path);
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
