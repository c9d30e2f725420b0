//! The process in a container, as the machine under the node sees it: images of the workload have no shell to ask.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The directory of a process in `/proc`.
pub(super) struct Process(PathBuf);

impl Process {
    /// The first process of the one container of a pod.
    pub(super) fn of(pod: &Pod) -> Result<Self> {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
        let id = statuses.and_then(|statuses| statuses.first()?.container_id.as_deref());
        let id = id.and_then(|id| id.split_once("://")).context("the container has no id")?.1;
        let processes = fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut first = processes.filter(|process| is_first(process, id));
        first.next().map(Self).with_context(|| format!("no process of {}", pod.name_any()))
    }

    /// What a file holds that it sees.
    pub(super) fn file(&self, path: &str) -> Result<String> {
        let path = self.0.join("root").join(path.trim_start_matches('/'));
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    /// The variables that it was started with.
    pub(super) fn variables(&self) -> Result<BTreeMap<String, String>> {
        let text = fs::read_to_string(self.0.join("environ"))?;
        let variables = text.split('\0').filter_map(|variable| variable.split_once('='));
        Ok(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Whether a process has the number 1 in the container of this id. It may end while we look.
fn is_first(process: &Path, container: &str) -> bool {
    let read = |name: &str| fs::read_to_string(process.join(name)).unwrap_or_default();
    let numbers =
        |status: &str| status.lines().find_map(|line| line.strip_prefix("NSpid:").map(str::to_owned));
    read("cgroup").contains(container)
        && numbers(&read("status")).is_some_and(|numbers| numbers.split_whitespace().last() == Some("1"))
}
