//! Runs the test enforcer of NetworkPolicy in the network namespace that it is started in.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use msapp_e2e::enforcer::{Ranges, Settings, run};

/// A test enforcer of NetworkPolicy for a cluster of one node: no network plugin, and not for any other use.
#[derive(Parser)]
struct Arguments {
    /// How to reach the API server, with the right to watch namespaces, pods and policies.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// The program that loads rules into the kernel.
    #[arg(long, default_value = "nft")]
    nft: PathBuf,
    /// Where the addresses of pods are. One of them that is not known is closed.
    #[arg(long, default_value = "10.244.0.0/16")]
    pod_range: Ranges,
    /// The file that tells what is enforced.
    #[arg(long)]
    state: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match enforce(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The enforcer stops here: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn enforce(arguments: Arguments) -> Result<()> {
    let Arguments { kubeconfig, nft, pod_range, state } = arguments;
    let read =
        Kubeconfig::read_from(&kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    run(&Client::try_from(config)?, &Settings { nft, pod_range, state }).await
}
