//! Developer tasks: `cargo xtask generate`, `cargo xtask golden --update`, `cargo xtask lint`.

mod command_line;
mod fuzz;
mod generate;
mod length;
mod lint;
mod pictures;
mod purity;
mod reference;
mod schema;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Developer tasks of msapp.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes every generated file: the CRD, the chart's copy, the reference, the command line's page, pictures,
    /// completions.
    Generate {
        /// Writes nothing; fails and names the files that differ from what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Runs the golden tests of the core.
    Golden {
        /// Writes the expected outputs anew.
        #[arg(long)]
        update: bool,
    },
    /// Runs the fuzzer on the commands that need no cluster.
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// The only target that runs.
        #[arg(long)]
        target: Option<String>,
    },
    /// Formatting, clippy, generated files, purity of the core, length of files, dependencies.
    Lint,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Generate { check: false } => generate::write(),
        Task::Generate { check: true } => generate::check(),
        Task::Golden { update } => golden(update),
        Task::Fuzz { seconds, target } => fuzz::run(seconds, target.as_deref()),
        Task::Lint => lint::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn golden(update: bool) -> Result<()> {
    let mut cargo = workspace::cargo(&["test", "-p", "msapp-core", "--test", "golden"]);
    if update {
        cargo.env("MSAPP_UPDATE_GOLDEN", "1");
    }
    workspace::run(cargo)
}
