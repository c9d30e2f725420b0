//! Builds a Go module into the cache: once, whole or not at all, and visibly.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{kept, progress::Progress};

/// Changes when the way of building does, so that the result is built anew.
pub(crate) const RECIPE: &str = "CGO_ENABLED=0 -trimpath -s -w 2";

/// Go releases whose result has been tested. With 1.27 the API server's
/// OpenAPI document cannot be made.
const GO_RELEASE: &str = "go1.26.";
const GO_TOOLCHAIN: &str = "go1.26.8";

/// A Go module of ours and what becomes of it.
pub(crate) struct Module {
    /// Its folder.
    pub name: &'static str,
    /// What is built of it; each becomes a binary named after the last part of its path.
    pub packages: &'static [&'static str],
    /// Build tags, which leave out what is not needed.
    pub tags: &'static str,
    /// What it is made of, for who waits for it.
    pub contents: &'static str,
    /// What the one binary can be called by, where it is several.
    pub programs: &'static [&'static str],
    /// Flags of the linker by which the binary knows its version, from the module's folder.
    pub versions: fn(&Path) -> Result<String>,
}

/// Builds what is in `source` and puts it with a link for each program into
/// `destination`. When another process is at it already, waits for that one.
pub(crate) fn build(module: &Module, source: &Path, destination: &Path) -> Result<()> {
    kept::once(destination, "build", |partial| {
        eprintln!("Building {} from source, once; the result is kept in", module.contents);
        eprintln!("{}", destination.display());
        let flags = format!("-s -w{}", (module.versions)(source)?);
        Go::found(source)?.build(module, partial, &flags)?;
        for program in module.programs {
            symlink(module.name, partial.join(program))?;
        }
        Ok(())
    })
}

/// The Go command, set up for this module.
struct Go {
    source: PathBuf,
    toolchain: Option<&'static str>,
}

impl Go {
    fn found(source: &Path) -> Result<Self> {
        let output = Command::new("go")
            .arg("version")
            .output()
            .context("run `go version`: install Go 1.26 from https://go.dev/dl, or put it into PATH")?;
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        let tested = version.contains(GO_RELEASE) || env::var_os("GOTOOLCHAIN").is_some();
        Ok(Self { source: source.to_owned(), toolchain: (!tested).then_some(GO_TOOLCHAIN) })
    }

    fn build(&self, module: &Module, directory: &Path, link_flags: &str) -> Result<()> {
        let mut progress = Progress::begin();
        let stale = self.count_stale(module, &mut progress)?;
        let mut compiled = 0;
        // With a slash at its end the name is that of a directory.
        let directory = format!("{}/", directory.display());
        let arguments = ["build", "-v", "-tags", module.tags, "-ldflags", link_flags, "-o", &directory];
        let command = self.command(&arguments).args(module.packages).spawn()?;
        let output = follow(command, |line| {
            if is_package(line) {
                compiled += 1;
            }
            let left = stale.saturating_sub(compiled);
            progress.show(&match left {
                0 => "linking".to_owned(),
                _ => format!("{compiled} of {stale} packages compiled"),
            });
        })?;
        progress.done(&format!("{compiled} packages compiled and linked"));
        ensure!(output.success, "`go build` failed in {}:\n{}", self.source.display(), output.complaints);
        Ok(())
    }

    /// How many packages are still to be compiled. Fetches the modules first,
    /// where they are missing.
    fn count_stale(&self, module: &Module, progress: &mut Progress) -> Result<usize> {
        let arguments = ["list", "-deps", "-tags", module.tags, "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"];
        let mut fetched = 0;
        let output = follow(self.command(&arguments).args(module.packages).spawn()?, |line| {
            if line.starts_with("go: downloading") {
                fetched += 1;
                progress.show(&format!("{fetched} modules fetched"));
            }
        })?;
        ensure!(output.success, "`go list` failed in {}:\n{}", self.source.display(), output.complaints);
        Ok(output.stdout.lines().filter(|line| !line.is_empty()).count())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("go");
        let (verb, rest) = arguments.split_first().expect("a verb comes first");
        command.arg(verb).args(["-mod=readonly", "-trimpath", "-buildvcs=false"]).args(rest);
        command.current_dir(&self.source).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("CGO_ENABLED", "0").env("GOWORK", "off").env_remove("GOFLAGS");
        if let Some(toolchain) = self.toolchain {
            command.env("GOTOOLCHAIN", toolchain);
        }
        command
    }
}

/// What the programs of the control plane say about their version; Kubernetes
/// also decides by it which features are on.
pub(crate) fn control_plane_versions(source: &Path) -> Result<String> {
    let kubernetes = required(source, "k8s.io/kubernetes")?;
    let (major, rest) = kubernetes.trim_start_matches('v').split_once('.').context("odd version")?;
    let minor = rest.split('.').next().unwrap_or(rest);
    let mut flags = String::new();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        flags += &format!(
            " -X {package}.gitVersion={kubernetes} -X {package}.gitMajor={major} -X {package}.gitMinor={minor} \
             -X {package}.gitTreeState=clean -X {package}.buildDate=1970-01-01T00:00:00Z"
        );
    }
    let helm = required(source, "helm.sh/helm/v4")?;
    flags += &format!(" -X helm.sh/helm/v4/internal/version.version={helm}");
    Ok(flags)
}

/// The version of a module that go.mod asks for.
fn required(source: &Path, module: &str) -> Result<String> {
    let text = fs::read_to_string(source.join("go.mod"))?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("go.mod does not require {module}"))?.trim().to_owned())
}

/// What a command had to say once it ended.
struct Ended {
    success: bool,
    stdout: String,
    complaints: String,
}

/// Reads a command's standard error line by line until it ends.
fn follow(mut child: Child, mut on_line: impl FnMut(&str)) -> Result<Ended> {
    let (Some(mut stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("the command was started without pipes");
    };
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let mut complaints = String::new();
    for line in BufReader::new(stderr).lines() {
        let line = line?;
        on_line(&line);
        if !is_package(&line) && !line.starts_with("go: downloading") {
            complaints += &line;
            complaints.push('\n');
        }
    }
    let stdout = reader.join().map_err(|_| anyhow::anyhow!("the reader of standard output panicked"))??;
    Ok(Ended { success: child.wait()?.success(), stdout, complaints })
}

/// Whether `go build -v` names a package in this line.
fn is_package(line: &str) -> bool {
    !line.is_empty() && !line.contains([' ', '\t', ':', '#'])
}
