//! `msapp prove`: what the policies of an app open, and that it is what the app declares.

use anyhow::Result;
use clap::{Args, ValueEnum};
use msapp_core::build;
use msapp_core::policy::{Counts, Proof, prove};
use serde_json::json;

use super::exit::Outcome;
use super::input::FilesArgs;
use super::output::print;

const EXAMPLES: &str = "\
Examples:
  # who may reach whom, and is that what the resource says?
  msapp prove shop.yaml

  # who may reach the database?
  msapp prove shop.yaml --output json |
    jq -r '.[].matrix | to_entries[] | select(.value[\"orders-db\"]) | .key'

  # what does a change of the resource open?
  diff <(git show HEAD:shop.yaml | msapp prove -) <(msapp prove shop.yaml)

Exit codes:
  0  reachable equals declared
  1  they differ, or the resource has mistakes
  2  wrong usage, or a file cannot be read, or holds no MicroserviceApp";

/// How a proof is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// One line of result, and the table of who may reach whom.
    Text,
    /// An array of {app, namespace, isolated, counts, matrix, closed, differences}.
    Json,
}

/// Proves that the NetworkPolicies of a MicroserviceApp open what it declares and nothing else.
///
/// The policies that the operator would apply are evaluated as Kubernetes specifies them, for every ordered pair of
/// services and for each service with everything around it: both ends of each connection, every port of TCP, UDP and
/// SCTP, every address. The result is compared with the dependencies in the resource. `msapp check` and the operator
/// do the same before anything is written.
///
/// It is a proof about the policies. That they are enforced is the affair of the cluster's network plugin.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ProveArgs {
    /// How the proof is printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    #[command(flatten)]
    files: FilesArgs,
}

/// Runs the command.
pub(super) fn run(args: &ProveArgs) -> Result<Outcome> {
    let Some(input) = args.files.read_unproven()?.unless_mistaken() else { return Ok(Outcome::Mistakes) };
    let proofs: Vec<Proof> = input.resolved.iter().map(|app| prove(app, &build::objects(app))).collect();
    match args.output {
        Output::Text => print(&proofs.iter().map(text).collect::<Vec<_>>().join("\n"))?,
        Output::Json => print(&format!("{:#}\n", json!(proofs)))?,
    }
    Ok(if proofs.iter().all(Proof::holds) { Outcome::Fine } else { Outcome::Mistakes })
}

fn text(proof: &Proof) -> String {
    let Counts { services, places, answers, .. } = proof.counts;
    let mut text = format!("{}\n", proof.summary());
    if answers > 0 {
        let services = if services == 1 { "1 service".to_owned() } else { format!("{services} services") };
        text += &format!("{services}, {places} places around, {} answers compared\n", grouped(answers));
    }
    for difference in &proof.differences {
        text += &format!("difference: {difference}\n");
    }
    match proof.counts.differences - proof.differences.len() {
        0 => {}
        more => text += &format!("and {more} more\n"),
    }
    if !proof.matrix.is_empty() {
        text += &format!("\n{}", table(proof));
    }
    text
}

/// One line for each pair; a caller is named on its first line only.
fn table(proof: &Proof) -> String {
    let rows = rows(proof);
    let width = |column: usize, head: &str| {
        rows.iter().map(|row| row[column].len()).chain([head.len()]).max().unwrap_or_default()
    };
    let (from, to) = (width(0, "FROM"), width(1, "TO"));
    let mut table = format!("{:from$}  {:to$}  PORTS\n", "FROM", "TO");
    for [caller, called, ports] in &rows {
        table += &format!("{caller:from$}  {called:to$}  {ports}\n");
    }
    table
}

/// What is open, and behind it what cannot be.
fn rows(proof: &Proof) -> Vec<[String; 3]> {
    let mut rows = Vec::new();
    for (from, open) in &proof.matrix {
        let open = open.iter().map(|(to, ports)| (to.clone(), ports.to_string()));
        let closed = proof.closed.get(from).into_iter().flatten();
        let closed = closed.map(|to| (to.clone(), "nothing: only its name is known".to_owned()));
        for (at, (to, ports)) in open.chain(closed).enumerate() {
            rows.push([if at == 0 { from.clone() } else { String::new() }, to, ports]);
        }
    }
    rows
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_thousands() {
        let shown = [0, 12, 999, 1_000, 98_765, 123_456, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "12", "999", "1,000", "98,765", "123,456", "1,234,567"]);
    }

    #[test]
    fn differences_are_told_before_the_table_and_the_rest_is_counted() {
        let broken = |app: &msapp_core::graph::App| {
            let mut proof = prove(app, &msapp_core::desired::DesiredSet::default());
            proof.counts.differences += 2;
            proof
        };
        let spec = json!({"services": [{"name": "web", "image": "web:1"}]});
        let (name, namespace) = ("shop".to_owned(), "shop".to_owned());
        let source =
            msapp_core::source::Source { name, namespace, generation: 1, spec, ..Default::default() };
        let app = msapp_core::graph::resolve(&source).expect("it is right");
        assert_eq!(
            text(&broken(&app)),
            "shop: 0 pairs, both directions, every port: 3 differences between reachable and declared\n\
             difference: nothing makes pods of web\nand 2 more\n"
        );
    }
}
