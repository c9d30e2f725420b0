//! The control plane itself: it comes up, does its work, and leaves nothing.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::api::ListParams;
use msapp_e2e::{Cluster, ClusterOptions, Namespace, PATIENCE, wait_until};
use serde_json::Value;

const THREE_REPLICAS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
";

#[tokio::test]
async fn a_deployment_becomes_ready_and_its_requests_are_counted() -> Result<()> {
    let cluster = Cluster::shared().await;
    let namespace = Namespace::create(&cluster, "ready").await?;
    let audit = cluster.audit().await?;
    let mark = audit.mark().await?;
    namespace.apply(THREE_REPLICAS).await?;
    let deployments = namespace.api::<Deployment>(&cluster.client().await?);
    wait_until("three ready pods", PATIENCE, async || {
        let status = deployments.get("web").await?.status.context("no status")?;
        let ready = status.ready_replicas.unwrap_or(0);
        ensure!(ready == 3, "{ready} are ready");
        Ok(())
    })
    .await?;
    let requests = audit.since(mark).await?.within(namespace.name());
    assert_eq!(requests.of("admin").writes().on("deployments").len(), 1, "{requests}");
    assert_eq!(requests.writes().on("pods").with_verb("create").len(), 3, "{requests}");
    assert_eq!(requests.of("kwok").on_subresource("pods", "status").len(), 3, "{requests}");
    Ok(())
}

#[tokio::test]
async fn a_pod_meets_the_fate_that_its_image_or_annotation_names() -> Result<()> {
    let cluster = Cluster::shared().await;
    let namespace = Namespace::create(&cluster, "fates").await?;
    let fates = [
        pod("fine", "web", "{}"),
        pod("unready", "web", "{kwok.msapp.test/fate: never-ready}"),
        pod("sick", "web", "{kwok.msapp.test/fate: unhealthy}"),
        pod("stuck", "web", "{kwok.msapp.test/fate: fail-mount}"),
        pod("absent", "registry.test/no-such-image:1", "{}"),
        pod("dying", "registry.test/crash:1", "{kwok.x-k8s.io/last-words: no database}"),
    ];
    namespace.apply(&fates.join("---")).await?;
    wait_until("each pod to meet its fate", PATIENCE, async || {
        let pods = namespace.api::<Pod>(&cluster.client().await?).list(&ListParams::default()).await?;
        let mut seen: Vec<String> = pods.iter().map(summary).collect();
        seen.sort();
        let expected = [
            "absent Pending ready=false ImagePullBackOff",
            "dying Running ready=false CrashLoopBackOff no database",
            "fine Running ready=true",
            "sick Running ready=false",
            "stuck Pending ready=false ContainerCreating",
            "unready Running ready=false",
        ];
        ensure!(seen == expected, "{seen:#?}");
        let events = namespace.kubectl(&["get", "events", "--field-selector=type=Warning"]).await?;
        ensure!(events.contains("FailedMount") && events.contains("statuscode: 503"), "{events}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pod_heals_when_its_fate_is_taken_away() -> Result<()> {
    let cluster = Cluster::shared().await;
    let namespace = Namespace::create(&cluster, "healing").await?;
    namespace.apply(&pod("sick", "web", "{kwok.msapp.test/fate: unhealthy}")).await?;
    let pods = namespace.api::<Pod>(&cluster.client().await?);
    let becomes = async |expected: &str| {
        wait_until(expected, PATIENCE, async || {
            let seen = summary(&pods.get("sick").await?);
            ensure!(seen == expected, "{seen}");
            Ok(())
        })
        .await
    };
    becomes("sick Running ready=false").await?;
    namespace.kubectl(&["annotate", "pod", "sick", "kwok.msapp.test/fate-"]).await?;
    becomes("sick Running ready=true").await?;
    namespace.kubectl(&["annotate", "pod", "sick", "kwok.msapp.test/fate=never-ready"]).await?;
    becomes("sick Running ready=false").await
}

#[tokio::test]
async fn nothing_is_left_of_a_control_plane_that_ended() -> Result<()> {
    let cluster = Cluster::start_with(ClusterOptions { nodes: 1, ..ClusterOptions::default() }).await?;
    let directory = cluster.directory().to_owned();
    let processes = cluster.processes().clone();
    assert!(directory.is_dir());
    assert!(processes.values().all(|pid| runs(*pid)), "{processes:?}");
    drop(cluster);
    assert!(!directory.exists());
    assert!(!processes.values().any(|pid| runs(*pid)), "{processes:?}");
    Ok(())
}

#[tokio::test]
async fn a_control_plane_that_was_killed_takes_its_programs_along_and_the_next_removes_its_files()
-> Result<()> {
    let root = tempfile::tempdir()?;
    let mut killed = BarePlane::start(root.path())?;
    killed.up.kill()?;
    killed.up.wait()?;
    wait_until("its programs to be gone", PATIENCE, async || {
        ensure!(!killed.pids.iter().any(|pid| runs(*pid)), "one of {:?} still runs", killed.pids);
        Ok(())
    })
    .await?;
    assert!(killed.directory.exists());
    let mut next = BarePlane::start(root.path())?;
    assert!(!killed.directory.exists());
    next.up.kill()?;
    next.up.wait()?;
    Ok(())
}

/// A control plane that is not held by this process.
struct BarePlane {
    up: Child,
    directory: PathBuf,
    pids: Vec<u32>,
}

impl BarePlane {
    fn start(root: &Path) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
        command.args(["up", "--", "--api-only", "--root"]).arg(root).stdout(Stdio::piped());
        let mut up = command.spawn()?;
        let mut line = String::new();
        BufReader::new(up.stdout.take().context("no pipe")?).read_line(&mut line)?;
        let report: Value = serde_json::from_str(&line)?;
        let pids = report["pids"].as_object().context("no pids")?;
        let pids = pids.values().filter_map(Value::as_u64).map(|pid| pid as u32).collect();
        Ok(Self { up, directory: report["directory"].as_str().context("no directory")?.into(), pids })
    }
}

fn pod(name: &str, image: &str, annotations: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}, annotations: {annotations}}}
spec: {{containers: [{{name: main, image: {image}}}]}}
"
    )
}

/// Name, phase and readiness, then why it waits and what it said last.
fn summary(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let container = status.container_statuses.unwrap_or_default().pop().unwrap_or_default();
    let mut words = vec![
        pod.metadata.name.clone().unwrap_or_default(),
        status.phase.unwrap_or_default(),
        format!("ready={}", container.ready),
    ];
    words.extend(container.state.and_then(|state| state.waiting?.reason));
    words.extend(container.last_state.and_then(|state| state.terminated?.message));
    words.join(" ")
}

fn runs(pid: u32) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).output().is_ok_and(|answer| answer.status.success())
}
