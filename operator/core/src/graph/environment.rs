//! Environment variables of a service: those of its edges first, then those it was given, in the order of writing.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, EnvVar as Built, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector,
    SecretKeySelector,
};
use msapp_crds::v1alpha1::{EnvVar, ObjectKeyReference};

use super::autoscaling::stored;
use super::exclusive::exactly_one;
use super::inherit::Written;
use super::object_names::{check_key, check_name};
use crate::name;
use crate::reference::{ReferenceKey, ReferenceKind, ReferenceUse};
use crate::violation::{Code, Violation, Violations, nearest};

/// Fields of a pod that the API server takes as variables (core/v1 `fieldRef`), the ones with a key apart.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
];

/// What edges add to the environment, each variable with the path it was written at.
#[derive(Default)]
pub(super) struct FromEdges {
    /// Those that were asked for.
    pub env: Vec<(Built, String)>,
    /// Those that give way to any other of their name.
    pub usual: Vec<(Built, String)>,
    /// Whether the operator says where bindings are.
    pub bindings: bool,
}

/// The variables and where each comes from (name → path), and what they refer to.
pub(super) fn resolve(
    from_edges: FromEdges,
    written: &[Written<'_, EnvVar>],
    references: &mut Vec<ReferenceUse>,
    violations: &mut Violations,
) -> (Vec<Built>, BTreeMap<String, String>) {
    let mut built: Vec<Built> = Vec::new();
    let mut seen: BTreeMap<String, String> =
        BTreeMap::from([(name::DISCOVERY_VARIABLE.to_owned(), "the discovery file".to_owned())]);
    if from_edges.bindings {
        seen.insert(name::BINDING_VARIABLE.to_owned(), "the bindings of backing services".to_owned());
    }
    for (variable, path) in from_edges.env {
        add(variable, path, &mut built, &mut seen, violations);
    }
    let edges = built.len();
    for variable in written {
        if let Some(value) = one(variable, references, violations) {
            add(value, format!("{}.name", variable.path), &mut built, &mut seen, violations);
        }
    }
    let usual = from_edges.usual.into_iter().filter_map(|(variable, path)| {
        let free = !seen.contains_key(&variable.name);
        free.then(|| {
            seen.insert(variable.name.clone(), path);
            variable
        })
    });
    // A variable can only use those that stand before it: the usual ones use what edges take from Secrets, and may
    // themselves be used by what is written.
    let usual: Vec<Built> = usual.collect();
    built.splice(edges..edges, usual);
    (built, seen)
}

fn add(
    variable: Built,
    path: String,
    built: &mut Vec<Built>,
    seen: &mut BTreeMap<String, String>,
    violations: &mut Violations,
) {
    if let Some(earlier) = seen.get(&variable.name) {
        let message = format!("{:?} is already set by {earlier}", variable.name);
        violations.push(Violation::new(path, Code::Duplicate, message));
    } else {
        seen.insert(variable.name.clone(), path);
        built.push(variable);
    }
}

fn one(
    written: &Written<'_, EnvVar>,
    references: &mut Vec<ReferenceUse>,
    violations: &mut Violations,
) -> Option<Built> {
    let env = written.value;
    let given = [
        ("value", env.value.is_some()),
        ("configMap", env.config_map.is_some()),
        ("secret", env.secret.is_some()),
        ("field", env.field.is_some()),
        ("resource", env.resource.is_some()),
    ];
    check_variable(&env.name, &format!("{}.name", written.path), violations);
    if !exactly_one(&given, &written.path, violations) {
        return None;
    }
    if let Some(value) = &env.value {
        // The API server drops an empty value, so it is left out here too.
        let value = Some(value.clone()).filter(|value| !value.is_empty());
        return Some(Built { name: env.name.clone(), value, value_from: None });
    }
    let source = source(written, references, violations);
    Some(Built { name: env.name.clone(), value: None, value_from: Some(source) })
}

fn source(
    written: &Written<'_, EnvVar>,
    references: &mut Vec<ReferenceUse>,
    violations: &mut Violations,
) -> EnvVarSource {
    let env = written.value;
    let keyed = [
        (ReferenceKind::ConfigMap, &env.config_map, "configMap"),
        (ReferenceKind::Secret, &env.secret, "secret"),
    ];
    for (kind, used, field) in keyed {
        let Some(used) = used else { continue };
        check_name(&used.name, &format!("a {kind}"), &format!("{}.{field}.name", written.path), violations);
        check_key(&used.key, &format!("{}.{field}.key", written.path), violations);
        references.push(key_use(kind, used));
    }
    EnvVarSource {
        config_map_key_ref: env.config_map.clone().map(|reference| ConfigMapKeySelector {
            name: reference.name,
            key: reference.key,
            optional: reference.optional,
        }),
        secret_key_ref: env.secret.clone().map(|reference| SecretKeySelector {
            name: reference.name,
            key: reference.key,
            optional: reference.optional,
        }),
        field_ref: env.field.as_ref().map(|field| {
            check_field(field, &format!("{}.field", written.path), violations);
            ObjectFieldSelector { api_version: Some("v1".to_owned()), field_path: field.clone() }
        }),
        resource_field_ref: env.resource.as_ref().map(|reference| {
            check_resource(&reference.resource, &format!("{}.resource.resource", written.path), violations);
            let divisor = reference.divisor.as_ref().map_or_else(|| stored(&"0".into()), stored);
            let resource = reference.resource.clone();
            ResourceFieldSelector { container_name: None, resource, divisor: Some(divisor) }
        }),
        ..EnvVarSource::default()
    }
}

/// API servers before Kubernetes 1.32 refuse these; newer ones take every printable letter but '='.
fn check_variable(name: &str, path: &str, violations: &mut Violations) {
    if name == "." || name.starts_with("..") {
        let message = format!("{name:?} is no name of a variable: it is '.' or begins with '..'");
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
}

fn check_resource(resource: &str, path: &str, violations: &mut Violations) {
    if !RESOURCES.contains(&resource) {
        let message = format!("{resource:?} is none of {}", RESOURCES.join(", "));
        violations
            .push(Violation::new(path, Code::InvalidValue, message).suggest(nearest(resource, RESOURCES)));
    }
}

fn key_use(kind: ReferenceKind, reference: &ObjectKeyReference) -> ReferenceUse {
    ReferenceUse {
        key: ReferenceKey { kind, name: reference.name.clone() },
        entries: Some(BTreeSet::from([reference.key.clone()])),
        optional: reference.optional.unwrap_or_default(),
    }
}

fn check_field(field: &str, path: &str, violations: &mut Violations) {
    let keyed = ["metadata.labels['", "metadata.annotations['"]
        .iter()
        .any(|prefix| field.strip_prefix(prefix).is_some_and(|rest| rest.len() > 2 && rest.ends_with("']")));
    if !keyed && !FIELDS.contains(&field) {
        let message = format!(
            "{field:?} is none of {}, metadata.labels['KEY'], metadata.annotations['KEY']",
            FIELDS.join(", ")
        );
        violations.push(Violation::new(path, Code::InvalidValue, message).suggest(nearest(field, FIELDS)));
    }
}
