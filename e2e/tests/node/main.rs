//! What only containers and traffic can show: scenarios on a cluster with one real node.
//!
//! `cargo test` runs the small ones, where this machine can have such a node; `make e2e-node` runs all of them and
//! writes what they showed into `docs/proof.md`.

mod app;
mod demo;
mod failure;
mod hello;
mod matrix;
mod node;
mod operator;
mod pods;
mod proof;
mod requests;
mod samples;
mod scaling;
mod stage;

use std::{pin::Pin, process::ExitCode};

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use stage::Stage;

/// A promise of the README, and the traffic that shows it.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// `topic::what_is_so`, as tests are named elsewhere.
    pub name: &'static str,
    /// What a user is promised, in one sentence.
    pub promise: &'static str,
    /// Whether `make test` runs it.
    pub small: bool,
    /// Whether others may run at the same time.
    pub company: Company,
    /// Shows it, or says what is otherwise.
    pub run: fn(Stage) -> Showing,
}

/// Who else may be on the node while a scenario runs.
#[derive(Clone, Copy)]
pub(crate) enum Company {
    /// Whoever wants.
    Any,
    /// Nobody: it needs all of the node, or takes away what others need.
    Alone,
}

/// The work of a scenario.
pub(crate) type Showing = Pin<Box<dyn Future<Output = Result<()>>>>;

/// All scenarios, in the order in which docs/proof.md lists them.
fn scenarios() -> Vec<Scenario> {
    [
        node::SCENARIOS,
        hello::SCENARIOS,
        matrix::SCENARIOS,
        demo::SCENARIOS,
        failure::SCENARIOS,
        pods::SCENARIOS,
        scaling::SCENARIOS,
        operator::SCENARIOS,
        requests::SCENARIOS,
    ]
    .concat()
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Runtime::new().expect("an async runtime starts");
    let obstacle = runtime.block_on(msapp_e2e::node_obstacle()).expect("the control plane can be built");
    if let Some(sentence) = &obstacle {
        println!("There is no real node on this machine, so nothing here is run: {sentence}.");
        if arguments.include_ignored || arguments.ignored {
            return ExitCode::FAILURE;
        }
    }
    let stage = Stage::new(runtime.handle().clone());
    let trials =
        scenarios().into_iter().map(|scenario| trial(scenario, &stage, obstacle.is_some())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let written = proof::write(&scenarios(), &stage.shown());
    // The node ends here and not with the process: then nobody would wait until all that it left is removed.
    drop((stage, runtime));
    match written {
        Ok(()) => conclusion.exit_code(),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn trial(scenario: Scenario, stage: &Stage, impossible: bool) -> Trial {
    let stage = stage.of(scenario.name);
    let run = move || stage.run(scenario).map_err(|error| format!("{error:#}").into());
    Trial::test(scenario.name, run).with_ignored_flag(impossible || !scenario.small)
}
