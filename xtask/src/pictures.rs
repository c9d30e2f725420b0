//! Pictures in the documentation: below a comment that holds a command stands what the command prints.

use std::fs;

use anyhow::{Context, Result};

use crate::workspace;

/// The pages that hold such comments.
pub(crate) const PAGES: [&str; 2] = ["docs/graph.md", "docs/explain.md"];

const BEGIN: &str = "<!-- $ msapp ";
const END: &str = " -->";

/// A page with the block below each comment printed anew.
pub(crate) fn page(path: &str) -> Result<String> {
    let text =
        fs::read_to_string(workspace::root().join(path)).with_context(|| format!("cannot read {path}"))?;
    let mut page = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        page.push_str(&format!("{line}\n"));
        let Some(command) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)) else {
            continue;
        };
        page.push_str(&block(command)?);
        if lines.next_if(|line| line.starts_with("```")).is_some() {
            lines
                .by_ref()
                .find(|line| *line == "```")
                .with_context(|| format!("a block of {path} is open"))?;
        }
    }
    Ok(page)
}

/// What a command prints, fenced.
fn block(command: &str) -> Result<String> {
    let arguments: Vec<&str> =
        ["run", "--quiet", "--package", "msapp", "--"].into_iter().chain(command.split(' ')).collect();
    let printed = workspace::output(workspace::cargo(&arguments))?;
    let language = if command.contains("mermaid") { "mermaid" } else { "text" };
    Ok(format!("```{language}\n{}\n```\n", printed.trim_end()))
}
