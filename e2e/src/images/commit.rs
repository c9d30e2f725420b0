//! The operator of another commit.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{archive::Archive, names::checkout, programs::operator_in, recipe::remove_old};
use crate::kept;

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

/// The operator as it was before the newest commit that changed it or its resource.
///
/// # Errors
/// As [`operator_of_commit`], and when the history of this checkout does not go back so far.
pub fn operator_before() -> Result<Archive> {
    let newest = git(&["log", "-1", "--format=%H", "--", "operator", "crds"])?;
    ensure!(!newest.is_empty(), "the history of this checkout knows no change of the operator");
    operator_of_commit(&format!("{newest}~1"))
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

fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(checkout()).output().context("start git")?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`git {}` failed: {}", arguments.join(" "), complaints.trim_end());
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
