//! docs/proof.md: each promise, the scenario that shows it and what it measured.

use std::{collections::BTreeMap, env, fmt::Write, fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::{Scenario, stage::Shown};

/// Where the page goes; nowhere when this is not set.
const DESTINATION: &str = "MSAPP_PROOF";

const INTRODUCTION: &str = "\
# Proof

What is promised, and the scenario on a real node that shows it: real containers, real traffic, policies enforced by
the kernel. `make e2e-node` runs all of them and writes this page; the figures are those of its last run.
";

/// Writes the page when that is asked for.
pub(crate) fn write(scenarios: &[Scenario], shown: &BTreeMap<&'static str, Shown>) -> Result<()> {
    let Some(destination) = env::var_os(DESTINATION).map(PathBuf::from) else { return Ok(()) };
    fs::write(&destination, page(scenarios, shown))
        .with_context(|| format!("write {}", destination.display()))
}

fn page(scenarios: &[Scenario], shown: &BTreeMap<&'static str, Shown>) -> String {
    let mut page = INTRODUCTION.to_owned();
    for scenario in scenarios {
        let outcome = match shown.get(scenario.name) {
            Some(Shown { passed: true, .. }) => "shown",
            Some(Shown { passed: false, .. }) => "**not shown: the scenario failed**",
            None => "not run",
        };
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n\n`{}`: {outcome}\n", scenario.promise, scenario.name);
        let figures = shown.get(scenario.name).map(|shown| shown.figures.as_slice()).unwrap_or_default();
        if !figures.is_empty() {
            page.push('\n');
        }
        for figure in figures {
            let _ = writeln!(page, "- {figure}");
        }
    }
    page
}
