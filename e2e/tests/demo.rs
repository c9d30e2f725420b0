//! What `make demo` runs, from beginning to end.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use msapp_e2e::Cluster;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// The demo, and what it prints.
struct Demo {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    printed: Vec<String>,
}

impl Demo {
    fn start(arguments: &[&str], kubeconfig: Option<&Path>) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        if let Some(path) = kubeconfig {
            command.env("KUBECONFIG", path);
        }
        let mut process = command.spawn()?;
        let output = BufReader::new(process.stdout.take().context("no pipe")?).lines();
        Ok(Self { process, output, printed: Vec::new() })
    }

    /// Reads on until a line contains this.
    async fn until(&mut self, text: &str) -> Result<String> {
        while let Some(line) = self.output.next_line().await? {
            self.printed.push(line.clone());
            if line.contains(text) {
                return Ok(line);
            }
        }
        anyhow::bail!("it ended without {text:?}:\n{}", self.printed.join("\n"))
    }

    /// What Ctrl-C does, and the rest of what it prints.
    async fn interrupt(mut self) -> Result<String> {
        let pid = self.process.id().context("it has ended")?.to_string();
        Command::new("kill").args(["-INT", &pid]).status().await?;
        self.ends().await
    }

    async fn ends(&mut self) -> Result<String> {
        while let Some(line) = self.output.next_line().await? {
            self.printed.push(line);
        }
        let printed = self.printed.join("\n");
        let status = self.process.wait().await?;
        ensure!(status.success(), "it ended with {status}:\n{printed}");
        Ok(printed)
    }
}

#[tokio::test]
async fn the_demo_brings_up_the_shop_and_leaves_nothing() -> Result<()> {
    let mut demo = Demo::start(&[], None)?;
    let line = demo.until("export KUBECONFIG=").await?;
    let kubeconfig = PathBuf::from(line.split('=').nth(1).context("no path")?);
    ensure!(kubeconfig.is_file(), "{} is not there", kubeconfig.display());
    let printed = demo.interrupt().await?;
    for expected in ["simulated", "KWOK", "The shop is ready", "12/12", "Nothing is left."] {
        ensure!(printed.contains(expected), "{expected:?} is not in\n{printed}");
    }
    ensure!(!kubeconfig.exists(), "{} is left", kubeconfig.display());
    Ok(())
}

#[tokio::test]
async fn the_demo_removes_from_a_cluster_of_the_user_what_it_created() -> Result<()> {
    let cluster = Cluster::start().await?;
    let mut demo = Demo::start(&["--cluster=current", "--until-ready"], Some(cluster.kubeconfig()))?;
    let printed = demo.ends().await?;
    ensure!(printed.contains("The shop is ready"), "{printed}");
    let left = ["get", "crd,namespaces,clusterroles,clusterrolebindings,flowschemas", "-o", "name"];
    let left = cluster.kubectl(left).await?;
    ensure!(!left.contains("msapp") && !left.contains("/shop"), "{left}");
    Ok(())
}

#[tokio::test]
async fn the_demo_refuses_a_cluster_where_msapp_is_installed() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.kubectl(["create", "namespace", "shop"]).await?;
    let mut demo = Demo::start(&["--cluster=current", "--until-ready"], Some(cluster.kubeconfig()))?;
    ensure!(demo.ends().await.is_err(), "it went on");
    cluster.kubectl(["get", "namespace", "shop"]).await?;
    Ok(())
}
