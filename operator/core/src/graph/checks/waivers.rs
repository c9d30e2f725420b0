//! Accepted findings: by the code of the check and, usually, what it was found on.

use std::collections::BTreeSet;

use msapp_crds::v1alpha1::Waiver;

use super::finding::{Check, Finding};
use crate::violation::{Code, Violation, Violations, nearest};

/// The findings that nobody accepts, and what is wrong with the waivers.
pub(super) fn apply(found: Vec<Finding>, waivers: &[Waiver]) -> Violations {
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut left = Violations::default();
    for finding in found {
        let accepting: Vec<usize> =
            (0..waivers.len()).filter(|at| accepts(&waivers[*at], &finding)).collect();
        if accepting.is_empty() {
            left.push(finding.into_violation());
        }
        used.extend(accepting);
    }
    for (at, waiver) in waivers.iter().enumerate() {
        let path = format!("spec.checks.waivers[{at}]");
        if Check::parse(&waiver.check).is_none_or(|check| check == Check::StaleWaiver) {
            left.push(unknown(waiver, &path));
        } else if !used.contains(&at) {
            left.push(stale(waiver, &path));
        }
    }
    left
}

fn accepts(waiver: &Waiver, finding: &Finding) -> bool {
    waiver.check == finding.check.as_str()
        && waiver.target.as_ref().is_none_or(|target| finding.subjects.contains(target))
}

fn unknown(waiver: &Waiver, path: &str) -> Violation {
    let codes = Check::ALL.into_iter().filter(|check| *check != Check::StaleWaiver).map(Check::as_str);
    let message = format!("there is no check {:?} that can be waived", waiver.check);
    Violation::new(format!("{path}.check"), Code::UnknownName, message).suggest(nearest(&waiver.check, codes))
}

fn stale(waiver: &Waiver, path: &str) -> Violation {
    let target = waiver.target.as_ref().map(|target| format!(" on {target:?}")).unwrap_or_default();
    let message = format!("{}{target} is found no more: remove the waiver", waiver.check);
    Violation::new(path, Code::Check(Check::StaleWaiver), message)
}
