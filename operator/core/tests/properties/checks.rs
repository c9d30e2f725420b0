//! What holds for the checks of every spec: the order of lists means nothing to them, and whatever they find they point
//! at something that is written.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::{cases, entries, resolved, specs};

/// The spec with narrow bounds, closed domains, timeouts and retries, and without its waivers, so that much is found.
fn judged(mut spec: Value) -> Value {
    let bounds = json!({"callDepth": 1, "fanOut": 1, "coupledServices": 1, "retryAmplification": 1});
    spec["checks"] = json!({"bounds": bounds});
    let domain = |name: &str| {
        let members = entries(&spec, "services").filter(|service| service["domain"] == name);
        let names: BTreeSet<&str> = members.filter_map(|service| service["name"].as_str()).collect();
        json!({"name": name, "entries": names.first().into_iter().collect::<Vec<_>>()})
    };
    spec["domains"] = json!([domain("ordering"), domain("browsing")]);
    for service in spec["services"].as_array_mut().into_iter().flatten() {
        service["visibility"] = json!("Internal");
        let caller = service["name"].as_str().map_or(0, str::len);
        for edge in service.get_mut("dependencies").and_then(Value::as_array_mut).into_iter().flatten() {
            let callee = edge["name"].as_str().map_or(0, str::len);
            edge["timeout"] = json!(format!("{}s", 1 + (caller + callee) % 3));
            edge["retries"] = json!({"attempts": (caller * callee) % 4});
        }
    }
    spec
}

/// A path with names in place of numbers; nothing when there is nothing at it.
fn place(spec: &Value, path: &str) -> Option<String> {
    let mut at = spec;
    let mut told = String::new();
    for step in path.strip_prefix("spec.")?.split('.') {
        let (field, numbers) = step.split_once('[').unwrap_or((step, ""));
        at = at.get(field)?;
        told.push_str(&format!(".{field}"));
        for number in numbers.split('[').filter(|number| !number.is_empty()) {
            at = at.get(number.strip_suffix(']')?.parse::<usize>().ok()?)?;
            let name = at.get("name").unwrap_or(at);
            told.push_str(&format!("[{name}]"));
        }
    }
    Some(told)
}

/// Everything that is found, whether it stops the change or not.
fn findings(spec: &Value) -> BTreeSet<(String, &'static str, String)> {
    let found = match resolved(spec) {
        Ok(app) => app.findings,
        Err(violations) => violations,
    };
    let told = found.iter().map(|one| {
        let place = place(spec, &one.path).unwrap_or_else(|| panic!("nothing is written at {one}"));
        (place, one.code.as_str(), one.message.clone())
    });
    told.collect()
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn findings_are_the_same_in_every_order_of_the_lists(spec in specs::spec(), rounds in vec(any::<Index>(), 16)) {
        let spec = judged(spec);
        prop_assert_eq!(findings(&spec), findings(&specs::shuffled(&spec, &rounds)));
    }
}

/// The property is worth little where nothing is found.
#[test]
fn random_specs_have_findings_of_most_checks() {
    use msapp_core::graph::Check;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..64 {
        let spec = specs::spec().new_tree(&mut runner).expect("a spec").current();
        seen.extend(findings(&judged(spec)).into_iter().map(|(_, code, _)| code));
    }
    let known: BTreeSet<&str> = Check::ALL.iter().map(|check| check.as_str()).collect();
    let never: BTreeSet<&str> = known.difference(&seen).copied().collect();
    let expected =
        BTreeSet::from(["plain-text-credential", "stale-waiver", "tiny-services", "unpinned-image"]);
    assert_eq!(never, expected);
}
