//! Makes the images of the operator, of the samples and of what is behind them, and loads them into a cluster.

use std::io::Write;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use msapp_e2e::images::{Archive, Destination, Image, built, load};

/// Images of the operator, of the samples' services and of their databases, made without a container engine.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Makes what is missing; prints the digest, size, file and names of each image.
    Build,
    /// Makes what is missing and loads it into a cluster of kind or k3d.
    Load(Cluster),
}

/// Where to.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Cluster {
    /// The name of a cluster of kind.
    #[arg(long, value_name = "CLUSTER")]
    kind: Option<String>,
    /// The name of a cluster of k3d.
    #[arg(long, value_name = "CLUSTER")]
    k3d: Option<String>,
}

fn main() -> Result<()> {
    match Arguments::parse().action {
        Action::Build => print(&built(&Image::FOR_SAMPLES)?),
        Action::Load(Cluster { kind, k3d }) => {
            let destination = kind.map(Destination::Kind).or(k3d.map(Destination::K3d));
            let destination = destination.expect("clap asks for one of them");
            let archives = built(&Image::FOR_SAMPLES)?;
            for archive in &archives {
                load(archive, &destination)?;
            }
            print(&archives)
        }
    }
}

fn print(archives: &[Archive]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    for archive in archives {
        let megabytes = archive.size()? as f64 / 1e6;
        writeln!(output, "{} {megabytes:.1} MB {}", archive.digest, archive.path.display())?;
        for name in &archive.names {
            writeln!(output, "  {name}")?;
        }
    }
    Ok(())
}
