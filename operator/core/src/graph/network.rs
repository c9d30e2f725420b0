//! Who may talk to the pods besides the declared edges.

use msapp_crds::v1alpha1::{Isolation, MicroserviceAppSpec, PeerPods};

use super::tags::{is_label_key, is_label_value};
use super::{DnsServer, NetworkRules};
use crate::scalar::{is_cidr, is_dns_label};
use crate::violation::{Code, Violation, Violations, field_path};

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
    let rules = NetworkRules {
        dns: dns(&network.dns, violations),
        monitoring_namespace: network.monitoring_namespace,
        node_cidrs: network.node_cidrs,
    };
    (network.isolation.unwrap_or_default() != Isolation::Disabled).then_some(rules)
}

/// Whether something is opened to targets of which only a name is known.
pub(super) fn is_lenient(spec: &MicroserviceAppSpec) -> bool {
    let isolation = spec.network.as_ref().and_then(|network| network.isolation);
    isolation.unwrap_or_default() != Isolation::Strict
}

fn dns(written: &[PeerPods], violations: &mut Violations) -> Vec<DnsServer> {
    let mut servers = Vec::new();
    for (index, pods) in written.iter().enumerate() {
        let path = format!("spec.network.dns[{index}]");
        check_pods(pods, &path, violations);
        let Some(namespace) = pods.namespace.clone() else {
            let message = "the namespace of the DNS servers is needed";
            violations.push(Violation::new(format!("{path}.namespace"), Code::MissingField, message));
            continue;
        };
        servers.push(DnsServer { namespace, labels: pods.labels.clone(), port: pods.port.unwrap_or(53) });
    }
    servers
}

/// Namespace and labels of pods of another application.
pub(super) fn check_pods(pods: &PeerPods, path: &str, violations: &mut Violations) {
    if let Some(namespace) = &pods.namespace {
        check_namespace(namespace, &format!("{path}.namespace"), violations);
    }
    for (key, value) in &pods.labels {
        if !is_label_key(key) || !is_label_value(value) {
            let message = format!("{key}={value:?} is no legal label");
            let path = field_path(&format!("{path}.labels"), key);
            violations.push(Violation::new(path, Code::InvalidValue, message));
        }
    }
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
