//! Builds the test control plane, says where it is, and runs its programs.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use msapp_e2e::Tools;

/// The test control plane: real etcd, API server, controllers and scheduler,
/// with nodes and pods simulated by KWOK.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Build it, unless that is done, and print its directory.
    Build,
    /// Print its directory, whether it is built or not.
    Path,
    /// Run one and keep it until Ctrl-C. See `up -- --help`.
    Up {
        /// Flags such as --nodes=3 or --metrics, after `--`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        flags: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().action {
        Action::Build => println!("{}", Tools::built()?.directory().display()),
        Action::Path => println!("{}", Tools::expected()?.directory().display()),
        Action::Up { flags } => {
            let mut up = Command::new(Tools::built()?.program("cluster"));
            return Err(up.arg("up").args(flags).exec()).context("start `cluster up`");
        }
    }
    Ok(())
}
