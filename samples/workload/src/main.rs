//! Stands for any service of the samples: answers over HTTP, gRPC, WebSocket and TCP, calls what it is told to depend
//! on, carries events, tells its health, and misbehaves when it is asked to. Also the client that loads such services
//! and the prober that tries what a network policy allows. See `README.md`.

mod command;
mod control;
mod discovery;
mod duration;
mod events;
mod load;
mod login;
mod metrics;
mod probe;
mod serve;
mod settings;
mod trace;
mod trouble;
mod work;

use clap::Parser;
use command::{Command, CommandLine};
use std::process::ExitCode;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let command = CommandLine::parse_from(command::arguments(std::env::args().collect())).command;
    match run(command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("workload: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(settings) => serve::run(settings).await?,
        Command::Healthy { control } => return control::healthy(control).await,
        Command::Control { control, changes } => control::change(control, &changes).await?,
        Command::Load(options) => load::run(options).await?,
        Command::Report { control } => control::report(control).await?,
        Command::Connect { timeout, targets } => probe::connect(targets, timeout).await?,
        Command::Resolve { timeout, names } => probe::resolve(names, timeout).await?,
    }
    Ok(ExitCode::SUCCESS)
}
