//! Checks of the graph as a whole: what is wrong with a system although every part of it is right.
//!
//! Each has a code that never changes, a weight, a page in docs/checks, and can be waived by name with a reason.

mod calls;
mod coupling;
mod credentials;
mod data;
mod domains;
mod events;
mod finding;
mod groups;
mod operations;
mod security;
mod start_order;
mod timeouts;
mod waivers;

use std::collections::BTreeMap;

use msapp_crds::v1alpha1::{Bounds, Checks};

pub use finding::Check;
pub(super) use start_order::start_order;

use super::{App, Edge, Service};
use crate::violation::{Code, Severity, Violation, Violations};
use finding::Finding;
use groups::Groups;

/// Everything that the checks find, without what is waived; mistakes in the waivers themselves included. [`resolve`]
/// calls it; what weighs no error is in [`App::findings`] then.
///
/// [`resolve`]: super::resolve
pub fn findings(app: &App, checks: Option<&Checks>) -> Violations {
    let usual = Checks::default();
    let checks = checks.unwrap_or(&usual);
    let system = System::of(app, Limits::of(checks.bounds.as_ref()));
    let families: [fn(&System<'_>) -> Vec<Finding>; 9] = [
        calls::findings,
        coupling::findings,
        credentials::findings,
        data::findings,
        domains::findings,
        events::findings,
        operations::findings,
        security::findings,
        timeouts::findings,
    ];
    let found = families.into_iter().flat_map(|family| family(&system)).collect();
    waivers::apply(found, &checks.waivers).sorted()
}

/// What is told beside the mistakes of the resource: everything when there are none. Otherwise the graph is not whole, so
/// that only errors are told, and none that may follow from a mistake.
pub(super) fn told(found: &Violations, mistakes: &Violations) -> Violations {
    let certain =
        |one: &&Violation| one.code.severity() == Severity::Error && !may_follow(one.code, mistakes);
    if mistakes.is_empty() { found.clone() } else { found.iter().filter(certain).cloned().collect() }
}

/// Whether a mistake may have taken away what the finding misses: an owner, the address of a database, a publisher.
fn may_follow(code: Code, mistakes: &Violations) -> bool {
    let lists: &[&str] = match code {
        Code::Check(Check::SharedDatabase) => &["spec.backingServices"],
        Code::Check(Check::UnpublishedEvent) => &["spec.backingServices", ".publishes"],
        _ => &[],
    };
    mistakes.iter().any(|mistake| lists.iter().any(|list| mistake.path.contains(list)))
}

/// An app as the checks look at it.
struct System<'a> {
    app: &'a App,
    limits: Limits,
    groups: Groups<'a>,
    /// Target → the services that depend on it, sorted, each with its edge.
    users: BTreeMap<&'a str, Vec<(&'a Service, &'a Edge)>>,
}

impl<'a> System<'a> {
    fn of(app: &'a App, limits: Limits) -> Self {
        let mut users: BTreeMap<&str, Vec<(&Service, &Edge)>> = BTreeMap::new();
        for service in &app.services {
            for edge in &service.edges {
                users.entry(&edge.name).or_default().push((service, edge));
            }
        }
        Self { app, limits, groups: Groups::of(app), users }
    }

    /// The services that depend on a target, sorted, each with its edge.
    fn users_of(&self, target: &str) -> &[(&'a Service, &'a Edge)] {
        self.users.get(target).map_or(&[], Vec::as_slice)
    }
}

/// Sizes that are still in order.
struct Limits {
    call_depth: i64,
    fan_out: usize,
    coupled_services: usize,
    tiny_services: usize,
    retry_amplification: i64,
}

impl Limits {
    /// What is written, and the usual bounds for the rest.
    fn of(bounds: Option<&Bounds>) -> Self {
        let usual = Bounds::default();
        let bounds = bounds.unwrap_or(&usual);
        let size = |written: Option<i32>, usual: usize| {
            written.and_then(|number| usize::try_from(number).ok()).unwrap_or(usual)
        };
        Self {
            call_depth: bounds.call_depth.map_or(4, i64::from),
            fan_out: size(bounds.fan_out, 8),
            coupled_services: size(bounds.coupled_services, 2),
            tiny_services: size(bounds.tiny_services, 8),
            retry_amplification: bounds.retry_amplification.map_or(8, i64::from),
        }
    }
}
