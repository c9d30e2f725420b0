//! The files of packages, without their scripts.

use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use tar::{Archive, Entry, EntryType};

use crate::progress::Progress;

/// Documentation, and what only a system's own start reads.
const LEFT_OUT: &[&str] = &[
    "usr/share/bash-completion",
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/lib/systemd",
    "usr/lib/udev",
];

/// Folders at the top that are links into `usr`: packages may still name files by either.
/// See <https://wiki.debian.org/UsrMerge>.
const MERGED: &[&str] = &["bin", "lib", "lib32", "lib64", "libx32", "sbin"];

/// Unpacks all packages in `folder` into `root`.
pub(super) fn unpack(folder: &Path, root: &Path, progress: &mut Progress) -> Result<()> {
    for place in ["usr/bin", "usr/lib", "usr/lib64", "usr/sbin"] {
        fs::create_dir_all(root.join(place))?;
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        symlink(format!("usr/{name}"), root.join(name))?;
    }
    let mut packages = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    packages.sort();
    for (number, package) in packages.iter().enumerate() {
        progress.show(&format!("{number} of {} packages unpacked", packages.len()));
        unpack_package(package, root).with_context(|| format!("unpack {}", package.display()))?;
    }
    Ok(())
}

fn unpack_package(package: &Path, root: &Path) -> Result<()> {
    let mut command = Command::new("dpkg-deb");
    command.arg("--fsys-tarfile").arg(package).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("start dpkg-deb")?;
    let stdout = child.stdout.take().context("dpkg-deb was started without a pipe")?;
    let mut archive = Archive::new(stdout);
    for entry in archive.entries()? {
        let entry = entry?;
        if let Some(place) = placed(&entry.path()?)? {
            let shown = place.display().to_string();
            write(entry, &root.join(place), root).with_context(|| format!("write {shown}"))?;
        }
    }
    // dpkg-deb ends badly when nobody reads what it pads the archive with.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    ensure!(child.wait()?.success(), "dpkg-deb cannot read it");
    Ok(())
}

/// Where a file of a package goes below the root, if anywhere.
fn placed(path: &Path) -> Result<Option<PathBuf>> {
    let mut place = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => place.push(name),
            _ => bail!("{} leads out of the root", path.display()),
        }
    }
    if MERGED.iter().any(|merged| place.starts_with(merged)) {
        place = Path::new("usr").join(place);
    }
    let is_kept =
        place.components().next().is_some() && !LEFT_OUT.iter().any(|folder| place.starts_with(folder));
    Ok(is_kept.then_some(place))
}

fn write(mut entry: Entry<'_, impl Read>, path: &Path, root: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let kind = entry.header().entry_type();
    if kind == EntryType::Directory {
        // Several packages share a folder; what is there may be a link to it.
        fs::create_dir_all(path)?;
        return Ok(());
    }
    if fs::symlink_metadata(path).is_ok() {
        fs::remove_file(path)?;
    }
    let target = entry.link_name()?.map(PathBuf::from);
    match (kind, target) {
        (EntryType::Regular, None) => {
            std::io::copy(&mut entry, &mut fs::File::create(path)?)?;
            // Without the bits that make a program run as its owner: nobody may gain anything by it.
            fs::set_permissions(path, Permissions::from_mode(entry.header().mode()? & 0o777))?;
        }
        (EntryType::Symlink, Some(target)) => symlink(target, path)?,
        (EntryType::Link, Some(target)) => {
            let target = placed(&target)?.context("a hard link to what is left out")?;
            fs::hard_link(root.join(target), path)?;
        }
        (kind, _) => bail!("a package holds something of type {kind:?}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Option<PathBuf> {
        placed(Path::new(path)).expect("the path stays below the root")
    }

    #[test]
    fn files_of_either_name_land_in_usr() {
        assert_eq!(
            place("./lib/x86_64-linux-gnu/libc.so.6"),
            Some("usr/lib/x86_64-linux-gnu/libc.so.6".into())
        );
        assert_eq!(place("./usr/bin/psql"), Some("usr/bin/psql".into()));
    }

    #[test]
    fn documentation_is_left_out() {
        assert_eq!(place("./usr/share/doc/libc6/copyright"), None);
        assert_eq!(place("./lib/systemd/system/redis.service"), None);
        assert_eq!(place("./"), None);
    }

    #[test]
    fn a_path_that_leads_out_of_the_root_is_refused() {
        assert!(placed(Path::new("./usr/../../etc/passwd")).is_err());
        assert!(placed(Path::new("/etc/passwd")).is_err());
    }

    /// A package with a program, a second name of it, documentation, and a script that would leave a trace.
    fn package(folder: &Path, trace: &Path) {
        let source = folder.join("source");
        for place in ["DEBIAN", "usr/bin", "usr/share/doc/sample"] {
            fs::create_dir_all(source.join(place)).expect("made");
        }
        let control =
            "Package: sample\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: sample\n";
        let mode = Permissions::from_mode;
        fs::write(source.join("DEBIAN/control"), control).expect("written");
        fs::write(source.join("DEBIAN/postinst"), format!("#!/bin/sh\ntouch {}\n", trace.display()))
            .expect("written");
        fs::set_permissions(source.join("DEBIAN/postinst"), mode(0o755)).expect("set");
        fs::write(source.join("usr/bin/sample"), "program").expect("written");
        fs::set_permissions(source.join("usr/bin/sample"), mode(0o4755)).expect("set");
        fs::hard_link(source.join("usr/bin/sample"), source.join("usr/bin/second")).expect("linked");
        fs::write(source.join("usr/share/doc/sample/copyright"), "text").expect("written");
        fs::create_dir(folder.join("fetched")).expect("made");
        let mut build = Command::new("dpkg-deb");
        build.args(["--root-owner-group", "--build"]).arg(&source).arg(folder.join("fetched/sample.deb"));
        let output = build.output().expect("dpkg-deb is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn a_package_is_unpacked_without_its_script_and_without_the_rights_of_an_owner() {
        if Command::new("dpkg-deb").arg("--version").output().is_err() {
            eprintln!("skipped: dpkg-deb is not installed");
            return;
        }
        let folder = tempfile::tempdir().expect("made");
        let (root, trace) = (folder.path().join("root"), folder.path().join("trace"));
        package(folder.path(), &trace);
        unpack(&folder.path().join("fetched"), &root, &mut Progress::begin()).expect("unpacked");
        for name in ["usr/bin/sample", "bin/second"] {
            let metadata = fs::metadata(root.join(name)).expect("there");
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o755, "{name}");
            assert_eq!(fs::read_to_string(root.join(name)).expect("there"), "program");
        }
        assert!(!root.join("usr/share/doc").exists());
        assert!(!trace.exists());
    }
}
