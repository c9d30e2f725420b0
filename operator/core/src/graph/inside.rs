//! Targets that are declared as outside of the app and are inside: by such an edge the caller would be let out, and the
//! service that it leads to would let nobody in.

use msapp_crds::v1alpha1::{MicroserviceAppSpec, PeerPods};

use super::{App, Service};
use crate::labels;
use crate::violation::{Code, Violation, Violations};

/// Endings of the name of a Service within its namespace
/// (<https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/>).
const ENDINGS: [&str; 2] = [".svc.cluster.local", ".svc"];

/// A host as `name.namespace` when it may be the name of a Service, with what else can be written taken off.
pub(super) fn canonical_host(host: &str, namespace: &str) -> String {
    let host = ENDINGS.iter().find_map(|ending| host.strip_suffix(ending)).unwrap_or(host);
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    if host.contains('.') || is_address { host.to_owned() } else { format!("{host}.{namespace}") }
}

/// Reports backing and external services that are services of this very app.
pub(super) fn check(spec: &MicroserviceAppSpec, app: &App, violations: &mut Violations) {
    let backing = spec.backing_services.iter().enumerate().map(|(at, backing)| {
        (format!("spec.backingServices[{at}]"), backing.host.as_deref(), backing.pods.as_ref())
    });
    let external = spec.external_services.iter().enumerate().map(|(at, external)| {
        (format!("spec.externalServices[{at}]"), Some(external.host.as_str()), external.pods.as_ref())
    });
    for (path, host, pods) in backing.chain(external) {
        let by_host = host.and_then(|host| {
            let host = canonical_host(host, &app.namespace);
            app.services.iter().find(|service| host == format!("{}.{}", service.name, app.namespace))
        });
        let by_pods = pods.and_then(|pods| app.services.iter().find(|service| selects(pods, app, service)));
        for (field, service) in [("host", by_host), ("pods.labels", by_pods)] {
            if let Some(Service { name, .. }) = service {
                let message = format!(
                    "this is the service {name:?} of this app: let callers depend on {name:?} itself"
                );
                violations.push(Violation::new(format!("{path}.{field}"), Code::Exclusive, message));
            }
        }
    }
}

/// Whether labels were written that the pods of a service have.
fn selects(pods: &PeerPods, app: &App, service: &Service) -> bool {
    let here = pods.namespace.as_ref().is_none_or(|namespace| *namespace == app.namespace);
    let own = labels::all(&app.name, &service.name, &service.settings.labels);
    here && !pods.labels.is_empty() && labels::select(&pods.labels, &own)
}
