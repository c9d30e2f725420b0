//! Files stay short enough to be read in one go.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Lines of a Rust file before its tests.
const MOST: usize = 400;
/// Directories that hold no sources of ours.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

/// Fails, and names the Rust files that are too long.
pub(crate) fn check() -> Result<()> {
    let root = workspace::root();
    let mut long = Vec::new();
    for path in rust_files(&root)? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = lines_before_tests(&text);
        if lines > MOST {
            let shown = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
            long.push(format!("{shown} ({lines} lines)"));
        }
    }
    if !long.is_empty() {
        bail!("longer than {MOST} lines without tests: {}", long.join(", "));
    }
    Ok(())
}

fn lines_before_tests(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

/// Test crates (`tests/`) are all tests.
fn rust_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_symlink() || SKIPPED.contains(&name) || name == "tests" {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_not_counted() {
        assert_eq!(lines_before_tests("fn a() {}\n\n#[cfg(test)]\nmod tests {}\n"), 2);
    }
}
