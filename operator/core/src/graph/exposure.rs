//! Entry from outside the cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;

use msapp_crds::v1alpha1::{Expose, MicroserviceAppSpec, PathType, Protocol};

use super::object_names::check_name;
use super::service::Context;
use super::{Exposure, Port};
use super::{network, ports};
use crate::scalar::is_dns_name;
use crate::violation::{Code, Violation, Violations};

/// The path that stands for all.
const ROOT: &str = "/";

/// The Ingress that follows from `expose`.
pub(super) fn resolve(
    context: &Context<'_>,
    expose: &Expose,
    declared: &[Port],
    path: &str,
    violations: &mut Violations,
) -> Option<Exposure> {
    let reachable: Vec<Port> = declared
        .iter()
        .filter(|port| !matches!(port.protocol, Protocol::UDP | Protocol::TCP))
        .cloned()
        .collect();
    check_fields(expose, path, violations);
    let controller_namespace = controller_namespace(context, expose, path, violations);
    let Some(port) = ports::find(&reachable, expose.port.as_ref()) else {
        let path = if expose.port.is_some() { format!("{path}.port") } else { path.to_owned() };
        violations.push(ports::unknown(
            &reachable,
            expose.port.as_ref(),
            &path,
            "the service (HTTP ports only)",
        ));
        return None;
    };
    Some(Exposure {
        host: expose.host.clone(),
        path: expose.path.clone().unwrap_or_else(|| ROOT.to_owned()),
        path_type: expose.path_type.unwrap_or_default(),
        class: expose.class.clone(),
        tls_secret: expose.tls_secret.clone(),
        port: port.port,
        target_port: port.target,
        controller_namespace,
    })
}

fn check_fields(expose: &Expose, path: &str, violations: &mut Violations) {
    check_host(&expose.host, &format!("{path}.host"), violations);
    check_path(expose.path.as_deref().unwrap_or(ROOT), &format!("{path}.path"), violations);
    if let Some(class) = &expose.class {
        check_name(class, "an IngressClass", &format!("{path}.class"), violations);
    }
    if let Some(secret) = &expose.tls_secret {
        check_name(secret, "a Secret", &format!("{path}.tlsSecret"), violations);
    }
}

fn check_host(host: &str, path: &str, violations: &mut Violations) {
    let message = if host.parse::<IpAddr>().is_ok() {
        format!("{host:?} is an address; an Ingress chooses by host name")
    } else if !is_dns_name(host.strip_prefix("*.").unwrap_or(host)) {
        format!("{host:?} is no host name")
    } else {
        return;
    };
    violations.push(Violation::new(path, Code::InvalidValue, message));
}

/// What the API server refuses in a path (`validateHTTPIngressPath` of networking.k8s.io): whatever could lead a proxy
/// to another path than the one that was compared.
fn check_path(written: &str, path: &str, violations: &mut Violations) {
    let within = ["//", "/./", "/../", "%2f", "%2F"].into_iter().find(|part| written.contains(part));
    let at_end = ["/..", "/."].into_iter().find(|end| written.ends_with(end));
    let message = match (within, at_end) {
        (Some(part), _) => format!("{written:?} has {part:?} in it"),
        (None, Some(end)) => format!("{written:?} ends with {end:?}"),
        (None, None) => return,
    };
    violations.push(Violation::new(path, Code::InvalidValue, message));
}

/// Two services cannot have the same requests: which of them got one would be chance.
pub(super) fn check_distinct(spec: &MicroserviceAppSpec, violations: &mut Violations) {
    let mut first = BTreeMap::new();
    for (index, service) in spec.services.iter().enumerate() {
        let Some(expose) = &service.expose else { continue };
        let written = expose.path.as_deref().unwrap_or(ROOT);
        let path_type = expose.path_type.unwrap_or_default();
        // A prefix means the same with a slash at its end and without.
        let compared = if path_type == PathType::Prefix { written.trim_end_matches('/') } else { written };
        let requests = (&expose.class, &expose.host, path_type == PathType::Prefix, compared);
        let earlier = *first.entry(requests).or_insert(index);
        if earlier != index {
            let message = format!(
                "{}{written} is already exposed by spec.services[{earlier}], {:?}",
                expose.host, spec.services[earlier].name
            );
            let field = if expose.path.is_some() { "path" } else { "host" };
            let path = format!("spec.services[{index}].expose.{field}");
            violations.push(Violation::new(path, Code::Duplicate, message));
        }
    }
}

/// With isolation the policy admits this one namespace, so it has to be known.
fn controller_namespace(
    context: &Context<'_>,
    expose: &Expose,
    path: &str,
    violations: &mut Violations,
) -> Option<String> {
    let usual = context.spec.network.as_ref().and_then(|network| network.ingress_namespace.as_ref());
    let path = format!("{path}.controllerNamespace");
    let namespace = expose.controller_namespace.as_ref().or(usual);
    match namespace {
        Some(namespace) => network::check_namespace(namespace, &path, violations),
        None if context.isolated => {
            let message = "network policy must know the ingress controller's namespace: give it here or as spec.network.ingressNamespace";
            violations.push(Violation::new(path, Code::MissingField, message));
        }
        None => {}
    }
    namespace.cloned()
}
