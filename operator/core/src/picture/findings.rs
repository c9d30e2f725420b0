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
            // Each is an entry of a list and ends with its bracket, so that `[1]` does not begin `[12]`.
            let around = drawn.iter().filter(|path| finding.path.starts_with(**path));
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
