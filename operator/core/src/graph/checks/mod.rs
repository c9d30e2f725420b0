//! Checks of the graph as a whole: what is wrong with a system although every part of it is right.
//!
//! Each has a code that never changes, a weight, a page in docs/checks, and can be waived by name with a reason.

mod calls;
mod coupling;
mod data;
mod domains;
mod events;
mod finding;
mod operations;
mod security;
mod start_order;
mod timeouts;
mod waivers;

use msapp_crds::v1alpha1::{Bounds, Checks};

pub use finding::Check;
pub(super) use start_order::start_order;

use super::App;
use crate::violation::Violations;
use finding::Finding;

/// Everything that the checks find, without what is waived; mistakes in the waivers themselves included.
pub(super) fn findings(app: &App, checks: Option<&Checks>) -> Violations {
    let usual = Checks::default();
    let checks = checks.unwrap_or(&usual);
    let limits = Limits::of(checks.bounds.as_ref());
    let families: [fn(&App, &Limits) -> Vec<Finding>; 8] = [
        calls::findings,
        coupling::findings,
        data::findings,
        domains::findings,
        events::findings,
        operations::findings,
        security::findings,
        timeouts::findings,
    ];
    let found = families.into_iter().flat_map(|family| family(app, &limits)).collect();
    waivers::apply(found, &checks.waivers).sorted()
}

/// Sizes that are still in order.
struct Limits {
    call_depth: usize,
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
            call_depth: size(bounds.call_depth, 4),
            fan_out: size(bounds.fan_out, 8),
            coupled_services: size(bounds.coupled_services, 2),
            tiny_services: size(bounds.tiny_services, 8),
            retry_amplification: bounds.retry_amplification.map_or(8, i64::from),
        }
    }
}
