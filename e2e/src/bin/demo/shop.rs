//! The operator and the shop, in whatever cluster.

use std::{path::Path, process::Stdio, time::Instant};

use anyhow::{Context, Result};
use msapp_e2e::{Access, Installation, Operator, msapp_binary};
use tokio::process::Command;

pub(crate) const NAMESPACE: &str = "shop";
const NAME: &str = "shop";

/// How long the shop has to become ready.
const LONGEST: &str = "4m";

/// The running operator with its shop.
pub(crate) struct Shop {
    _operator: Operator,
    /// Whether everything came up.
    pub(crate) is_ready: bool,
}

impl Shop {
    /// Starts the operator, applies the sample and shows how it comes up.
    pub(crate) async fn bring_up(installation: &Installation) -> Result<Self> {
        println!("The operator starts, as {} …", installation.user());
        let operator = Operator::start(installation, &[]).await?;
        let access = installation.access();
        let begin = Instant::now();
        apply(access).await?;
        let is_ready = watch_until_ready(access).await?;
        if is_ready {
            println!("\nThe shop is ready, {} seconds after it was applied.", begin.elapsed().as_secs());
        }
        Ok(Self { _operator: operator, is_ready })
    }
}

/// Creates its namespace, the Secrets that its databases would come with, and the shop.
pub(crate) async fn apply(access: &Access) -> Result<()> {
    access.kubectl(["create", "namespace", NAMESPACE]).await?;
    for name in ["shop-secrets.yaml", "shop.yaml"] {
        println!("kubectl apply -n {NAMESPACE} -f samples/{name}");
        access.kubectl(["apply", "--server-side", "-n", NAMESPACE, "-f", &sample(name)]).await?;
    }
    println!();
    Ok(())
}

/// The path of a file of the samples.
pub(crate) fn sample(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    directory.join(name).to_string_lossy().into_owned()
}

/// Lets `msapp status` draw the tree until the shop is ready, or for long enough.
pub(crate) async fn watch_until_ready(access: &Access) -> Result<bool> {
    let mut status = Command::new(msapp_binary()?);
    status.args(["status", NAME, "-n", NAMESPACE, "--until-ready", "--timeout", LONGEST]);
    status.env("KUBECONFIG", access.kubeconfig()).stdin(Stdio::null()).kill_on_drop(true);
    let outcome = status.status().await.context("run `msapp status`")?;
    Ok(outcome.success())
}
