//! Resources of the container.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Stored;
use msapp_crds::v1alpha1::{Quantity as WrittenQuantity, Resources};

use super::inherit::Written;
use super::tags::is_label_key;
use crate::scalar::Quantity;
use crate::violation::{Code, Violation, Violations, field_path, nearest};

const COMMON: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// The size of a page follows: `hugepages-2Mi`.
const HUGE_PAGES: &str = "hugepages-";

/// Requests and limits as the API server stores them.
pub(super) fn resolve(written: &Written<'_, Resources>, violations: &mut Violations) -> ResourceRequirements {
    let (requests, limits) = (&written.value.requests, &written.value.limits);
    for (list, field) in [(requests, "requests"), (limits, "limits")] {
        for (name, quantity) in list {
            let path = field_path(&format!("{}.{field}", written.path), name);
            if is_resource(name) {
                check_amount(name, quantity, &path, violations);
            } else {
                let message =
                    format!("{name:?} is no resource: {} or a name with a domain", COMMON.join(", "));
                let violation = Violation::new(path, Code::InvalidValue, message);
                violations.push(violation.suggest(nearest(name, COMMON)));
            }
        }
    }
    for (name, request) in requests.iter().filter(|(name, _)| is_resource(name)) {
        let path = field_path(&format!("{}.requests", written.path), name);
        check_request(name, request, limits.get(name), &path, violations);
    }
    check_huge_pages(written, violations);
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

/// A request is at most its limit, and equal to it where the resource cannot be shared out more than once.
fn check_request(
    name: &str,
    request: &WrittenQuantity,
    limit: Option<&WrittenQuantity>,
    path: &str,
    violations: &mut Violations,
) {
    let nano = |quantity: &WrittenQuantity| Quantity::parse(&quantity.0).map(Quantity::nano);
    let compared = limit.and_then(|limit| Some((limit, nano(request)?.cmp(&nano(limit)?))));
    let message = match compared {
        None if limit.is_none() && !is_divisible(name) => {
            format!("{name} needs a limit of the same amount")
        }
        Some((limit, Ordering::Greater)) => format!("the request {request} is more than the limit {limit}"),
        Some((limit, Ordering::Less)) if !is_divisible(name) => {
            format!("the request {request} is less than the limit {limit}: of {name} both are the same")
        }
        _ => return,
    };
    violations.push(Violation::new(path, Code::InvalidValue, message));
}

/// Whole devices, and whole pages.
fn check_amount(name: &str, quantity: &WrittenQuantity, path: &str, violations: &mut Violations) {
    let unit = match name.strip_prefix(HUGE_PAGES) {
        Some(size) => Quantity::parse(size).map(Quantity::nano).filter(|size| *size > 0),
        None if is_divisible(name) => return,
        None => Quantity::parse("1").map(Quantity::nano),
    };
    let amount = Quantity::parse(&quantity.0).map(Quantity::nano);
    if unit.zip(amount).is_none_or(|(unit, amount)| amount % unit != 0) {
        let message = format!("{quantity} is no whole number of {name}");
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
}

fn check_huge_pages(written: &Written<'_, Resources>, violations: &mut Violations) {
    let named = || written.value.requests.keys().chain(written.value.limits.keys());
    if named().any(|name| name.starts_with(HUGE_PAGES))
        && !named().any(|name| name == "cpu" || name == "memory")
    {
        let message = "huge pages need cpu or memory beside them";
        violations.push(Violation::new(&written.path, Code::InvalidValue, message));
    }
}

/// `ValidateContainerResourceName` of k8s.io/kubernetes.
fn is_resource(name: &str) -> bool {
    COMMON.contains(&name)
        || name.starts_with(HUGE_PAGES) && is_label_key(name)
        // Quotas count it as `requests.` and its name, which has to be a name, too.
        || name.contains('/') && !name.starts_with("requests.") && is_label_key(&format!("requests.{name}"))
}

/// Whether there can be parts of it, and more requested than there is: not of devices and huge pages.
fn is_divisible(name: &str) -> bool {
    !name.starts_with(HUGE_PAGES) && (!name.contains('/') || name.contains("kubernetes.io/"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(resources: Value) -> Vec<String> {
        let value: Resources = serde_json::from_value(resources).expect("resources");
        let mut violations = Violations::default();
        resolve(&Written { value: &value, path: "r".to_owned() }, &mut violations);
        violations.iter().map(ToString::to_string).collect()
    }

    /// Each was tried on a kube-apiserver 1.36.
    #[test]
    fn names_are_those_that_the_api_server_takes() {
        for name in ["cpu", "a/b", "kubernetes.io/x", "x.kubernetes.io/a", "example.com/GPU_1.x"] {
            assert!(is_resource(name), "{name}");
        }
        let long = format!("a/{}", "b".repeat(64));
        for name in [
            "a/b/c",
            "requests.a/b",
            "A.b/c",
            "a/-b",
            "hugepages-",
            "example.com/",
            "/a",
            &long,
            "pods",
            "storage",
        ] {
            assert!(!is_resource(name), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_shared_has_a_limit_of_the_same_amount() {
        assert_eq!(told(json!({"limits": {"a/b": 2}})), [] as [&str; 0]);
        assert_eq!(
            told(json!({"requests": {"a/b": 2}})),
            ["r.requests[a/b]: a/b needs a limit of the same amount"]
        );
        assert_eq!(
            told(json!({"requests": {"a/b": 1}, "limits": {"a/b": 2}})),
            ["r.requests[a/b]: the request 1 is less than the limit 2: of a/b both are the same"]
        );
        assert_eq!(
            told(json!({"limits": {"a/b": "1500m", "kubernetes.io/x": "1500m"}})),
            ["r.limits[a/b]: 1500m is no whole number of a/b"]
        );
    }

    #[test]
    fn huge_pages_are_whole_and_not_alone() {
        let pages = |request: &str, limit: &str| {
            told(
                json!({"requests": {"hugepages-2Mi": request, "cpu": 1}, "limits": {"hugepages-2Mi": limit}}),
            )
        };
        assert_eq!(pages("4Mi", "4Mi"), [] as [&str; 0]);
        assert_eq!(pages("2Mi", "4Mi").len(), 1);
        assert_eq!(pages("3Mi", "3Mi").len(), 2);
        assert_eq!(
            told(json!({"limits": {"hugepages-2Mi": "4Mi"}})),
            ["r: huge pages need cpu or memory beside them"]
        );
        assert_eq!(
            told(json!({"limits": {"hugepages-x": 2, "cpu": 1}})),
            ["r.limits.hugepages-x: 2 is no whole number of hugepages-x"]
        );
    }
}
