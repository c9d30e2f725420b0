//! Entry from outside the cluster.

use msapp_crds::v1alpha1::{Expose, Protocol};

use super::app::{Exposure, Port};
use super::service::Context;
use super::{network, ports};
use crate::scalar::is_dns_name;
use crate::violation::{Code, Violation, Violations};

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
    check_host(&expose.host, &format!("{path}.host"), violations);
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
        path: expose.path.clone().unwrap_or_else(|| "/".to_owned()),
        path_type: expose.path_type.unwrap_or_default(),
        class: expose.class.clone(),
        tls_secret: expose.tls_secret.clone(),
        port: port.port,
        target_port: port.target,
        controller_namespace,
    })
}

fn check_host(host: &str, path: &str, violations: &mut Violations) {
    if !is_dns_name(host.strip_prefix("*.").unwrap_or(host)) {
        violations.push(Violation::new(path, Code::InvalidValue, format!("{host:?} is no host name")));
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
