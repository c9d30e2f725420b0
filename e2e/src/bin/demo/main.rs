//! `make demo`: the shop of `samples/shop.yaml`, from nothing to Ready.

mod current;
mod lookout;
mod orders;
mod real;
mod shop;
mod simulated;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

/// Brings up the shop of samples/shop.yaml and keeps it until Ctrl-C.
#[derive(Parser)]
struct Arguments {
    /// Where it comes up.
    #[arg(long, value_enum, default_value_t = Target::Simulated)]
    cluster: Target,
    /// End as soon as the shop is ready, and where it is real, as soon as orders flow.
    #[arg(long)]
    until_ready: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// A control plane of the demo's own, with simulated nodes and pods.
    Simulated,
    /// A real node of the demo's own: containers run, and customers place orders. Linux, and root.
    Real,
    /// The cluster of the current context of your kubeconfig.
    Current,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse() {
        Arguments { cluster: Target::Simulated, until_ready } => simulated::run(until_ready).await,
        Arguments { cluster: Target::Real, until_ready } => real::run(until_ready).await,
        Arguments { cluster: Target::Current, until_ready } => current::run(until_ready).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo stops here: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does something until it is done or somebody wants the demo to end.
async fn unless_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    tokio::select! {
        outcome = work => outcome.map(Some),
        () = stopped() => Ok(None),
    }
}

/// Waits for Ctrl-C, or for the end of the terminal.
async fn stopped() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        // Nothing can be waited for; the demo ends by being killed.
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}
