//! `msapp explain`: each effective value of a service, and where it comes from.

use anyhow::Result;
use clap::{Args, ValueEnum};
use msapp_core::explain::{Explanation, Fact, explain};
use serde_json::json;

use super::exit::Outcome;
use super::output::print;
use super::subject::{self, Places, SubjectArgs};

const EXAMPLES: &str = "\
Examples:
  # everything about cart: probes, variables, edges, policies, findings
  msapp explain shop.yaml cart

  # where does the period of the readiness probe come from?
  msapp explain shop.yaml cart probes.readiness

  # which line brings this variable?
  msapp explain shop.yaml order-taking env.DATABASE_URL

  # what nobody wrote, for a machine
  msapp explain shop.yaml cart --output json | jq -r '.facts[] | select(.declared | not) | .field'

Exit codes:
  0  told
  1  the resource has mistakes
  2  wrong usage, a name that the app does not have, or a file cannot be read";

/// Widest value that keeps its column; longer ones push the rest of their line.
const WIDEST: usize = 44;

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A table for each section.
    Text,
    /// An object {app, namespace, service, path, facts: [{field, value, declared, because}]}.
    Json,
}

/// Tells each effective value of a service, and the line that it comes from.
///
/// A value stands in the service, in its profile or in the defaults, or follows from something else; then the line is
/// told. What nobody wrote is marked with `msapp`, and with the reason why it is taken. Credentials are never shown:
/// references to Secrets are told by name and key, and text that looks like a credential is hidden.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Service that is explained.
    #[arg(value_name = "SERVICE")]
    name: String,
    /// Only this section (`probes`), part (`probes.readiness`) or value (`env.LOG_FORMAT`).
    #[arg(value_name = "FIELD")]
    field: Option<String>,
    /// How it is printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs the command.
pub(super) fn run(args: &ExplainArgs) -> Result<Outcome> {
    let Some(subject) = subject::read(&args.subject)? else { return Ok(Outcome::Mistakes) };
    let mut explanation = explain(&subject.app, &subject.source, &args.name)?;
    if let Some(field) = &args.field {
        explanation = explanation.narrowed(field)?;
    }
    match args.output {
        Output::Text => print(&text(&explanation, &subject.places))?,
        Output::Json => print(&subject.places.json(json!(explanation)))?,
    }
    Ok(Outcome::Fine)
}

fn text(explanation: &Explanation, places: &Places) -> String {
    let Explanation { app, namespace, service, path, facts } = explanation;
    let mut text = format!("{service} of {app} in {namespace}, {}\n", places.shown(path));
    for section in facts.chunk_by(|one, other| one.section() == other.section()) {
        let rows: Vec<[String; 3]> = section.iter().map(|fact| row(fact, places)).collect();
        text += &format!("\n{}\n{}", section[0].section(), table(&rows));
    }
    text
}

fn row(fact: &Fact, places: &Places) -> [String; 3] {
    let within = fact.field.split_once('.').map_or("", |(_, within)| within);
    let mut lines: Vec<String> = fact.declared.iter().map(|path| places.of(path).shown()).collect();
    lines.dedup();
    let from = if lines.is_empty() { "msapp".to_owned() } else { lines.join(", ") };
    let because = if fact.because.is_empty() { String::new() } else { format!("  {}", fact.because) };
    [within.to_owned(), fact.value.clone(), format!("{from}{because}")]
}

fn table(rows: &[[String; 3]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (field, value) = (width(0), width(1).min(WIDEST));
    let gap = if field > 0 { "  " } else { "" };
    let line = |[within, told, from]: &[String; 3]| format!("  {within:field$}{gap}{told:value$}  {from}\n");
    rows.iter().map(line).collect()
}
