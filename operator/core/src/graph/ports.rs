//! Ports of a service, and references to them.

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::{Port as WrittenPort, PortReference};

use super::Port;
use crate::violation::{Code, Violation, Violations, nearest};

/// Fills in what follows, and refuses two ports that are one.
pub(super) fn resolve(written: &[WrittenPort], path: &str, violations: &mut Violations) -> Vec<Port> {
    let ports: Vec<Port> = written
        .iter()
        .map(|port| Port {
            name: port.name.clone(),
            port: port.port,
            target: port.target_port.unwrap_or(port.port),
            protocol: port.protocol.unwrap_or_default(),
        })
        .collect();
    let mut first: BTreeMap<(i32, &str), usize> = BTreeMap::new();
    for (index, port) in ports.iter().enumerate() {
        if !is_service_name(&port.name) {
            let message =
                format!("{:?} is no name of a port: it needs a letter, and two '-' never meet", port.name);
            violations.push(Violation::new(format!("{path}[{index}].name"), Code::InvalidValue, message));
        }
        if let Some(earlier) = first.get(&(port.port, port.transport())) {
            let message =
                format!("{} {} is already the port of {path}[{earlier}]", port.transport(), port.port);
            violations.push(Violation::new(format!("{path}[{index}].port"), Code::Duplicate, message));
        } else {
            first.insert((port.port, port.transport()), index);
        }
    }
    ports
}

/// What a name of a container's port has to be beyond the schema (RFC 6335, section 5.1).
fn is_service_name(name: &str) -> bool {
    name.bytes().any(|letter| letter.is_ascii_lowercase()) && !name.contains("--")
}

/// The port that a name, a service port or a container port means; the first one when nothing is said.
pub(super) fn find<'a>(ports: &'a [Port], reference: Option<&PortReference>) -> Option<&'a Port> {
    let Some(PortReference(text)) = reference else {
        return ports.first();
    };
    let number: Option<i32> = text.parse().ok();
    ports
        .iter()
        .find(|port| port.name == *text)
        .or_else(|| ports.iter().find(|port| Some(port.port) == number))
        .or_else(|| ports.iter().find(|port| Some(port.target) == number))
}

/// The violation of a reference that means no port.
pub(super) fn unknown(
    ports: &[Port],
    reference: Option<&PortReference>,
    path: &str,
    whose: &str,
) -> Violation {
    let Some(PortReference(text)) = reference else {
        return Violation::new(path, Code::NoUsablePort, format!("{whose} declares no port"));
    };
    let declared: Vec<String> = ports.iter().map(|port| format!("{} ({})", port.name, port.port)).collect();
    let declared = if declared.is_empty() { "none".to_owned() } else { declared.join(", ") };
    Violation::new(
        path,
        Code::UnknownName,
        format!("{whose} declares no port {text:?}; declared: {declared}"),
    )
    .suggest(nearest(text, ports.iter().map(|port| port.name.as_str())))
}
