//! The command line: one file for each subcommand, all of them thin, all through `msapp-core`.

mod check;
mod cluster;
mod completion;
mod controller;
mod diagnostic;
mod exit;
mod explain;
mod graph;
mod hidden;
mod impact;
mod input;
mod judgement;
mod output;
mod plan;
mod prove;
mod render;
mod resource;
mod status;
mod subject;
mod why;
mod yaml;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use console::{colors_enabled_stderr, style};

use check::CheckArgs;
use completion::CompletionArgs;
use controller::ControllerArgs;
use exit::Outcome;
use explain::ExplainArgs;
use graph::GraphArgs;
use impact::ImpactArgs;
use plan::PlanArgs;
use prove::ProveArgs;
use render::RenderArgs;
use status::StatusArgs;
use why::WhyArgs;

pub use completion::{Shell, completion_script};
pub use judgement::{Judgement, read_yaml};

const LONG_ABOUT: &str = "\
One MicroserviceApp becomes a whole system of microservices.

msapp is the operator (`msapp controller`) and the tool of those who write MicroserviceApps. Installed under the name \
kubectl-msapp it is a plugin too: `kubectl msapp status`.";

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  the resource has mistakes, or did not become ready in time
  2  wrong usage, or something cannot be read
  3  `plan --exit-code`: there is something to do";

const CONTROLLER_EXAMPLES: &str = "\
Examples:
  # in a pod, as the Helm chart starts it
  msapp controller

  # on a laptop, for the apps of two namespaces of the kubeconfig's cluster
  msapp controller --namespace default --watch-namespaces shop,travel \\
    --leader-election false --log-format text";

const CRD_EXAMPLES: &str = "\
Examples:
  # install it, or bring it up to date
  msapp crd | kubectl apply --server-side -f -

  # does the cluster have this one?
  msapp crd | kubectl diff --server-side -f -";

/// What stands on the command line.
#[derive(Debug, Parser)]
#[command(name = "msapp", version, about = "One MicroserviceApp becomes a whole system of microservices")]
#[command(long_about = LONG_ABOUT, after_help = EXIT_CODES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = false)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(after_long_help = CONTROLLER_EXAMPLES)]
    Controller(Box<ControllerArgs>),
    /// Prints the CustomResourceDefinition.
    ///
    /// It is the one that the Helm chart installs, and that this version of the operator works with.
    #[command(after_long_help = CRD_EXAMPLES)]
    Crd,
    Check(CheckArgs),
    Render(RenderArgs),
    Plan(PlanArgs),
    Prove(ProveArgs),
    Why(WhyArgs),
    Impact(ImpactArgs),
    Explain(ExplainArgs),
    Graph(GraphArgs),
    Status(StatusArgs),
    Completion(CompletionArgs),
}

/// The whole command, for help, documentation and completion. Nothing in it depends on the environment.
pub fn command() -> clap::Command {
    Arguments::command()
        .mut_subcommands(|command| command.mut_args(|argument| argument.hide_env_values(true)))
}

/// Runs what the command line of this process asks for.
pub fn run() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let name = shown_name(arguments.first().map(Path::new));
    let matches = command().bin_name(name).get_matches_from(&arguments);
    let parsed = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = dispatch(parsed.command).unwrap_or_else(|error| {
        eprintln!("{} {error:#}", style("error:").red().bold().force_styling(colors_enabled_stderr()));
        Outcome::CannotRead
    });
    outcome.into()
}

/// Under the name `kubectl-msapp` the binary is a plugin, and help shows what the user types.
fn shown_name(program: Option<&Path>) -> &'static str {
    let stem = program.and_then(Path::file_stem).and_then(|stem| stem.to_str());
    if stem.is_some_and(|stem| stem.starts_with("kubectl-")) { "kubectl msapp" } else { "msapp" }
}

fn dispatch(command: Command) -> Result<Outcome> {
    match command {
        Command::Controller(args) => runtime()?.block_on(controller::run(*args)).map(|()| Outcome::Fine),
        Command::Crd => {
            output::print(&msapp_crds::manifest())?;
            Ok(Outcome::Fine)
        }
        Command::Check(args) => check::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Plan(args) => runtime()?.block_on(plan::run(&args)),
        Command::Prove(args) => prove::run(&args),
        Command::Why(args) => runtime()?.block_on(why::run(&args)),
        Command::Impact(args) => impact::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Status(args) => runtime()?.block_on(status::run(&args)),
        Command::Completion(args) => completion::run(&args),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
