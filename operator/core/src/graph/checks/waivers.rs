//! Accepted findings: by the code of the check and, usually, what it was found on.

use std::collections::BTreeSet;

use msapp_crds::v1alpha1::Waiver;

use super::finding::{Check, Finding};
use crate::violation::{Code, Violation, Violations, nearest};

/// The findings that nobody accepts, and what is wrong with the waivers.
pub(super) fn apply(found: Vec<Finding>, waivers: &[Waiver]) -> Violations {
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut left = Violations::default();
    let mut subjects: BTreeSet<(Check, String)> = BTreeSet::new();
    for finding in found {
        subjects.extend(finding.subjects.iter().map(|subject| (finding.check, subject.clone())));
        let accepting: Vec<usize> =
            (0..waivers.len()).filter(|at| accepts(&waivers[*at], &finding)).collect();
        if accepting.is_empty() {
            left.push(finding.into_violation());
        }
        used.extend(accepting);
    }
    for (at, waiver) in waivers.iter().enumerate() {
        let path = format!("spec.checks.waivers[{at}]");
        match Check::parse(&waiver.check) {
            None | Some(Check::StaleWaiver) => left.push(unknown(waiver, &path)),
            Some(check) if !used.contains(&at) => left.push(stale(waiver, check, &path, &subjects)),
            Some(_) => {}
        }
        left.extend(written(waivers, at, &path));
    }
    left
}

/// What is wrong with a waiver whatever is found: no reason, or another one for the same.
fn written(waivers: &[Waiver], at: usize, path: &str) -> Violations {
    let (waiver, earlier) = (&waivers[at], &waivers[..at]);
    let same = |other: &Waiver| (&other.check, &other.target) == (&waiver.check, &waiver.target);
    let twice = earlier.iter().position(same).map(|first| {
        let message = format!("spec.checks.waivers[{first}] accepts the same already");
        Violation::new(path, Code::Duplicate, message)
    });
    let blank = waiver.reason.trim().is_empty().then(|| {
        let message = "the reason is blank; say why the finding is accepted";
        Violation::new(format!("{path}.reason"), Code::InvalidValue, message)
    });
    twice.into_iter().chain(blank).collect()
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

/// What was found on something of nearly the same name was probably meant.
fn stale(waiver: &Waiver, check: Check, path: &str, subjects: &BTreeSet<(Check, String)>) -> Violation {
    let Some(target) = &waiver.target else {
        let message = format!("{} is found nowhere; remove the waiver", waiver.check);
        return Violation::new(path, Code::Check(Check::StaleWaiver), message);
    };
    let message = format!("{} is not found on {target:?}; remove the waiver", waiver.check);
    let of_check = subjects.iter().filter(|(of, _)| *of == check).map(|(_, subject)| subject.as_str());
    let meant = nearest(target, of_check);
    Violation::new(format!("{path}.target"), Code::Check(Check::StaleWaiver), message).suggest(meant)
}
