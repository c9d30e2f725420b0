//! The one door from what was written to what is proven.

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::{Checks, MicroserviceAppSpec};
use serde_json::Value;

use super::events::Catalogue;
use super::outside::{Outside, Surroundings};
use super::{App, Caller, Service, TargetKind};
use super::{checks, declared, exposure, inherit, inside, network, outside, ports, service};
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
    if !schema::is_bounded(&source.spec) {
        return Err(violations.sorted());
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
    /// A backing or external service.
    Outside(Box<Outside>),
}

/// Everything that is declared, by name; the first declaration of a name counts.
pub(super) type Targets<'a> = BTreeMap<&'a str, Target<'a>>;

fn assemble(source: &Source, spec: &MicroserviceAppSpec, violations: &mut Violations) -> App {
    let ports = declared_ports(spec, violations);
    let surroundings = Surroundings { lenient: network::is_lenient(spec), bindings: &source.bindings };
    let targets = targets(spec, &ports, &surroundings, violations);
    let catalogue = Catalogue::of(spec, violations);
    inherit::check(spec, violations);
    let rules = network::resolve(spec, violations);
    let mut services = services(spec, (&targets, &catalogue), &ports, rules.is_some(), violations);
    connect(&mut services);
    checks::start_order(spec, violations);
    declared::owners(spec, violations);
    exposure::check_distinct(spec, violations);
    let mut app = App {
        name: source.name.clone(),
        namespace: source.namespace.clone(),
        suspended: spec.suspend.unwrap_or_default(),
        network: rules,
        events: catalogue.events(&services),
        services,
        backing_services: declared::backing_services(spec, &source.namespace, &targets),
        external_services: declared::external_services(spec, &targets),
        domains: declared::domains(spec, violations),
        findings: Violations::default(),
        secrets_unread: false,
    };
    inside::check(spec, &app, violations);
    app.findings = judge(&app, spec.checks.as_ref(), violations);
    app
}

fn declared_ports(spec: &MicroserviceAppSpec, violations: &mut Violations) -> Vec<Vec<super::Port>> {
    let services = spec.services.iter().enumerate();
    services
        .map(|(index, service)| {
            ports::resolve(&service.ports, &format!("spec.services[{index}].ports"), violations)
        })
        .collect()
}

/// The services, sorted by name; of two of one name, which the schema reports, the first.
fn services(
    spec: &MicroserviceAppSpec,
    (targets, catalogue): (&Targets<'_>, &Catalogue<'_>),
    ports: &[Vec<super::Port>],
    isolated: bool,
    violations: &mut Violations,
) -> Vec<Service> {
    let written = spec.services.iter().zip(ports).enumerate();
    let mut services: Vec<Service> = written
        .map(|(index, (written, ports))| {
            let context = service::Context { spec, targets, catalogue, isolated, index };
            service::resolve(&context, written, ports.clone(), violations)
        })
        .collect();
    services.sort_by(|left, right| left.name.cmp(&right.name));
    services.dedup_by(|left, right| left.name == right.name);
    services
}

/// What the checks find. Errors stop the change like every mistake.
fn judge(app: &App, checks: Option<&Checks>, violations: &mut Violations) -> Violations {
    let found = checks::findings(app, checks);
    if found.has_errors() {
        violations.extend(checks::told(&found, violations));
    }
    found
}

fn targets<'a>(
    spec: &'a MicroserviceAppSpec,
    ports: &'a [Vec<super::Port>],
    surroundings: &Surroundings<'_>,
    violations: &mut Violations,
) -> Targets<'a> {
    let mut targets = Targets::new();
    for (service, ports) in spec.services.iter().zip(ports) {
        targets.entry(service.name.as_str()).or_insert(Target::Service(ports));
    }
    let mut outside: Vec<(String, &str, Outside)> = Vec::new();
    for (index, backing) in spec.backing_services.iter().enumerate() {
        let path = format!("spec.backingServices[{index}]");
        let resolved = outside::backing(backing, surroundings, &path, violations);
        outside.push((path, &backing.name, resolved));
    }
    for (index, external) in spec.external_services.iter().enumerate() {
        let path = format!("spec.externalServices[{index}]");
        let resolved = outside::external(external, surroundings, &path, violations);
        outside.push((path, &external.name, resolved));
    }
    for (path, name, target) in outside {
        if targets.contains_key(name) && !is_list_duplicate(target.kind, name, spec) {
            let message = format!("{name:?} already names something else that services can depend on");
            violations.push(Violation::new(format!("{path}.name"), Code::Duplicate, message));
        } else {
            targets.entry(name).or_insert(Target::Outside(Box::new(target)));
        }
    }
    targets
}

/// Whether the name is taken only by another entry of the same list, which the schema reports.
fn is_list_duplicate(kind: TargetKind, name: &str, spec: &MicroserviceAppSpec) -> bool {
    let is_service = spec.services.iter().any(|service| service.name == name);
    match kind {
        TargetKind::Service => true,
        TargetKind::BackingService => !is_service,
        TargetKind::ExternalService => {
            !is_service && !spec.backing_services.iter().any(|backing| backing.name == name)
        }
    }
}

/// Tells every callee who calls it.
fn connect(services: &mut [Service]) {
    let mut callers: BTreeMap<String, Vec<Caller>> = BTreeMap::new();
    for service in services.iter() {
        for edge in service.edges.iter().filter(|edge| edge.is_call()) {
            let called = edge.ports.iter().map(|port| Caller {
                service: service.name.clone(),
                target_port: port.target_port,
                transport: port.transport(),
            });
            callers.entry(edge.name.clone()).or_default().extend(called);
        }
    }
    for service in services {
        service.callers = callers.remove(&service.name).unwrap_or_default();
        service.callers.sort();
        service.callers.dedup();
    }
}
