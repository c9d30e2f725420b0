//! Images of the Rust programs of this project: one static program, nothing else.

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::{
    archive::{Archive, Container},
    names::{self, checkout},
    recipe::{Recipe, remove_old},
    tree::Tree,
};
use crate::{kept, progress::Progress};

/// Whoever nobody else is; the Dockerfile says the same.
const USER: &str = "65532:65532";

/// The operator of this checkout.
pub(super) fn operator() -> Result<Archive> {
    operator_in(&checkout(), &names::operator_tag()?)
}

/// The operator as a commit has it, such as `HEAD~1`. Its tag is the short hash of the commit. For an upgrade from it.
///
/// # Errors
/// When this checkout does not know the commit, or it does not compile.
pub fn operator_of_commit(commit: &str) -> Result<Archive> {
    let hash = git(&["rev-parse", "--verify", &format!("{commit}^{{commit}}")])?;
    let tag = hash.get(..12).with_context(|| format!("git has no hash for {commit}"))?;
    let cache = kept::cache_directory()?.join("images");
    let directory = cache.join(format!("source-{tag}"));
    kept::once(&directory, "images", |partial| {
        let packed = partial.join("source.tar");
        let output = packed.to_str().context("the cache directory has a name that is no text")?;
        git(&["archive", "--format=tar", "--output", output, &hash])?;
        tar::Archive::new(File::open(&packed)?).unpack(partial)?;
        fs::remove_file(packed)?;
        tell_apart(partial, tag)?;
        remove_old(&cache, "source")
    })?;
    operator_in(&directory, tag)
}

/// Adds to the version of this project's crates. To cargo they would else be those of any other checkout, and whichever
/// was compiled last would be taken for both.
fn tell_apart(checkout: &Path, tag: &str) -> Result<()> {
    let (manifest, lock) = (checkout.join("Cargo.toml"), checkout.join("Cargo.lock"));
    let text = fs::read_to_string(&manifest)?;
    let version =
        text.lines().find(|line| line.starts_with("version = ")).context("the workspace has no version")?;
    let marked = format!("{}+{tag}\"", version.trim_end_matches('"'));
    fs::write(&manifest, text.replacen(version, &marked, 1))?;
    let locked = fs::read_to_string(&lock)?;
    // What has a source is somebody else's.
    let package = |text: &str| {
        if text.contains("\nsource = ") { text.to_owned() } else { text.replace(version, &marked) }
    };
    let packages: Vec<String> = locked.split("[[package]]").map(package).collect();
    Ok(fs::write(&lock, packages.join("[[package]]"))?)
}

fn operator_in(checkout: &Path, tag: &str) -> Result<Archive> {
    let names = vec![format!("{}:{tag}", names::operator()?)];
    with_program(checkout, "msapp", "msapp", |program| Recipe {
        file: "operator",
        names,
        container: operator_container(),
        tree: Tree::default().name_services().program("msapp", program),
    })
}

/// What the Dockerfile says about the container.
fn operator_container() -> Container {
    Container {
        user: USER,
        entrypoint: &["/msapp"],
        arguments: &["controller"],
        port: Some(8080),
        ..Container::default()
    }
}

/// What stands for every service of the samples.
pub(super) fn workload() -> Result<Archive> {
    let names = names::samples()?;
    with_program(&checkout(), "msapp-workload", "workload", |program| Recipe {
        file: "workload",
        names,
        container: Container {
            user: USER,
            entrypoint: &["/app/workload"],
            port: Some(8080),
            ..Container::default()
        },
        // Samples call these for a probe of kind exec; the program knows by its name what it is asked.
        tree: Tree::default()
            .name_services()
            .program("app/workload", program)
            .link("app/healthy", "workload")
            .link("app/healthcheck", "workload"),
    })
}

/// Compiles a program and archives what `recipe` makes of it before anybody compiles the same program of another
/// checkout: they share a target directory, and so the file.
fn with_program(
    checkout: &Path,
    package: &str,
    program: &str,
    recipe: impl FnOnce(&Path) -> Recipe,
) -> Result<Archive> {
    let cache = kept::cache_directory()?;
    fs::create_dir_all(&cache)?;
    let _lock = kept::lock(&cache.join("programs.lock"), "programs for images")?;
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
    let (mut progress, mut compiled, mut executable) = (Progress::begin(), 0, None);
    for line in BufReader::new(stdout).lines() {
        let message: Value = serde_json::from_str(&line?)?;
        if message["reason"] == "compiler-artifact" {
            compiled += usize::from(message["fresh"] == false);
            progress.show(&format!("{program} for its image: {compiled} crates compiled"));
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

fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(checkout()).output().context("start git")?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`git {}` failed: {}", arguments.join(" "), complaints.trim_end());
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
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

    /// The arguments of a line of the Dockerfile that is written as JSON.
    fn dockerfile(instruction: &str) -> Vec<String> {
        serde_json::from_str(&line(instruction)).expect("the line is JSON")
    }

    /// The last line with this instruction.
    fn line(instruction: &str) -> String {
        let text = fs::read_to_string(checkout().join("Dockerfile")).expect("there");
        let found = text.lines().filter_map(|line| line.strip_prefix(instruction)).next_back();
        found.expect("the Dockerfile has the instruction").trim().to_owned()
    }

    #[test]
    fn the_operator_starts_as_the_dockerfile_says() {
        let container = operator_container();
        assert_eq!(dockerfile("ENTRYPOINT"), container.entrypoint);
        assert_eq!(dockerfile("CMD"), container.arguments);
        assert_eq!(line("USER"), container.user);
        assert_eq!(line("EXPOSE"), container.port.expect("it has a port").to_string());
        assert!(line("COPY --from=build").ends_with(container.entrypoint[0]));
    }

    #[test]
    fn crates_of_another_commit_have_another_version_and_those_of_others_their_own() {
        let folder = tempfile::tempdir().expect("made");
        let ours = "[[package]]\nname = \"msapp\"\nversion = \"0.1.0\"\n";
        let others = "[[package]]\nname = \"other\"\nversion = \"0.1.0\"\nsource = \"registry\"\n";
        let (manifest, lock) = (folder.path().join("Cargo.toml"), folder.path().join("Cargo.lock"));
        fs::write(&manifest, "[workspace.package]\nversion = \"0.1.0\"\n").expect("written");
        fs::write(&lock, format!("version = 4\n\n{others}\n{ours}")).expect("written");
        tell_apart(folder.path(), "abc").expect("the files are as they should be");
        let read = |path| fs::read_to_string(path).expect("there");
        assert_eq!(read(&manifest), "[workspace.package]\nversion = \"0.1.0+abc\"\n");
        let marked = ours.replace("0.1.0", "0.1.0+abc");
        assert_eq!(read(&lock), format!("version = 4\n\n{others}\n{marked}"));
    }

    #[test]
    fn a_program_that_needs_a_loader_is_not_static() {
        // Tests are compiled for the machine that they run on.
        assert!(!is_static(&env::current_exe().expect("it runs")).expect("a program"));
    }
}
