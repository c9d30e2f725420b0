//! Everything that can be said against a change without running it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{generate, length, purity, workspace};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 7] = [
    ("formatting", formatting),
    ("generated files", generate::check),
    ("purity of the core", purity::check),
    ("length of files", length::check),
    ("clippy of the sources", clippy_of_sources),
    ("clippy of everything", clippy),
    ("dependencies", dependencies),
];

/// Takes every step and names all that failed.
pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        println!("lint: {name}");
        if let Err(error) = step() {
            eprintln!("error: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("lint found something: {}", failed.join(", "));
    }
    Ok(())
}

fn formatting() -> Result<()> {
    workspace::run(workspace::cargo(&["fmt", "--all", "--check"]))
}

/// Tests may be longer, and those of the core may read files: clippy.toml and operator/core/clippy.toml tell the rest.
fn clippy_of_sources() -> Result<()> {
    let lints =
        ["too_many_lines", "disallowed_methods", "disallowed_types"].map(|lint| format!("-Dclippy::{lint}"));
    let mut cargo =
        workspace::cargo(&["clippy", "--quiet", "--workspace", "--lib", "--bins", "--", "-D", "warnings"]);
    cargo.args(lints);
    workspace::run(cargo)
}

fn clippy() -> Result<()> {
    workspace::run(workspace::cargo(&[
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The version of cargo-deny that checks the dependencies.
const CARGO_DENY: &str = "0.20.2";

/// Licences, sources and duplicates need nothing but the lock file. Advisories need the network, so they are for
/// `cargo deny check advisories`.
fn dependencies() -> Result<()> {
    // A build fetches what this machine needs; cargo-deny reads what every system would.
    workspace::run(workspace::cargo(&["fetch", "--locked", "--quiet"]))?;
    let mut deny = Command::new(installed("cargo-deny", CARGO_DENY)?);
    deny.args(["--offline", "--log-level", "error", "check", "bans", "licenses", "sources"]);
    deny.current_dir(workspace::root());
    workspace::run(deny)
}

/// Where a tool of cargo is; it is compiled (about a minute) when it is not there yet. It is kept outside the
/// checkout, like the test control plane.
pub(crate) fn installed(tool: &str, version: &str) -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache =
        cache.or_else(|| env::home_dir().map(|home| home.join(".cache"))).context("no home directory")?;
    let root = cache.join(format!("msapp/{tool}-{version}"));
    let program = root.join("bin").join(tool);
    if !program.exists() {
        println!("installing {tool} {version} once");
        let mut install = workspace::cargo(&["install", "--locked", "--debug", "--quiet", tool]);
        install.args(["--version", version, "--root"]).arg(&root);
        workspace::run(install)?;
    }
    Ok(program)
}
