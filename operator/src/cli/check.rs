//! `msapp check`: every mistake in a resource, without a cluster.

use anyhow::Result;
use clap::{Args, ValueEnum};
use console::colors_enabled;
use msapp_core::violation::Severity;

use super::diagnostic::{report, to_json};
use super::exit::Outcome;
use super::input::{FilesArgs, Input};
use super::output::print;

const EXAMPLES: &str = "\
Examples:
  # check one resource
  msapp check shop.yaml

  # check what Kustomize or Helm makes
  kustomize build overlays/production | msapp check -
  helm template shop ./chart | msapp check -

  # in a pipeline, take no warnings either
  msapp check shop.yaml --fail-on warning

  # check every manifest of a directory, for a machine
  msapp check deploy/ --output json

Exit codes:
  0  everything is right, or there are only findings below --fail-on
  1  there are mistakes
  2  wrong usage, or a file cannot be read, or holds no MicroserviceApp";

/// How mistakes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// As a compiler prints them.
    Text,
    /// An array of {file, line, column, path, code, severity, message, suggestion, page}.
    Json,
}

/// From which weight on the command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// What the operator would not apply.
    Error,
    /// What is very likely a mistake, too.
    Warning,
    /// What is worth a thought, too.
    Advice,
}

impl FailOn {
    fn severity(self) -> Severity {
        match self {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Advice => Severity::Advice,
        }
    }
}

/// Checks MicroserviceApps without a cluster and shows every mistake at once.
///
/// Reads YAML or JSON with any number of documents. Everything that is not a MicroserviceApp is passed over. The
/// checks are those of the operator and of the API server: what passes here, they take. Warnings and advice of the graph
/// checks stop nothing, unless --fail-on says so; each is explained on a page of its own, and can be waived in the
/// resource (spec.checks.waivers).
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// How mistakes are printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// The least weight that makes the command fail.
    #[arg(long, value_enum, default_value = "error")]
    fail_on: FailOn,
    #[command(flatten)]
    files: FilesArgs,
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> Result<Outcome> {
    let input = args.files.read()?;
    match args.output {
        Output::Text => print(&text(&input, colors_enabled()))?,
        Output::Json => print(&json(&input))?,
    }
    Ok(if input.weighs(args.fail_on.severity()) { Outcome::Mistakes } else { Outcome::Fine })
}

/// What is printed for people.
pub(super) fn text(input: &Input, styled: bool) -> String {
    format!("{}{}\n", report(&input.diagnostics, &input.files, styled), summary(input))
}

/// What is printed for machines.
pub(super) fn json(input: &Input) -> String {
    format!("{:#}\n", to_json(&input.diagnostics, &input.files))
}

/// `2 files, 1 app: 3 errors, 1 warning`
pub(super) fn summary(input: &Input) -> String {
    let count = |severity| input.diagnostics.iter().filter(|found| found.severity == severity).count();
    let errors = match count(Severity::Error) {
        0 => "no errors".to_owned(),
        errors => counted(errors, "error"),
    };
    let rest = [(Severity::Warning, "warning"), (Severity::Advice, "piece of advice")];
    let rest = rest.map(|(severity, what)| match count(severity) {
        0 => String::new(),
        1 => format!(", 1 {what}"),
        found => format!(", {found} {}", what.replacen("piece", "pieces", 1).replace("warning", "warnings")),
    });
    let [warnings, advice] = rest;
    let (files, apps) = (counted(input.files.len(), "file"), counted(input.apps, "app"));
    format!("{files}, {apps}: {errors}{warnings}{advice}")
}

/// `2 files`
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
