//! Static programs, compiled by cargo.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::{archive::Archive, names::checkout, recipe::Recipe};
use crate::{kept, progress::Progress};

/// Compiles a program and archives what `recipe` makes of it before anybody compiles the same program of another
/// checkout: they share a target directory, and so the file.
pub(super) fn with_program(
    checkout: &Path,
    package: &str,
    program: &str,
    recipe: impl FnOnce(&Path) -> Recipe,
) -> Result<Archive> {
    let target = target_directory();
    fs::create_dir_all(&target)?;
    let _lock = kept::lock(&target.join("programs-for-images.lock"), "programs for images")?;
    let path = compiled(checkout, package, program)?;
    ensure!(is_static(&path)?, "{} is not static: its image has no libraries", path.display());
    let run = Command::new(&path).arg("--help").output();
    let runs = run.is_ok_and(|output| output.status.success());
    ensure!(runs, "{} does not run on this machine", path.display());
    recipe(&path).archive()
}

/// The program, static, compiled when its sources have changed.
fn compiled(checkout: &Path, package: &str, program: &str) -> Result<PathBuf> {
    let mut child = cargo(checkout)
        .args(["--package", package, "--bin", program])
        .spawn()
        .context("start cargo, which compiles the programs of images")?;
    let stdout = child.stdout.take().context("cargo was started without a pipe")?;
    let mut stderr = child.stderr.take().context("cargo was started without a pipe")?;
    let complaints = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let (mut progress, mut compiled, mut executable) = (Progress::begin(), 0_u32, None);
    for line in BufReader::new(stdout).lines() {
        let message: Value = serde_json::from_str(&line?)?;
        if message["reason"] == "compiler-artifact" {
            if message["fresh"] == false {
                compiled += 1;
                progress.show(&format!("{program} for its image: {compiled} crates compiled"));
            }
            executable = message["executable"].as_str().map(PathBuf::from).or(executable);
        }
    }
    let complaints = complaints.join().map_err(|_| anyhow!("the reader of complaints panicked"))??;
    ensure!(child.wait()?.success(), "`cargo build` failed in {}:\n{complaints}", checkout.display());
    if compiled > 0 {
        progress.done(&format!("{program} for its image: {compiled} crates compiled"));
    }
    executable.with_context(|| format!("cargo does not say where {program} is"))
}

/// cargo, set up for a static program. The flags are for the target alone, so that build scripts are as ever.
fn cargo(checkout: &Path) -> Command {
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
    let mut command = Command::new("cargo");
    command.args([
        "build",
        "--locked",
        "--profile=image",
        "--message-format=json",
        "--quiet",
        "--target",
        &target,
    ]);
    command.current_dir(checkout).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What cargo tells the program that it runs, here us, would make it compile crates anew that look at it.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|begin| name.starts_with(begin))
        {
            command.env_remove(name);
        }
    }
    // These would win over those of the target.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env(flags, "-C target-feature=+crt-static");
    // One for all checkouts, so that what they have in common is compiled once.
    command.env("CARGO_TARGET_DIR", target_directory());
    command
}

/// The target directory that the running program is in. cargo marks it for programs that make backups.
fn target_directory() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(|| checkout().join("target"), Path::to_owned)
}

/// Whether a program needs no loader: none of its program headers names one.
/// See <https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html>.
fn is_static(program: &Path) -> Result<bool> {
    const INTERPRETER: u32 = 3;
    let bytes = fs::read(program).with_context(|| format!("read {}", program.display()))?;
    ensure!(bytes.starts_with(b"\x7fELF\x02\x01"), "{} is no 64-bit program", program.display());
    let number = |place: usize, length: usize| -> Result<usize> {
        let digits = bytes.get(place..place + length).context("the program ends too early")?;
        Ok(digits.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    for header in 0..count {
        if number(table + header * size, 4)? == INTERPRETER as usize {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_a_loader_is_not_static() {
        // Tests are compiled for the machine that they run on.
        assert!(!is_static(&env::current_exe().expect("it runs")).expect("a program"));
    }
}
