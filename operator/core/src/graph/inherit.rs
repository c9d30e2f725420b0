//! Inheritance of settings: the service, then its profile, then the defaults. The nearest wins.

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::{Autoscaling, EnvVar, MicroserviceAppSpec, ServiceSpec, Settings};

use crate::violation::{Code, Violation, Violations, field_path, nearest};

/// A value and the path it was written at.
#[derive(Clone, Debug)]
pub(super) struct Written<'a, T: ?Sized> {
    pub value: &'a T,
    pub path: String,
}

/// The settings that apply to one service, nearest first.
pub(super) struct Levels<'a>(Vec<(String, &'a Settings)>);

impl<'a> Levels<'a> {
    /// Collects them; an unknown profile is a violation.
    pub(super) fn of(
        spec: &'a MicroserviceAppSpec,
        service: &'a ServiceSpec,
        path: &str,
        violations: &mut Violations,
    ) -> Self {
        let mut levels = vec![(path.to_owned(), &service.settings)];
        if let Some(name) = &service.profile {
            match spec.profiles.iter().position(|profile| profile.name == *name) {
                Some(index) => {
                    levels.push((format!("spec.profiles[{index}]"), &spec.profiles[index].settings));
                }
                None => {
                    let known = spec.profiles.iter().map(|profile| profile.name.as_str());
                    let message = format!("there is no profile {name:?}");
                    violations.push(
                        Violation::new(format!("{path}.profile"), Code::UnknownName, message)
                            .suggest(nearest(name, known)),
                    );
                }
            }
        }
        if let Some(defaults) = &spec.defaults {
            levels.push(("spec.defaults".to_owned(), defaults));
        }
        Self(levels)
    }

    /// The nearest value of a field.
    pub(super) fn nearest<T>(
        &self,
        field: &str,
        choose: impl Fn(&'a Settings) -> Option<&'a T>,
    ) -> Option<Written<'a, T>> {
        self.0.iter().find_map(|(path, settings)| {
            choose(settings).map(|value| Written { value, path: format!("{path}.{field}") })
        })
    }

    /// The nearest list that is not empty.
    pub(super) fn nearest_list<T>(
        &self,
        field: &str,
        choose: impl Fn(&'a Settings) -> &'a Vec<T>,
    ) -> Option<Written<'a, Vec<T>>> {
        self.nearest(field, |settings| Some(choose(settings)).filter(|list| !list.is_empty()))
    }

    /// Where each field comes from, the ones that are merged apart.
    pub(super) fn origins(&self) -> BTreeMap<&'static str, String> {
        let mut origins = BTreeMap::new();
        for (path, settings) in &self.0 {
            let written = [
                ("resources", settings.resources.is_some()),
                ("probes", settings.probes.is_some()),
                ("replicas", settings.replicas.is_some()),
                ("autoscaling", settings.autoscaling.is_some()),
                ("disruptionBudget", settings.disruption_budget.is_some()),
                ("spread", settings.spread.is_some()),
                ("rollout", settings.rollout.is_some()),
                ("gracefulStop", settings.graceful_stop.is_some()),
                ("security", settings.security.is_some()),
                ("discovery", settings.discovery.is_some()),
                ("resilience", settings.resilience.is_some()),
                ("imagePullSecrets", !settings.image_pull_secrets.is_empty()),
            ];
            for (field, _) in written.into_iter().filter(|(_, written)| *written) {
                origins.entry(field).or_insert_with(|| format!("{path}.{field}"));
            }
        }
        origins
    }

    /// Fixed number or autoscaling, whichever is nearer; [`check`] refuses both at one level.
    pub(super) fn scaling(&self) -> Option<WrittenScaling<'a>> {
        self.0.iter().find_map(|(path, settings)| match (settings.replicas, &settings.autoscaling) {
            (_, Some(value)) => {
                Some(WrittenScaling::Auto(Written { value, path: format!("{path}.autoscaling") }))
            }
            (Some(replicas), None) => Some(WrittenScaling::Fixed(replicas)),
            (None, None) => None,
        })
    }

    /// Merges a map of labels or annotations, the nearest winning key by key.
    pub(super) fn merged(
        &self,
        field: &str,
        choose: impl Fn(&'a Settings) -> &'a BTreeMap<String, String>,
    ) -> BTreeMap<&'a str, Written<'a, str>> {
        let mut merged = BTreeMap::new();
        for (path, settings) in self.0.iter().rev() {
            for (key, value) in choose(settings) {
                merged.insert(
                    key.as_str(),
                    Written { value: value.as_str(), path: field_path(&format!("{path}.{field}"), key) },
                );
            }
        }
        merged
    }

    /// Environment variables, farthest level first; a nearer one of the same name replaces a farther one and stands
    /// where the nearer was written.
    pub(super) fn environment(&self) -> Vec<Written<'a, EnvVar>> {
        let mut variables: Vec<Written<'a, EnvVar>> = Vec::new();
        for (path, settings) in self.0.iter().rev() {
            for (index, value) in settings.env.iter().enumerate() {
                if !settings.env[..index].iter().any(|earlier| earlier.name == value.name) {
                    variables.retain(|variable| variable.value.name != value.name);
                }
                variables.push(Written { value, path: format!("{path}.env[{index}]") });
            }
        }
        variables
    }
}

/// Checks what must hold at every level by itself, whether a service uses it or not.
pub(super) fn check(spec: &MicroserviceAppSpec, violations: &mut Violations) {
    let services = spec
        .services
        .iter()
        .enumerate()
        .map(|(at, service)| (format!("spec.services[{at}]"), &service.settings));
    let profiles = spec
        .profiles
        .iter()
        .enumerate()
        .map(|(at, profile)| (format!("spec.profiles[{at}]"), &profile.settings));
    let defaults = spec.defaults.iter().map(|settings| ("spec.defaults".to_owned(), settings));
    for (path, settings) in services.chain(profiles).chain(defaults) {
        if settings.replicas.is_some() && settings.autoscaling.is_some() {
            let message = "replicas and autoscaling exclude each other: the autoscaler owns the number";
            violations.push(Violation::new(format!("{path}.replicas"), Code::Exclusive, message));
        }
    }
}

/// How many pods, as written.
pub(super) enum WrittenScaling<'a> {
    Fixed(i32),
    Auto(Written<'a, Autoscaling>),
}
