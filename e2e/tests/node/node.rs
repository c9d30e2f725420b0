//! The node itself: where it can be, and that it leaves nothing behind, however it ends.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use msapp_e2e::{Node, PATIENCE, Tools, wait_until};
use tokio::process::Command;

use crate::{Company, Scenario, stage::Stage};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "node::whoever_may_not_is_told_in_one_sentence",
        promise: "Where a real node cannot be, one sentence says why, before anything is started",
        small: true,
        company: Company::Any,
        run: |_| Box::pin(refuses()),
    },
    Scenario {
        name: "node::it_leaves_nothing_behind",
        promise: "A real node can be tried without a trace: it leaves no mount, interface, control group, kernel setting, process or file",
        small: true,
        company: Company::Any,
        run: |_| Box::pin(leaves_nothing()),
    },
    Scenario {
        name: "node::it_leaves_nothing_behind_when_it_is_killed",
        promise: "… also when its own process is killed, and another can be started at once",
        small: true,
        company: Company::Any,
        run: |stage| Box::pin(killed(stage)),
    },
];

/// The settings of the whole machine that kubelets and service proxies change elsewhere.
const SETTINGS: [&str; 9] = [
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/rp_filter",
    "net/netfilter/nf_conntrack_max",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
];

/// In a user namespace without a mapping, root is nobody.
async fn refuses() -> Result<()> {
    let cluster = Tools::expected()?.program("cluster");
    for arguments in [vec!["node-check"], vec!["up", "--real", "--programs=/", "--packages=/"]] {
        let output = Command::new("unshare").arg("--user").arg(&cluster).args(&arguments).output().await?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        ensure!(!output.status.success(), "{arguments:?} goes on: {said}");
        let sentence = "a real node needs root, for namespaces, mounts and control groups\n";
        ensure!(said.trim_start_matches("cluster: ") == sentence, "{arguments:?} says {said:?}");
    }
    Ok(())
}

async fn leaves_nothing() -> Result<()> {
    let before = Machine::now()?;
    let node = Node::start().await?;
    let directory = node.directory().to_owned();
    ensure!(!traces(&directory)?.is_empty(), "the node cannot be seen, so nobody would see what it leaves");
    let during = Machine::now()?;
    ensure!(during == before, "while it runs:\n{during:#?}\nbefore:\n{before:#?}");
    tokio::task::spawn_blocking(|| drop(node)).await?;
    gone(&directory, &before)
}

async fn killed(stage: Stage) -> Result<()> {
    let before = Machine::now()?;
    let node = Node::start().await?;
    let directory = node.directory().to_owned();
    let up = parent(node.processes()["node"])?;
    Command::new("kill").args(["-KILL", &up]).status().await?;
    wait_until("the killed node to be gone", PATIENCE, async || gone(&directory, &before)).await?;
    let again = Node::start().await.context("start another one")?;
    stage.figure(format!("a node is ready {:.1} s after its start", again.start_times()["the node"]));
    Ok(())
}

/// Whether nothing is left of the node and the machine is as it was.
fn gone(directory: &Path, before: &Machine) -> Result<()> {
    let traces = traces(directory)?;
    ensure!(traces.is_empty(), "left behind: {traces:#?}");
    let after = Machine::now()?;
    ensure!(after == *before, "after:\n{after:#?}\nbefore:\n{before:#?}");
    Ok(())
}

/// What a node could change on the machine around it. Other nodes, which may run beside, change nothing of this.
#[derive(Debug, PartialEq)]
struct Machine {
    mounts: String,
    interfaces: BTreeSet<PathBuf>,
    settings: Vec<Option<String>>,
}

impl Machine {
    fn now() -> Result<Self> {
        let read = |name: &str| fs::read_to_string(Path::new("/proc/sys").join(name)).ok();
        Ok(Self {
            mounts: fs::read_to_string("/proc/self/mounts")?,
            interfaces: entries(Path::new("/sys/class/net"))?.into_iter().collect(),
            settings: SETTINGS.iter().copied().map(read).collect(),
        })
    }
}

/// What can be seen of a node: its files, its control groups, and processes that were told its directory.
fn traces(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut traces: Vec<PathBuf> = directory.exists().then(|| directory.to_owned()).into_iter().collect();
    let name = directory.file_name().context("a directory has a name")?.to_string_lossy();
    let control_groups = Path::new("/sys/fs/cgroup");
    for tree in entries(control_groups)?.into_iter().chain([control_groups.to_owned()]) {
        let group = tree.join(format!("msapp-{name}"));
        traces.extend(group.exists().then_some(group));
    }
    for process in entries(Path::new("/proc"))? {
        // A process may end while we look.
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        traces.extend(String::from_utf8_lossy(&line).contains(&*name).then_some(process));
    }
    Ok(traces)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))?;
    Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?)
}

/// The process that started another one.
fn parent(process: u32) -> Result<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    Ok(line.context("a process has a parent")?.trim().to_owned())
}
