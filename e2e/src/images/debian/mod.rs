//! Programs from Debian packages, unpacked into the cache. Nothing is installed: the machine's sources and keys are
//! read, all state of apt is kept in the cache, and no script of a package ever runs.

mod apt;
mod unpack;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{kept, progress::Progress};

use self::apt::Apt;

/// Changes when the way of unpacking does, so that everything is unpacked anew.
const RECIPE: &str = "1";

/// What packages depend on for their scripts, for a login, for a system's start or for their documentation, and
/// their programs do not need. A star stands for any end.
const LEFT_OUT: &[&str] = &[
    "adduser",
    "bsdextrautils",
    "bsdutils",
    "ca-certificates",
    "cron*",
    "dbus*",
    "debconf*",
    "debianutils",
    "dpkg",
    "e2fsprogs",
    "init-system-helpers",
    "install-info",
    "libdb5.3",
    "libjson-perl",
    "libllvm*",
    "libpam-*",
    "libperl*",
    "libpython3*",
    "libsemanage*",
    "libsepol*",
    "libz3*",
    "locales*",
    "login",
    "logrotate",
    "logsave",
    "lsb-*",
    "media-types",
    "mount",
    "openssl",
    "passwd",
    "perl*",
    "postgresql-client-common",
    "postgresql-common",
    "procps",
    "python3*",
    "sensible-utils",
    "ssl-cert",
    "systemd*",
    "sysvinit-utils",
    "tar",
    "ucf",
    "util-linux*",
];

/// What comes with the C library.
const LIBC: &[&str] = &["libc6", "libgcc-s1", "gcc-*-base", "libcrypt1"];

/// Where the programs find their C library.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Libc {
    /// It is unpacked with them: they run in a root of their own.
    Unpacked,
    /// It is the machine's: they run there with [`Unpacked::libraries`] as their `LD_LIBRARY_PATH`, and a second C
    /// library in it would not fit the machine's loader.
    Machine,
}

/// Unpacked packages.
#[derive(Clone, Debug)]
pub struct Unpacked {
    directory: PathBuf,
}

impl Unpacked {
    /// The directory that is `/` to the programs.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// One of the programs, such as `nft`.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let places = ["usr/bin", "usr/sbin"].map(|place| self.root().join(place).join(name));
        let found = places.into_iter().find(|path| path.is_file());
        found.with_context(|| format!("no program {name} in {}", self.root().display()))
    }

    /// The directory of the shared libraries.
    pub fn libraries(&self) -> PathBuf {
        self.root().join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH))
    }

    /// Names and versions of the packages, one a line as `name=version`.
    pub fn packages(&self) -> Result<String> {
        let path = self.directory.join("packages");
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }
}

/// The packages and all that their programs need, unpacked. Fetched when they are not there, which takes seconds and
/// is told on standard error.
///
/// What is there stays as it is, also when the distribution publishes newer versions: runs can be compared. Remove the
/// directory to have it fetched anew.
///
/// # Errors
/// When this machine has no apt, when its sources do not have a package, or when they cannot be reached.
pub fn unpacked(name: &str, packages: &[&str], libc: Libc) -> Result<Unpacked> {
    let cache = kept::cache_directory()?;
    let directory = cache.join(format!("debian-{name}-{}", key(packages, libc)));
    kept::once(&directory, "debian", |partial| {
        present("apt-get", "apt")?;
        present("dpkg-deb", "dpkg")?;
        let mut progress = Progress::begin();
        eprintln!("Fetching {} from Debian, once; the result is kept in", packages.join(", "));
        eprintln!("{}", directory.display());
        let apt = Apt::new(&cache.join("apt"))?;
        let closure = fetch(&apt, packages, libc, &partial.join("fetched"), &mut progress)?;
        unpack::unpack(&partial.join("fetched"), &partial.join("root"), &mut progress)?;
        fs::remove_dir_all(partial.join("fetched"))?;
        fs::write(partial.join("packages"), closure.join("\n") + "\n")?;
        progress.done(&format!("{} packages unpacked", closure.len()));
        Ok(())
    })?;
    Ok(Unpacked { directory })
}

/// Fetches the closure into `folder` and tells what is in it. When that fails, it may be because versions that our
/// lists name have been replaced since: it is tried once more with new lists.
fn fetch(
    apt: &Apt,
    packages: &[&str],
    libc: Libc,
    folder: &Path,
    progress: &mut Progress,
) -> Result<Vec<String>> {
    let wanted = |apt: &Apt| -> Result<Vec<String>> {
        let all = apt.closure(packages)?;
        Ok(all.into_iter().filter(|package| is_kept(package, libc)).collect())
    };
    let fresh = apt.ensure_lists(progress)?;
    let attempt = wanted(apt).and_then(|closure| apt.download(&closure, folder, progress).map(|()| closure));
    if attempt.is_ok() || fresh {
        return attempt;
    }
    apt.update(progress)?;
    let closure = wanted(apt)?;
    apt.download(&closure, folder, progress)?;
    Ok(closure)
}

/// Whether this part of a closure, `name=version`, is unpacked.
fn is_kept(package: &str, libc: Libc) -> bool {
    let name = package.split_once('=').map_or(package, |(name, _)| name);
    let left_out = |patterns: &[&str]| patterns.iter().any(|pattern| fits(name, pattern));
    !left_out(LEFT_OUT) && (libc == Libc::Unpacked || !left_out(LIBC))
}

/// Whether the name is the pattern, in which one star stands for anything.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((begin, end)) => name.strip_prefix(begin).is_some_and(|rest| rest.ends_with(end)),
    }
}

/// A hash of what decides which files are unpacked, but for the versions.
fn key(packages: &[&str], libc: Libc) -> String {
    let wanted = format!("{RECIPE} {} {packages:?} {libc:?} {LEFT_OUT:?} {LIBC:?}", std::env::consts::ARCH);
    Sha256::digest(wanted).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn present(program: &str, package: &str) -> Result<()> {
    if Command::new(program).arg("--version").output().is_err() {
        bail!(
            "{program} is not installed: containers and the node run programs of Debian packages; install {package}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_left_out_by_its_whole_name() {
        assert!(!is_kept("perl-base=5.36", Libc::Unpacked));
        assert!(!is_kept("tar=1.34", Libc::Unpacked));
        assert!(is_kept("tarantool=1.0", Libc::Unpacked));
    }

    #[test]
    fn the_c_library_is_left_out_where_it_is_the_machines() {
        for package in ["libc6=2.36-9", "gcc-12-base=12.2.0-14", "libgcc-s1=12.2.0-14"] {
            assert!(is_kept(package, Libc::Unpacked), "{package}");
            assert!(!is_kept(package, Libc::Machine), "{package}");
        }
        assert!(is_kept("libnftables1=1.0.6-2", Libc::Machine));
    }
}
