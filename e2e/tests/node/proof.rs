//! docs/proof.md: each promise, the scenario that shows it and what it measured.

use std::{collections::BTreeMap, env, fmt::Write, fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::{Scenario, stage::Shown};

/// Where the page goes; nowhere when this is not set.
const DESTINATION: &str = "MSAPP_PROOF";

const INTRODUCTION: &str = "\
# Proof

What is promised, and the scenario on a real node that shows it: real containers, real traffic, policies enforced by
the kernel. `make e2e-node` runs all of them and writes this page; the figures are those of the last run of each.
";

/// Writes the page when that is asked for. What was not run this time stays as it was.
pub(crate) fn write(scenarios: &[Scenario], shown: &BTreeMap<&'static str, Shown>) -> Result<()> {
    let Some(destination) = env::var_os(DESTINATION).map(PathBuf::from) else { return Ok(()) };
    // Before the first run there is none.
    let before = fs::read_to_string(&destination).unwrap_or_default();
    let page = page(scenarios, shown, &before);
    fs::write(&destination, page).with_context(|| format!("write {}", destination.display()))
}

fn page(scenarios: &[Scenario], shown: &BTreeMap<&'static str, Shown>, before: &str) -> String {
    let mut page = INTRODUCTION.to_owned();
    for scenario in scenarios {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n\n{}", scenario.promise, outcome(scenario.name, shown, before));
    }
    page
}

/// Whether the scenario showed what it should, and what it measured.
fn outcome(name: &str, shown: &BTreeMap<&'static str, Shown>, before: &str) -> String {
    let Some(Shown { figures, passed }) = shown.get(name) else {
        return earlier(name, before).unwrap_or_else(|| format!("`{name}`: not run\n"));
    };
    let verdict = if *passed { "shown" } else { "**not shown: the scenario failed**" };
    let figures: String = figures.iter().map(|figure| format!("- {figure}\n")).collect();
    let pause = if figures.is_empty() { "" } else { "\n" };
    format!("`{name}`: {verdict}\n{pause}{figures}")
}

/// What the page said of a scenario before.
fn earlier(name: &str, before: &str) -> Option<String> {
    let begin = before.find(&format!("`{name}`: "))?;
    let rest = &before[begin..];
    let end = rest.find("\n\n## ").map_or(rest.len(), |end| end + 1);
    Some(rest[..end].to_owned())
}
