//! Security: what is open though it should not be.

use msapp_crds::v1alpha1::Visibility;

use super::System;
use super::finding::{Check, Finding};
use crate::graph::{Reach, Service};

/// Isolation, exposure, addresses.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    let app = system.app;
    let mut found = Vec::new();
    if app.network.is_none() {
        let message =
            "every pod of the cluster may talk to every service; set isolation to Strict or Lenient";
        found.push(Finding::new(
            Check::IsolationDisabled,
            "spec.network.isolation",
            &app.name,
            message.to_owned(),
        ));
    }
    found.extend(app.services.iter().filter_map(exposed));
    found.extend(names(system));
    found
}

fn exposed(service: &Service) -> Option<Finding> {
    let exposure = service.exposure.as_ref().filter(|_| service.visibility == Visibility::Internal)?;
    let message = format!(
        "{} is internal, and {} leads to it from outside; remove expose, or visibility: Internal",
        service.name,
        exposure.url()
    );
    let path = format!("{}.expose", service.path);
    Some(Finding::new(Check::PublicInternalService, &path, &service.name, message))
}

/// Targets of which only a name is known, as far as somebody depends on them.
fn names(system: &System<'_>) -> Vec<Finding> {
    let app = system.app;
    let backing =
        app.backing_services.iter().map(|one| (&one.name, &one.reach, &one.path, one.host_in_secret));
    let external = app.external_services.iter().map(|one| (&one.name, &one.reach, &one.path, false));
    let used = |name: &str| !system.users_of(name).is_empty();
    let all = backing.chain(external).filter(|(name, ..)| app.network.is_some() && used(name));
    all.filter_map(|(name, reach, path, host_in_secret)| {
        let opened = match reach {
            Reach::AnyAddress => "its port is open to every address; give cidrs or pods",
            Reach::Nowhere => {
                "isolation Strict opens nothing to it; give cidrs or pods, or set isolation to Lenient"
            }
            Reach::Cidrs(cidrs) if cidrs.iter().any(|cidr| cidr.ends_with("/0")) => {
                let message = format!("the ranges of {name:?} are every address; give those that it has");
                return Some(Finding::new(Check::NameWithoutAddress, path, name, message));
            }
            Reach::Service | Reach::Pods { .. } | Reach::Cidrs(_) => return None,
        };
        let known = if host_in_secret {
            format!("only its Secret tells where {name:?} is, and a NetworkPolicy cannot read it")
        } else {
            format!("only the name of {name:?} is known, and a NetworkPolicy cannot hold a name")
        };
        let message = format!("{known}: {opened}");
        Some(Finding::new(Check::NameWithoutAddress, path, name, message))
    })
    .collect()
}
