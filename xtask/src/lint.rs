//! Everything that can be said against a change without running it.

use anyhow::{Result, bail};

use crate::{generate, length, purity, workspace};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 6] = [
    ("formatting", formatting),
    ("generated files", generate::check),
    ("purity of the core", purity::check),
    ("length of files", length::check),
    ("clippy", clippy),
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

/// Licences, sources and duplicates need nothing but the lock file. Advisories need the network, so they are for
/// `cargo deny check advisories`.
fn dependencies() -> Result<()> {
    if workspace::output(workspace::cargo(&["deny", "--version"])).is_err() {
        println!(
            "lint: SKIPPED: cargo-deny is not installed, so licences and sources of dependencies are not checked"
        );
        println!("lint:          install it with `cargo install --locked cargo-deny`");
        return Ok(());
    }
    workspace::run(workspace::cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))
}
