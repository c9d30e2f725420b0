//! The one door from what was written to what is proven.

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::{BackingService, ExternalService, MicroserviceAppSpec, ServiceSpec};
use serde_json::Value;

use super::app::{App, Caller, Peer, Service};
use super::{checks, edges, exposure, inherit, network, ports, service};
use crate::schema;
use crate::source::Source;
use crate::violation::{Code, Violation, Violations};

/// Longest name of an app: it is a label value.
const LONGEST_APP_NAME: usize = 63;

/// Resolves a resource into a proven app, or into everything that is wrong with it.
///
/// References to ConfigMaps and Secrets are collected, not looked up: see [`App::bound`].
pub fn resolve(source: &Source) -> Result<App, Violations> {
    let mut violations = schema::validate(&source.spec);
    if source.name.len() > LONGEST_APP_NAME {
        let message =
            format!("the name becomes a label value, so it has at most {LONGEST_APP_NAME} characters");
        violations.push(Violation::new("metadata.name", Code::NameTooLong, message));
    }
    let app = match parse(&source.spec).or_else(|_| parse(&without_wrong_values(&source.spec, &violations))) {
        Ok(spec) => Some(assemble(source, &spec, &mut violations)),
        Err(violation) => {
            if violations.is_empty() {
                violations.push(violation);
            }
            None
        }
    };
    match app {
        Some(app) if violations.is_empty() => Ok(app),
        _ => Err(violations.sorted()),
    }
}

fn parse(spec: &Value) -> Result<MicroserviceAppSpec, Violation> {
    serde_path_to_error::deserialize(without_nulls(spec)).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "spec".to_owned(),
            path => format!("spec.{path}"),
        };
        Violation::new(path, Code::WrongType, error.into_inner().to_string())
    })
}

/// The spec without the values that the schema refuses, so that everything else can still be checked.
fn without_wrong_values(spec: &Value, violations: &Violations) -> Value {
    let mut spec = spec.clone();
    for violation in violations.iter() {
        let path = violation.path.strip_prefix("spec.").unwrap_or_default();
        // An item of a list is left out with its list, so that the other items keep their numbers.
        let path = path.rsplit_once('[').filter(|_| path.ends_with(']')).map_or(path, |(list, _)| list);
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        if let Some((parent, field)) = pointer.rsplit_once('/')
            && let Some(parent) = spec.pointer_mut(parent).and_then(Value::as_object_mut)
        {
            parent.remove(field);
        }
    }
    spec
}

/// The API server drops nulls of fields that are not nullable; so do files.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(name, field)| (name.clone(), without_nulls(field)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// What a dependency's name may lead to.
pub(super) enum Target<'a> {
    /// A service of the app, with its resolved ports.
    Service(&'a [super::Port]),
    /// A backing service.
    Backing(&'a BackingService),
    /// An external service.
    External(&'a ExternalService),
}

/// Everything that is declared, by name; the first declaration of a name counts.
pub(super) type Targets<'a> = BTreeMap<&'a str, Target<'a>>;

fn assemble(source: &Source, spec: &MicroserviceAppSpec, violations: &mut Violations) -> App {
    let ports: Vec<Vec<super::Port>> = spec
        .services
        .iter()
        .enumerate()
        .map(|(index, service)| {
            ports::resolve(&service.ports, &format!("spec.services[{index}].ports"), violations)
        })
        .collect();
    let targets = targets(spec, &ports, violations);
    check_declared(spec, &targets, violations);
    inherit::check(spec, violations);
    let rules = network::resolve(spec, violations);
    let mut services: Vec<Service> = spec
        .services
        .iter()
        .zip(&ports)
        .enumerate()
        .map(|(index, (written, ports))| {
            let context = service::Context { spec, targets: &targets, isolated: rules.is_some(), index };
            service::resolve(&context, written, ports.clone(), violations)
        })
        .collect();
    services.sort_by(|left, right| left.name.cmp(&right.name));
    services.dedup_by(|left, right| left.name == right.name);
    connect(&mut services);
    checks::start_order(spec, violations);
    checks::owners(spec, violations);
    exposure::check_distinct(spec, violations);
    App {
        name: source.name.clone(),
        namespace: source.namespace.clone(),
        suspended: spec.suspend.unwrap_or_default(),
        network: rules,
        services,
        secrets_unread: false,
    }
}

fn targets<'a>(
    spec: &'a MicroserviceAppSpec,
    ports: &'a [Vec<super::Port>],
    violations: &mut Violations,
) -> Targets<'a> {
    let mut targets = Targets::new();
    for (service, ports) in spec.services.iter().zip(ports) {
        targets.entry(service.name.as_str()).or_insert(Target::Service(ports));
    }
    let backing = spec.backing_services.iter().enumerate().map(|(index, backing)| {
        (format!("spec.backingServices[{index}].name"), backing.name.as_str(), Target::Backing(backing))
    });
    let external = spec.external_services.iter().enumerate().map(|(index, external)| {
        (format!("spec.externalServices[{index}].name"), external.name.as_str(), Target::External(external))
    });
    for (path, name, target) in backing.chain(external) {
        if targets.contains_key(name) && !is_list_duplicate(&target, name, spec) {
            let message = format!("{name:?} already names something else that services can depend on");
            violations.push(Violation::new(path, Code::Duplicate, message));
        } else {
            targets.entry(name).or_insert(target);
        }
    }
    targets
}

fn check_declared(spec: &MicroserviceAppSpec, targets: &Targets<'_>, violations: &mut Violations) {
    let external = spec.external_services.iter().enumerate();
    let backing = spec.backing_services.iter().enumerate();
    let paths = external
        .map(|(index, external)| (external.name.as_str(), format!("spec.externalServices[{index}]")))
        .chain(
            backing.map(|(index, backing)| (backing.name.as_str(), format!("spec.backingServices[{index}]"))),
        )
        .collect();
    edges::check_declared(targets, &paths, violations);
}

/// Whether the name is taken only by another entry of the same list, which the schema reports.
fn is_list_duplicate(target: &Target<'_>, name: &str, spec: &MicroserviceAppSpec) -> bool {
    let is_service = spec.services.iter().any(|service: &ServiceSpec| service.name == name);
    match target {
        Target::Service(_) => true,
        Target::Backing(_) => !is_service,
        Target::External(_) => {
            !is_service && !spec.backing_services.iter().any(|backing| backing.name == name)
        }
    }
}

/// Tells every callee who calls it.
fn connect(services: &mut [Service]) {
    let mut callers: BTreeMap<String, Vec<Caller>> = BTreeMap::new();
    for service in services.iter() {
        for edge in &service.edges {
            if let Peer::Service { target_port, transport } = edge.peer {
                let caller = Caller { service: service.name.clone(), target_port, transport };
                callers.entry(edge.name.clone()).or_default().push(caller);
            }
        }
    }
    for service in services {
        service.callers = callers.remove(&service.name).unwrap_or_default();
        service.callers.sort();
    }
}
