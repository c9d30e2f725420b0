//! Results that cost minutes and are kept: made once, whole or not at all.

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The directory in which results are kept: `msapp` in the user's cache directory.
pub(crate) fn cache_directory() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(cache) => PathBuf::from(cache),
        None => env::home_dir().context("neither XDG_CACHE_HOME nor a home directory is set")?.join(".cache"),
    };
    Ok(base.join("msapp"))
}

/// Lets `make` fill an empty directory and then names it `destination`, unless that is there. Processes that have the
/// same `activity` take turns; what an interrupted one left is removed by the next.
pub(crate) fn once(destination: &Path, activity: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if destination.is_dir() {
        return Ok(());
    }
    let cache = destination.parent().context("the cache directory has no parent")?;
    fs::create_dir_all(cache).with_context(|| format!("create {}", cache.display()))?;
    let _lock = lock(&cache.join(format!("{activity}.lock")), activity)?;
    if destination.is_dir() {
        return Ok(());
    }
    // Only whoever holds the lock writes there, so that one name is enough.
    let partial = cache.join(format!("{activity}.incomplete"));
    if partial.is_dir() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove {}", partial.display()))?;
    }
    fs::create_dir(&partial).with_context(|| format!("create {}", partial.display()))?;
    make(&partial)?;
    fs::rename(&partial, destination)
        .with_context(|| format!("rename {} to {}", partial.display(), destination.display()))
}

/// A lock that the kernel drops when this process ends, however it ends.
pub(crate) fn lock(path: &Path, activity: &str) -> Result<File> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("Another process is at it ({activity}); waiting for it.");
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn what_is_made_is_not_made_again() {
        let cache = tempfile::tempdir().expect("made");
        let destination = cache.path().join("result");
        once(&destination, "test", |partial| Ok(fs::write(partial.join("file"), "first")?)).expect("made");
        once(&destination, "test", |_| bail!("it is there")).expect("there");
        assert_eq!(fs::read_to_string(destination.join("file")).expect("there"), "first");
    }

    #[test]
    fn what_fails_leaves_nothing_to_the_next_attempt() {
        let cache = tempfile::tempdir().expect("made");
        let destination = cache.path().join("result");
        let fail = |partial: &Path| {
            fs::write(partial.join("half"), "")?;
            bail!("interrupted")
        };
        once(&destination, "test", fail).expect_err("it is interrupted");
        assert!(!destination.exists());
        once(&destination, "test", |partial| Ok(fs::write(partial.join("whole"), "")?)).expect("made");
        assert!(destination.join("whole").is_file());
        assert!(!destination.join("half").exists());
    }
}
