//! A control plane on loopback ports.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    io::{BufRead, BufReader},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::{access::Access, audit::Audit, tools::Tools};

static SHARED: OnceCell<Cluster> = OnceCell::const_new();

/// Between looking for free ports and using them somebody else can take one.
const ATTEMPTS: usize = 3;

/// What a control plane consists of.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// How many simulated nodes there are, in three zones.
    pub nodes: u32,
    /// Whether metrics-server runs, so that autoscalers act.
    pub metrics: bool,
    /// Only etcd and kube-apiserver: nothing is garbage collected, scheduled or run.
    pub api_only: bool,
    /// How long a simulated pod takes to become ready, at most.
    pub pod_start: Duration,
    /// Leave the logs, the audit log and the data of etcd behind.
    pub keep: bool,
    /// A real node in place of the simulated ones; see [`crate::Node`], which makes a whole of it.
    pub node: Option<NodeOptions>,
}

/// Of what a real node is made, beside the programs of the control plane.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The directory of containerd, its shim and the network plugins.
    pub programs: PathBuf,
    /// The root of the unpacked packages with runc and nft.
    pub packages: PathBuf,
    /// The program that enforces NetworkPolicies.
    pub enforcer: PathBuf,
    /// The program that answers for the world outside, and its arguments.
    pub outside: Vec<OsString>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { nodes: 4, metrics: false, api_only: false, pod_start: Duration::ZERO, keep: false, node: None }
    }
}

/// A running control plane, seen as its administrator. Clones are the same
/// one; it ends with the last of them, or with this process.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Running>);

#[derive(Debug)]
struct Running {
    access: Access,
    report: Report,
    up: Child,
}

/// What `cluster up` prints once all is ready.
#[derive(Debug, Deserialize)]
struct Report {
    directory: PathBuf,
    kubeconfig: PathBuf,
    server: String,
    audit: PathBuf,
    containerd: Option<PathBuf>,
    enforced: Option<PathBuf>,
    pids: BTreeMap<String, u32>,
    seconds: BTreeMap<String, f64>,
}

impl Cluster {
    /// The control plane that the tests of this process share.
    ///
    /// # Panics
    /// When it cannot be built or started: no test can go on then.
    pub async fn shared() -> Self {
        let cluster =
            SHARED.get_or_init(|| async { Self::start().await.expect("the shared control plane starts") });
        cluster.await.clone()
    }

    /// A control plane of one's own, for a test that must be alone in it.
    pub async fn start() -> Result<Self> {
        Self::start_with(ClusterOptions::default()).await
    }

    /// A control plane of one's own that is not like the others.
    pub async fn start_with(options: ClusterOptions) -> Result<Self> {
        tokio::task::spawn_blocking(move || launch(&options)).await?
    }

    /// The directory with the logs of its programs.
    pub fn directory(&self) -> &Path {
        &self.0.report.directory
    }

    /// The address of the API server.
    pub fn server(&self) -> &str {
        &self.0.report.server
    }

    /// Its programs and their process ids.
    pub fn processes(&self) -> &BTreeMap<String, u32> {
        &self.0.report.pids
    }

    /// How many seconds after its start each part was ready.
    pub fn start_times(&self) -> &BTreeMap<String, f64> {
        &self.0.report.seconds
    }

    /// The socket of a real node's container runtime.
    pub(crate) fn container_runtime(&self) -> Result<&Path> {
        self.0.report.containerd.as_deref().context("the nodes of this cluster are simulated")
    }

    /// The file in which the enforcer of a real node tells what it enforces.
    pub(crate) fn enforced(&self) -> Result<&Path> {
        self.0.report.enforced.as_deref().context("the nodes of this cluster are simulated")
    }

    /// The record of every request that it answered.
    pub async fn audit(&self) -> Result<Audit> {
        Ok(Audit::new(self.0.report.audit.clone(), self.client().await?))
    }
}

impl Deref for Cluster {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.0.access
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.up.stdin.take();
        // Its directory is gone once it has ended.
        let _ = self.up.wait();
    }
}

fn launch(options: &ClusterOptions) -> Result<Cluster> {
    let tools = Tools::built()?;
    let mut outcome = launch_once(&tools, options);
    for _ in 1..ATTEMPTS {
        if outcome.is_err() {
            outcome = launch_once(&tools, options);
        }
    }
    outcome
}

fn launch_once(tools: &Tools, options: &ClusterOptions) -> Result<Cluster> {
    let mut up = command(tools, options).spawn().context("start `cluster up`")?;
    let stdout = up.stdout.take().context("`cluster up` was started without a pipe")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    ensure!(!line.is_empty(), "the control plane did not start: see its complaint above ({})", up.wait()?);
    let report: Report = serde_json::from_str(&line).context("read the report of `cluster up`")?;
    let access = Access::new(tools.clone(), report.kubeconfig.clone(), report.directory.join("scratch"));
    Ok(Cluster(Arc::new(Running { access, report, up })))
}

fn command(tools: &Tools, options: &ClusterOptions) -> Command {
    let mut command = Command::new(tools.cluster());
    command.args(["up", "--stdin", "--root"]).arg(env::temp_dir().join("msapp-clusters"));
    command.arg(format!("--nodes={}", options.nodes));
    command.arg(format!("--metrics={}", options.metrics));
    command.arg(format!("--api-only={}", options.api_only));
    command.arg(format!("--pod-start={}ms", options.pod_start.as_millis()));
    command.arg(format!("--keep={}", options.keep));
    if let Some(node) = &options.node {
        command.arg("--real").arg("--programs").arg(&node.programs).arg("--packages").arg(&node.packages);
        command.arg("--enforcer").arg(&node.enforcer).arg("--").args(&node.outside);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}
