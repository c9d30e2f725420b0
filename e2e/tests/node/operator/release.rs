//! The operator as Helm installs it, and the pods that come of it.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{ContainerStatus, Pod},
};
use kube::{Api, ResourceExt, api::ListParams};
use msapp_e2e::{Node, PATIENCE, wait_until};
use serde_json::Value;
use tokio::process::Command;

use crate::stage::OPERATOR;

/// The release, its namespace's objects and its ServiceAccount are called so.
pub(crate) const NAME: &str = "msapp";
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/msapp");
/// What the documentation says that the namespace may enforce.
const RESTRICTED: &str = "pod-security.kubernetes.io/enforce=restricted";

/// A release of the chart with pods that run.
pub(crate) struct Release {
    pub(crate) node: Node,
    pub(crate) pods: Api<Pod>,
    leases: Api<Lease>,
}

impl Release {
    /// Installs it into a namespace that admits *restricted* pods only, with the chart's own values.
    pub(crate) async fn install(node: &Node) -> Result<Self> {
        node.kubectl(["create", "namespace", OPERATOR]).await?;
        node.kubectl(["label", "namespace", OPERATOR, RESTRICTED]).await?;
        let release = Self::installed(node).await?;
        release.helm("install", &[]).await?;
        Ok(release)
    }

    /// The one that is there.
    pub(crate) async fn installed(node: &Node) -> Result<Self> {
        let client = node.client().await?;
        let pods = Api::namespaced(client.clone(), OPERATOR);
        Ok(Self { node: node.clone(), pods, leases: Api::namespaced(client, OPERATOR) })
    }

    /// Does `work` while it has these values beside the chart's own, which it gets back whatever comes of it.
    pub(crate) async fn with_values(
        &self,
        values: &[&str],
        work: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let outcome = match self.helm("upgrade", values).await {
            Ok(()) => work().await,
            Err(error) => Err(error),
        };
        self.restore().await?;
        outcome
    }

    /// Gives it the chart's own values.
    pub(crate) async fn restore(&self) -> Result<()> {
        self.helm("upgrade", &["image.tag="]).await
    }

    async fn helm(&self, verb: &str, values: &[&str]) -> Result<()> {
        let mut arguments = vec![verb, NAME, CHART, "--namespace", OPERATOR, "--wait", "--timeout=90s"];
        arguments.extend(values.iter().flat_map(|value| ["--set", value]));
        if let Err(error) = self.node.helm(&arguments).await {
            return Err(error.context(self.seen().await));
        }
        self.settled().await?;
        Ok(())
    }

    /// Who its pods are for the API server.
    pub(crate) fn user() -> String {
        format!("system:serviceaccount:{OPERATOR}:{NAME}")
    }

    /// Waits until two pods are ready and no other is left, and one of them leads: its pods, the leader first.
    pub(crate) async fn settled(&self) -> Result<[Pod; 2]> {
        let settled = wait_until("two operators, of which one leads", PATIENCE, async || {
            // Pods of the Deployment alone have the label that tells its versions apart.
            let of_release = format!("app.kubernetes.io/instance={NAME},pod-template-hash");
            let mut pods = self.pods.list(&ListParams::default().labels(&of_release)).await?.items;
            ensure!(pods.iter().all(is_ready), "not all are ready");
            let leader = self.leader().await?;
            pods.sort_by_key(|pod| pod.name_any() != leader);
            let pods: [Pod; 2] =
                pods.try_into().map_err(|pods: Vec<_>| anyhow::anyhow!("{} pods", pods.len()))?;
            ensure!(pods[0].name_any() == leader, "{leader} leads, which is none of them");
            Ok(pods)
        });
        match settled.await {
            Ok(pods) => Ok(pods),
            Err(error) => Err(error.context(self.seen().await)),
        }
    }

    /// The name of the pod that holds the Lease.
    pub(crate) async fn leader(&self) -> Result<String> {
        let lease = self.leases.get(NAME).await?.spec.unwrap_or_default();
        lease.holder_identity.filter(|holder| !holder.is_empty()).context("nobody leads")
    }

    /// Everything that helps to see why it is not as it should be.
    async fn seen(&self) -> String {
        let mut seen = String::new();
        let looks: [&[&str]; 3] = [
            &["get", "pods,leases", "-o", "wide"],
            &["get", "events", "--sort-by=.lastTimestamp"],
            &["logs", "-l", "app.kubernetes.io/component=controller", "--prefix", "--tail=20"],
        ];
        for look in looks {
            let look = ["-n", OPERATOR].iter().chain(look);
            seen += &self.node.kubectl(look).await.unwrap_or_else(|error| format!("{error:#}"));
        }
        seen
    }
}

/// Whether a pod of one container is ready and not on its way out.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    container(pod).is_ok_and(|status| status.ready) && pod.metadata.deletion_timestamp.is_none()
}

/// The state of a pod's only container.
pub(crate) fn container(pod: &Pod) -> Result<&ContainerStatus> {
    let mut statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.next().with_context(|| format!("{} has not started", pod.name_any()))
}

/// The number of the process that runs in a pod, as the machine around the node counts: pods are in namespaces of the
/// node, whose processes it sees.
pub(crate) fn process(pod: &Pod) -> Result<u32> {
    let id = container(pod)?.container_id.clone().context("its container has no id")?;
    let id = id.rsplit('/').next().unwrap_or_default().to_owned();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(number) = entry.file_name().to_string_lossy().parse() else { continue };
        // A process may end while we look.
        if fs::read_to_string(entry.path().join("cgroup")).is_ok_and(|groups| groups.contains(&id)) {
            return Ok(number);
        }
    }
    anyhow::bail!("no process is in container {id}")
}

/// A file of `/proc` about a process.
pub(crate) fn kernel_file(process: u32, file: &str) -> Result<String> {
    let path = Path::new("/proc").join(process.to_string()).join(file);
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// Sends a signal to the process of a pod.
pub(crate) async fn signal(pod: &Pod, signal: &str) -> Result<()> {
    let sent = Command::new("kill").arg(signal).arg(process(pod)?.to_string()).status().await?;
    ensure!(sent.success(), "`kill {signal}` ended with {sent}");
    Ok(())
}

/// The value of a query into what `kubectl get` finds.
pub(crate) async fn read(node: &Node, arguments: &[&str]) -> Result<Value> {
    let text = node.kubectl(["get", "-o", "json"].iter().chain(arguments)).await?;
    Ok(serde_json::from_str(&text)?)
}
