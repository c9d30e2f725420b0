//! Resources of the container.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Stored;
use msapp_crds::v1alpha1::{Quantity as WrittenQuantity, Resources};

use super::inherit::Written;
use crate::scalar::Quantity;
use crate::violation::{Code, Violation, Violations, field_path, nearest};

/// Requests and limits as the API server stores them.
pub(super) fn resolve(written: &Written<'_, Resources>, violations: &mut Violations) -> ResourceRequirements {
    let (requests, limits) = (&written.value.requests, &written.value.limits);
    for (list, field) in [(requests, "requests"), (limits, "limits")] {
        for name in list.keys().filter(|name| !is_resource(name)) {
            let path = field_path(&format!("{}.{field}", written.path), name);
            let known = ["cpu", "memory", "ephemeral-storage"];
            let message = format!("{name:?} is no resource: {} or a name with a domain", known.join(", "));
            violations.push(Violation::new(path, Code::InvalidValue, message).suggest(nearest(name, known)));
        }
    }
    for (name, request) in requests {
        let (Some(limit), Some(asked)) = (limits.get(name), Quantity::parse(&request.0)) else { continue };
        if Quantity::parse(&limit.0).is_some_and(|most| asked.nano() > most.nano()) {
            let message = format!("the request {request} is more than the limit {limit}");
            violations.push(Violation::new(
                field_path(&format!("{}.requests", written.path), name),
                Code::InvalidValue,
                message,
            ));
        }
    }
    let stored = |list: &BTreeMap<String, WrittenQuantity>| {
        let list: BTreeMap<String, Stored> =
            list.iter().map(|(name, quantity)| (name.clone(), counted(quantity))).collect();
        (!list.is_empty()).then_some(list)
    };
    ResourceRequirements { requests: stored(requests), limits: stored(limits), claims: None }
}

/// The schema has checked the grammar; a value beyond the range of the parser is kept as written.
fn counted(written: &WrittenQuantity) -> Stored {
    let stored = Quantity::parse(&written.0).map(|quantity| quantity.in_thousandths().canonical());
    Stored(stored.unwrap_or_else(|| written.0.clone()))
}

fn is_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("hugepages-")
        || name.contains('/')
}
