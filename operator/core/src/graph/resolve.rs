//! The one door from what was written to what is proven.

use std::collections::{BTreeMap, BTreeSet};

use msapp_crds::v1alpha1::{Checks, MicroserviceAppSpec};
use serde_json::Value;

use super::events::Catalogue;
use super::outside::{Outside, Surroundings};
use super::{App, Caller, Service, TargetKind};
use super::{checks, declared, exposure, inherit, inside, network, outside, ports, service};
use crate::schema;
use crate::source::Source;
use crate::violation::{Code, Violation, Violations, steps};

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
        Ok(spec) => {
            let mut found = Violations::default();
            let app = assemble(source, &spec, &mut found);
            violations.extend(without_consequences(found, &violations));
            Some(app)
        }
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
        if let ["spec", steps @ ..] = steps(&violation.path).as_slice() {
            remove(&mut spec, steps);
        }
    }
    spec
}

/// Takes out what these steps lead to. An item of a list goes with its list, so that the other items keep their numbers.
fn remove(value: &mut Value, steps: &[&str]) {
    match (value, steps) {
        (Value::Object(fields), [field, rest @ ..]) => {
            let is_of_item = rest.len() == 1 && fields.get(*field).is_some_and(Value::is_array);
            if rest.is_empty() || is_of_item {
                fields.remove(*field);
            } else if let Some(below) = fields.get_mut(*field) {
                remove(below, rest);
            }
        }
        (Value::Array(items), [item, rest @ ..]) => {
            let item = item.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            item.into_iter().for_each(|item| remove(item, rest));
        }
        _ => {}
    }
}

/// What is wrong beside the schema, but not that a field is missing which is there with a value that the schema refuses.
fn without_consequences(found: Violations, refused: &Violations) -> Violations {
    let mut wrong: BTreeSet<&str> = BTreeSet::new();
    for violation in refused.iter().filter(|violation| is_about_a_field(violation)) {
        let field = without_item(&violation.path);
        wrong.extend([field, field.rsplit_once('.').map_or(field, |(parent, _)| parent)]);
    }
    let follows = |violation: &&Violation| {
        matches!(violation.code, Code::Exclusive | Code::MissingField)
            && wrong.contains(violation.path.as_str())
    };
    found.iter().filter(|violation| !follows(violation)).cloned().collect()
}

/// Whether a field of the resource is meant: a field that does not exist counts where it is a slip of one that does.
fn is_about_a_field(violation: &Violation) -> bool {
    violation.code != Code::UnknownField || violation.suggestion.is_some()
}

/// An item of a list is left out with its list, so that the other items keep their numbers.
fn without_item(path: &str) -> &str {
    path.rsplit_once('[').filter(|_| path.ends_with(']')).map_or(path, |(list, _)| list)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(variable: Value) -> Vec<String> {
        let mut source = Source { name: "shop".to_owned(), ..Source::default() };
        source.spec = json!({
            "services": [{"name": "web", "image": "web:1", "dependencies": [{"name": "db", "env": [variable]}]}],
            "backingServices": [{"name": "db", "engine": "PostgreSQL", "host": "db.example.org"}],
        });
        let found = resolve(&source).expect_err("the variable is wrong");
        found.iter().map(|violation| format!("{} {}", violation.path, violation.code.as_str())).collect()
    }

    #[test]
    fn a_field_with_a_wrong_value_is_not_told_to_be_missing() {
        let variable = "spec.services[0].dependencies[0].env[0]";
        assert_eq!(told(json!({"name": "X", "from": "Uri"})), [format!("{variable}.from invalid-value")]);
        assert_eq!(told(json!({"name": "X", "frm": "URI"})), [format!("{variable}.frm unknown-field")]);
        assert_eq!(told(json!({"name": "X"})), [format!("{variable} exclusive")]);
        let both = told(json!({"name": "X", "quite-different": 1}));
        assert_eq!(
            both,
            [format!("{variable} exclusive"), format!("{variable}.quite-different unknown-field")]
        );
    }

    #[test]
    fn a_wrong_value_under_a_key_with_dots_hides_nothing_beside_it() {
        let labels = json!({"team.example/name": 1, "msapp.dev/app": "other"});
        let spec = json!({"services": [{"name": "web", "image": "web:1", "labels": labels}]});
        let found =
            resolve(&Source { name: "shop".into(), namespace: "shop".into(), spec, ..Source::default() });
        let violations = found.expect_err("it has mistakes");
        let told: Vec<&str> = violations.iter().map(|violation| violation.path.as_str()).collect();
        let at = "spec.services[0].labels";
        assert_eq!(told, [format!("{at}[msapp.dev/app]"), format!("{at}[team.example/name]")]);
    }
}
