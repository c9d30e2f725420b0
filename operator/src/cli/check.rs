//! `msapp check`: every mistake in a resource, without a cluster.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use console::colors_enabled;

use super::diagnostic::{report, to_json};
use super::exit::Outcome;
use super::input::{self, Input};
use super::output::print;

const EXAMPLES: &str = "\
Examples:
  # check one resource
  msapp check shop.yaml

  # check what Kustomize or Helm makes
  kustomize build overlays/production | msapp check -
  helm template shop ./chart | msapp check -

  # check every manifest of a directory, for a machine
  msapp check deploy/ --output json

Exit codes:
  0  everything is right
  1  there are mistakes
  2  wrong usage, or a file cannot be read, or holds no MicroserviceApp";

/// How mistakes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// As a compiler prints them.
    Text,
    /// An array of {file, line, column, path, code, message, suggestion}.
    Json,
}

/// Checks MicroserviceApps without a cluster and shows every mistake at once.
///
/// Reads YAML or JSON with any number of documents. Everything that is not a MicroserviceApp is passed over. The
/// checks are those of the operator and of the API server: what passes here, they take.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// Files or directories (their .yaml, .yml and .json files); `-` reads the standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How mistakes are printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// Namespace of resources that name none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> Result<Outcome> {
    let input = input::read(&args.files, &args.namespace)?;
    require_apps(&input)?;
    match args.output {
        Output::Text => {
            let report = report(&input.diagnostics, &input.files, colors_enabled());
            print(&format!("{report}{}\n", summary(&input)))?;
        }
        Output::Json => print(&format!("{:#}\n", to_json(&input.diagnostics, &input.files)))?,
    }
    Ok(if input.diagnostics.is_empty() { Outcome::Fine } else { Outcome::Mistakes })
}

/// A pipeline that checks nothing would be green for ever.
pub(super) fn require_apps(input: &Input) -> Result<()> {
    if input.apps == 0 && input.diagnostics.is_empty() {
        bail!("no MicroserviceApp in {}", counted(input.files.len(), "file"));
    }
    Ok(())
}

/// `2 files, 1 app: 3 errors`
pub(super) fn summary(input: &Input) -> String {
    let errors = match input.diagnostics.len() {
        0 => "no errors".to_owned(),
        count => counted(count, "error"),
    };
    format!("{}, {}: {errors}", counted(input.files.len(), "file"), counted(input.apps, "app"))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
