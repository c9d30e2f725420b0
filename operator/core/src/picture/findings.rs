//! Where in a picture each finding of the checks stands.

use std::collections::{BTreeMap, BTreeSet};

use super::Mark;
use crate::violation::Violations;

/// Findings by the path of what they stand at.
pub(super) struct Findings<'a> {
    at: BTreeMap<&'a str, Vec<Mark>>,
    /// Those that stand at nothing that is drawn.
    pub(super) elsewhere: Vec<Mark>,
}

impl<'a> Findings<'a> {
    /// Gives each finding to the innermost of the paths that holds it.
    pub(super) fn of(findings: &Violations, drawn: &BTreeSet<&'a str>) -> Self {
        let mut sorted = Self { at: BTreeMap::new(), elsewhere: Vec::new() };
        for finding in findings.iter() {
            let code = finding.code.as_str().to_owned();
            let mark = Mark { severity: finding.code.severity(), code, text: finding.message.clone() };
            let around = drawn.iter().filter(|path| is_within(&finding.path, path));
            match around.max_by_key(|path| path.len()) {
                Some(path) => sorted.at.entry(path).or_default().push(mark),
                None => sorted.elsewhere.push(mark),
            }
        }
        sorted
    }

    /// Those that stand at one of these paths.
    pub(super) fn at<'p>(&self, paths: impl IntoIterator<Item = &'p String>) -> Vec<Mark> {
        paths.into_iter().filter_map(|path| self.at.get(path.as_str())).flatten().cloned().collect()
    }
}

/// Whether a path is another one or a field of it: `services[1].image` is in `services[1]` and not in `services[12]`.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
