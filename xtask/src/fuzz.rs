//! The fuzzer: bytes that nobody would write, against the commands that need no cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{lint, workspace};

/// The version of cargo-fuzz that runs the targets.
const CARGO_FUZZ: &str = "0.13.2";

/// The targets; each is a file in `fuzz/fuzz_targets`.
const TARGETS: [&str; 4] = ["check", "render", "graph", "resolve"];

/// What a run begins with: directories, and how its files end.
const SEEDS: [(&str, &str); 4] = [
    ("samples", ".yaml"),
    ("operator/core/tests/golden", ".in.yaml"),
    ("operator/core/tests/scenes", ".in.yaml"),
    ("fuzz/regressions", ""),
];

/// Bounds of one run on one input: what takes longer than a few seconds or more than this much memory is a finding.
const BOUNDS: [&str; 4] = ["-timeout=20", "-rss_limit_mb=1024", "-malloc_limit_mb=256", "-max_len=16384"];

/// Runs every target, or one, for that many seconds. Inputs that led somewhere new stay in `fuzz/corpus`, findings in
/// `fuzz/artifacts`.
pub(crate) fn run(seconds: u32, only: Option<&str>) -> Result<()> {
    let program = lint::installed("cargo-fuzz", CARGO_FUZZ)?;
    for target in TARGETS.into_iter().filter(|target| only.is_none_or(|only| only == *target)) {
        println!("fuzz: {target}");
        // All of our code is safe Rust, so a sanitizer would find nothing, and would need a nightly compiler.
        let mut fuzz = Command::new(&program);
        fuzz.args(["run", "--sanitizer", "none", target]).arg(seeds(target)?);
        fuzz.arg("--").args(BOUNDS).arg(format!("-max_total_time={seconds}"));
        fuzz.current_dir(workspace::root());
        workspace::run(fuzz)?;
    }
    Ok(())
}

/// The corpus of a target with the seeds in it.
fn seeds(target: &str) -> Result<PathBuf> {
    let root = workspace::root();
    let corpus = root.join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
    for (directory, ending) in SEEDS {
        for entry in fs::read_dir(root.join(directory)).with_context(|| format!("cannot list {directory}"))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && name.ends_with(ending) {
                copy(&path, &corpus.join(name))?;
            }
        }
    }
    Ok(corpus)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
