//! Who may talk to the pods besides the declared edges.

use msapp_crds::v1alpha1::{Isolation, MicroserviceAppSpec};

use super::app::NetworkRules;
use crate::scalar::{is_cidr, is_dns_label};
use crate::violation::{Code, Violation, Violations};

/// The rules, or nothing when isolation is off.
pub(super) fn resolve(spec: &MicroserviceAppSpec, violations: &mut Violations) -> Option<NetworkRules> {
    let network = spec.network.clone().unwrap_or_default();
    let namespaces = [
        ("monitoringNamespace", &network.monitoring_namespace),
        ("ingressNamespace", &network.ingress_namespace),
    ];
    for (field, name) in namespaces {
        if let Some(name) = name {
            check_namespace(name, &format!("spec.network.{field}"), violations);
        }
    }
    check_cidrs(&network.node_cidrs, "spec.network.nodeCidrs", violations);
    let rules =
        NetworkRules { monitoring_namespace: network.monitoring_namespace, node_cidrs: network.node_cidrs };
    (network.isolation.unwrap_or_default() == Isolation::Strict).then_some(rules)
}

pub(super) fn check_namespace(name: &str, path: &str, violations: &mut Violations) {
    if !is_dns_label(name) {
        violations.push(Violation::new(
            path,
            Code::InvalidValue,
            format!("{name:?} is no name of a namespace"),
        ));
    }
}

pub(super) fn check_cidrs(cidrs: &[String], path: &str, violations: &mut Violations) {
    for (index, cidr) in cidrs.iter().enumerate().filter(|(_, cidr)| !is_cidr(cidr)) {
        let message = format!("{cidr:?} is no address range such as 10.0.0.0/16");
        violations.push(Violation::new(format!("{path}[{index}]"), Code::InvalidValue, message));
    }
}
