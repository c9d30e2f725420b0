//! A cluster with one real node: containers run, and what they send arrives or does not.

mod names;

pub use names::UNDECLARED;

use std::{ffi::OsString, ops::Deref, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::{
    cluster::{Cluster, ClusterOptions, NodeOptions},
    enforcer::Enforced,
    images::{
        self, Archive, Image,
        debian::{self, Libc},
    },
    operator::program,
    process,
    tools::{NodePrograms, Tools},
};

/// The DNS, but for its configuration.
const DNS: &str = include_str!("coredns.yaml");

/// What answers outside of the cluster: every address of the ranges for documentation (RFC 5737), at these ports.
const OUTSIDE: &str = "tcp=443,587,5432,9999 http=80";

/// Why there can be no real node on this machine, in one sentence; none when there can be one.
///
/// # Errors
/// When the control plane, which knows, cannot be built.
pub async fn obstacle() -> Result<Option<String>> {
    let tools = tokio::task::spawn_blocking(Tools::built).await??;
    let check = Command::new(tools.cluster()).arg("node-check").stdin(Stdio::null()).output().await?;
    let sentence = String::from_utf8_lossy(&check.stdout).trim().to_owned();
    Ok((!check.status.success()).then_some(sentence))
}

/// A control plane with one node that runs containers: kubelet, containerd, kube-proxy and CoreDNS, NetworkPolicies
/// enforced by [`crate::enforcer`]. All of it lives in namespaces of its own without any uplink, and ends with the
/// last clone of this, or with this process.
#[derive(Clone, Debug)]
pub struct Node {
    cluster: Cluster,
    programs: NodePrograms,
}

impl Node {
    /// Starts one and waits until it is ready and answers names. Builds what is missing, which takes minutes the
    /// first time.
    pub async fn start() -> Result<Self> {
        let (programs, packages, images) = tokio::task::spawn_blocking(parts).await??;
        let node = NodeOptions {
            programs: programs.directory().to_owned(),
            packages: packages.root(),
            enforcer: program("enforcer")?,
            outside: outside()?,
        };
        let options = ClusterOptions { metrics: true, node: Some(node), ..ClusterOptions::default() };
        let cluster = Cluster::start_with(options).await?;
        let node = Self { cluster, programs };
        node.place().await?;
        node.load(&images).await?;
        node.start_dns().await?;
        Ok(node)
    }

    /// Gives images to the node's container runtime.
    pub async fn load(&self, images: &[Archive]) -> Result<()> {
        for image in images {
            let mut ctr = Command::new(self.programs.program("ctr"));
            ctr.arg("--address").arg(self.cluster.container_runtime()?);
            ctr.args(["--namespace", "k8s.io", "images", "import", "--all-platforms"]).arg(&image.path);
            process::run(ctr, None).await?;
        }
        Ok(())
    }

    /// Builds images and gives them to the node.
    pub async fn load_built(&self, images: &'static [Image]) -> Result<()> {
        let built = tokio::task::spawn_blocking(|| images::built(images)).await??;
        self.load(&built).await
    }

    /// Waits until every pod and policy of a namespace is enforced.
    pub async fn enforced(&self, namespace: &str) -> Result<()> {
        Enforced::in_file(self.cluster.enforced()?).wait_for(&self.cluster.client().await?, namespace).await
    }

    /// Says in which zone the node is, as clouds do: pods that must spread over zones go nowhere else.
    async fn place(&self) -> Result<()> {
        self.cluster.kubectl(["label", "node", "--all", "topology.kubernetes.io/zone=here"]).await?;
        Ok(())
    }

    async fn start_dns(&self) -> Result<()> {
        let corefile = serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "coredns", "namespace": "kube-system"},
            "data": {"Corefile": names::corefile()?},
        });
        self.cluster.kubectl_with(["apply", "--server-side", "-f", "-"], &corefile.to_string()).await?;
        self.cluster.kubectl_with(["apply", "--server-side", "-f", "-"], DNS).await?;
        let wait = ["rollout", "status", "deployment/coredns", "-n", "kube-system", "--timeout=90s"];
        self.cluster.kubectl(wait).await.context("the DNS of the node")?;
        Ok(())
    }
}

impl Deref for Node {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

/// What a node is made of, built where it is missing.
fn parts() -> Result<(NodePrograms, debian::Unpacked, Vec<Archive>)> {
    let programs = NodePrograms::built()?;
    let packages = debian::unpacked("node", &["nftables", "runc"], Libc::Machine)?;
    Ok((programs, packages, images::built(&Image::FOR_NODE)?))
}

/// The workload, which plays whoever answers outside.
fn outside() -> Result<Vec<OsString>> {
    let workload: PathBuf = program("workload")?;
    ensure!(workload.is_file(), "{} is missing: build the whole workspace", workload.display());
    Ok(vec![workload.into(), "serve".into(), "--listen".into(), OUTSIDE.into()])
}
