//! apt with a state of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};

use crate::progress::Progress;

/// apt as this machine configures it, with lists and status in a directory of ours.
pub(super) struct Apt {
    state: PathBuf,
    configuration: PathBuf,
}

impl Apt {
    /// Prepares `directory`.
    pub fn new(directory: &Path) -> Result<Self> {
        let state = directory.join("state");
        for folder in [state.join("lists/partial"), directory.join("cache/archives/partial")] {
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        }
        // To apt nothing is installed here, so that it names every dependency.
        fs::write(state.join("status"), "")?;
        let configuration = directory.join("apt.conf");
        fs::write(&configuration, settings(directory))?;
        Ok(Self { state, configuration })
    }

    /// Fetches lists of packages when there are none. Tells whether it did.
    pub fn ensure_lists(&self, progress: &mut Progress) -> Result<bool> {
        let mut missing = true;
        for entry in fs::read_dir(self.state.join("lists"))? {
            missing &= !entry?.file_name().to_string_lossy().contains("_Packages");
        }
        if missing {
            self.update(progress)?;
        }
        Ok(missing)
    }

    /// Fetches the lists of packages.
    pub fn update(&self, progress: &mut Progress) -> Result<()> {
        progress.show("fetching the lists of packages");
        let mut update = self.command(&["update", "--error-on=any"]);
        follow(&mut update, |_| {}).context("the lists of packages cannot be fetched")?;
        Ok(())
    }

    /// The packages and everything that they depend on, each as `name=version`.
    pub fn closure(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut simulate = self.command(&["install", "--simulate", "--no-install-recommends"]);
        let mut closure = Vec::new();
        follow(simulate.args(packages), |line| closure.extend(installed(line)))
            .with_context(|| format!("the sources of this machine do not have {}", packages.join(", ")))?;
        ensure!(!closure.is_empty(), "apt names no packages for {}", packages.join(", "));
        closure.sort();
        Ok(closure)
    }

    /// Fetches packages, `name=version` each, into `folder`, which is emptied before.
    pub fn download(&self, packages: &[String], folder: &Path, progress: &mut Progress) -> Result<()> {
        if folder.is_dir() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir(folder)?;
        let mut download = self.command(&["download"]);
        let mut fetched = 0;
        follow(download.args(packages).current_dir(folder), |line| {
            if line.starts_with("Get:") {
                fetched += 1;
                progress.show(&format!("{fetched} of {} packages fetched", packages.len()));
            }
        })
        .context("packages cannot be fetched")?;
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("apt-get");
        command.args(["--quiet", "--yes"]).args(arguments);
        command.env("APT_CONFIG", &self.configuration).env("LC_ALL", "C");
        command
    }
}

/// Configuration that is read first, to name itself the main file, and then again after the machine's parts, to win
/// over them. See apt.conf(5).
fn settings(directory: &Path) -> String {
    let directory = directory.display();
    let mut text = String::new();
    if Path::new("/etc/apt/apt.conf").is_file() {
        text += "#include \"/etc/apt/apt.conf\";\n";
    }
    // Hooks of the machine would act on the machine.
    for hook in ["APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success"] {
        text += &format!("#clear {hook};\n");
    }
    text += &format!(
        "Dir::Etc::main \"{directory}/apt.conf\";\n\
         Dir::State \"{directory}/state/\";\n\
         Dir::State::status \"{directory}/state/status\";\n\
         Dir::Cache \"{directory}/cache/\";\n\
         Acquire::Retries \"3\";\n\
         Acquire::Languages \"none\";\n\
         APT::Sandbox::User \"root\";\n"
    );
    text
}

/// The package that a line of a simulated installation names, such as
/// `Inst libc6 (2.36-9 Debian:12.1/stable [amd64])`.
fn installed(line: &str) -> Option<String> {
    let mut words = line.strip_prefix("Inst ")?.split(' ');
    let name = words.next()?;
    let version = words.find_map(|word| word.strip_prefix('('))?;
    Some(format!("{name}={version}"))
}

/// Runs a command and reads its standard output line by line until it ends.
fn follow(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start apt-get")?;
    let stdout = child.stdout.take().context("apt-get was started without a pipe")?;
    let mut stderr = child.stderr.take().context("apt-get was started without a pipe")?;
    let complaints = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    for line in BufReader::new(stdout).lines() {
        on_line(&line?);
    }
    let complaints = complaints.join().map_err(|_| anyhow!("the reader of complaints panicked"))??;
    ensure!(child.wait()?.success(), "apt-get failed:\n{}", complaints.trim_end());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_simulated_installation_names_a_package() {
        let line = "Inst libc6 (2.36-9+deb12u13 Debian:12.12/oldstable [amd64]) []";
        assert_eq!(installed(line).as_deref(), Some("libc6=2.36-9+deb12u13"));
        let replaced = "Inst libc6 [2.36-8] (2.36-9 Debian:12.12/oldstable [amd64])";
        assert_eq!(installed(replaced).as_deref(), Some("libc6=2.36-9"));
        assert_eq!(installed("Conf libc6 (2.36-9 Debian:12.12/oldstable [amd64])"), None);
    }
}
