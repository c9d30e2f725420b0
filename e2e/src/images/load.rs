//! Images into a cluster of containers, by the tools of their makers.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::Archive;

/// A user's cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// A cluster of <https://kind.sigs.k8s.io>, by its name.
    Kind(String),
    /// A cluster of <https://k3d.io>, by its name.
    K3d(String),
}

impl Destination {
    /// The tool, and where it is to be had.
    fn tool(&self) -> (&'static str, &'static str) {
        match self {
            Self::Kind(_) => ("kind", "https://kind.sigs.k8s.io"),
            Self::K3d(_) => ("k3d", "https://k3d.io"),
        }
    }

    /// What the tool is asked to do with a file.
    fn command(&self, file: &Path) -> Command {
        let mut command = Command::new(self.tool().0);
        match self {
            Self::Kind(cluster) => {
                command.args(["load", "image-archive"]).arg(file).args(["--name", cluster])
            }
            Self::K3d(cluster) => command.args(["image", "import"]).arg(file).args(["-c", cluster]),
        };
        command
    }
}

/// Loads an image into the cluster. What the tool says is shown as it is.
///
/// # Errors
/// When the tool is not installed, or says that it failed.
pub fn load(archive: &Archive, destination: &Destination) -> Result<()> {
    run(destination.command(&archive.path), destination)
}

fn run(mut command: Command, destination: &Destination) -> Result<()> {
    let (tool, home) = destination.tool();
    let status = command
        .status()
        .with_context(|| format!("{tool} is not installed: put it into PATH; {home} has it"))?;
    ensure!(status.success(), "{tool} failed; what it says stands above");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// What a stand-in for the tool is called with. Neither tool can be had in a test.
    fn recorded(destination: &Destination) -> String {
        let folder = tempfile::tempdir().expect("made");
        let tool = folder.path().join(destination.tool().0);
        let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {}/recorded\n", folder.path().display());
        fs::write(&tool, script).expect("written");
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("set");
        let mut command = destination.command(Path::new("/images/operator.tar"));
        command.env("PATH", folder.path());
        run(command, destination).expect("the stand-in succeeds");
        fs::read_to_string(folder.path().join("recorded")).expect("recorded")
    }

    #[test]
    fn kind_is_asked_to_load_the_archive_into_the_cluster() {
        let arguments = recorded(&Destination::Kind("shop".into()));
        assert_eq!(arguments, "load\nimage-archive\n/images/operator.tar\n--name\nshop\n");
    }

    #[test]
    fn k3d_is_asked_to_import_the_archive_into_the_cluster() {
        let arguments = recorded(&Destination::K3d("shop".into()));
        assert_eq!(arguments, "image\nimport\n/images/operator.tar\n-c\nshop\n");
    }

    #[test]
    fn a_missing_tool_is_told_with_where_it_is_to_be_had() {
        let destination = Destination::Kind("shop".into());
        let mut command = destination.command(Path::new("/images/operator.tar"));
        command.env("PATH", "/no/such/folder");
        let error = run(command, &destination).expect_err("there is no such program").to_string();
        assert_eq!(error, "kind is not installed: put it into PATH; https://kind.sigs.k8s.io has it");
    }
}
