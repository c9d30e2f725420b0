//! The demo in a control plane of its own.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use msapp_e2e::{Cluster, ClusterOptions, Installation, Tools, msapp_binary};

use crate::{lookout, shop::Shop, stopped, unless_stopped};

/// Slow enough to be watched: simulated pods would be ready at once.
const POD_START: Duration = Duration::from_secs(3);

const WHAT_IS_REAL: &str = "\
The Kubernetes of this demo runs on this machine alone, for as long as the demo does.
  real       etcd, kube-apiserver, kube-controller-manager, kube-scheduler, Helm, the operator
  simulated  nodes and pods, by KWOK: no container runs, pods only say that they do";

pub(crate) async fn run(until_ready: bool) -> Result<()> {
    println!("{WHAT_IS_REAL}\n");
    let Some(cluster) = unless_stopped(start()).await? else { return Ok(()) };
    let bring_up = async {
        println!("Helm installs the chart: the CRD, a ServiceAccount, its permissions …");
        let installation = Installation::install(&cluster, "msapp-system", &[]).await?;
        Shop::bring_up(&installation).await
    };
    let Some(shop) = unless_stopped(bring_up).await? else { return Ok(()) };
    ensure!(shop.is_ready, "the shop did not become ready");
    if !until_ready {
        let msapp = msapp_binary()?;
        let programs = [Some(cluster.tools().directory()), msapp.parent()];
        let programs: Vec<&Path> = programs.into_iter().flatten().collect();
        println!("{}", lookout::hints(Some(cluster.kubeconfig()), &programs, &lookout::EXPERIMENTS));
        stopped().await;
    }
    println!("\nEnding the operator and the control plane …");
    drop(shop);
    drop(cluster);
    println!("Nothing is left.");
    Ok(())
}

async fn start() -> Result<Cluster> {
    tokio::task::spawn_blocking(Tools::built).await??;
    println!("The control plane starts …");
    Cluster::start_with(ClusterOptions { pod_start: POD_START, metrics: true, ..ClusterOptions::default() })
        .await
}
