//! `msapp impact`: what breaks when one thing is down.

use anyhow::Result;
use clap::{Args, ValueEnum};
use msapp_core::impact::{Affected, Down, Effect, EventLoss, Impact, Team, impact};
use serde_json::json;

use super::exit::Outcome;
use super::output::print;
use super::subject::{self, Places, SubjectArgs};

const EXAMPLES: &str = "\
Examples:
  # who notices when cart is down?
  msapp impact shop.yaml cart

  # may the database be taken away for an hour?
  msapp impact shop.yaml orders-db

  # whom to tell, for a machine
  msapp impact shop.yaml orders-db --output json | jq -r '.hard[].owner' | sort -u

Exit codes:
  0  told
  1  the resource has mistakes
  2  wrong usage, a name that the app does not have, or a file cannot be read";

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A tree.
    Text,
    /// An object {app, namespace, down, hard, soft, events, entries}.
    Json,
}

/// Tells what breaks when one service, backing service or external service is down.
///
/// Services that need it over dependencies break with it, and so do those that need these (hard). Dependencies with
/// `optional: true` only degrade their caller (soft). Events stop or pile up, and addresses of `expose` fail.
///
/// It is read off the resource, without a cluster. What a program does about a failure by itself nobody declares.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ImpactArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Service, backing service or external service that is down.
    #[arg(value_name = "SERVICE")]
    name: String,
    /// How it is printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs the command.
pub(super) fn run(args: &ImpactArgs) -> Result<Outcome> {
    let Some(subject) = subject::read(&args.subject)? else { return Ok(Outcome::Mistakes) };
    let impact = impact(&subject.app, &args.name)?;
    match args.output {
        Output::Text => print(&text(&impact, &subject.places))?,
        Output::Json => print(&subject.places.json(json!(impact)))?,
    }
    Ok(Outcome::Fine)
}

fn text(impact: &Impact, places: &Places) -> String {
    let Down { name, kind, team, .. } = &impact.down;
    let mut text = format!("{name} is down ({}{})\n", kind.words(), shown_team(team));
    if impact.hard.is_empty() && impact.soft.is_empty() && impact.events.is_empty() {
        text += "\nno other service notices\n";
    }
    if !impact.hard.is_empty() {
        text += &format!("\nbreak with it: {}\n", impact.hard.len());
        let mut rows = Vec::new();
        tree(impact, name, "", places, &mut rows);
        text += &columns(&rows);
    }
    if !impact.soft.is_empty() {
        text += &format!("\ngo on with less: {}\n", impact.soft.len());
        text += &columns(&impact.soft.iter().map(|one| degraded(one, places)).collect::<Vec<_>>());
    }
    if !impact.events.is_empty() {
        text += "\nevents\n";
        text += &columns(&impact.events.iter().map(|loss| event(loss, places)).collect::<Vec<_>>());
    }
    text + &entries(impact, places)
}

/// Everything that breaks because the parent does, each with what breaks because of it below.
fn tree(impact: &Impact, parent: &str, indent: &str, places: &Places, rows: &mut Vec<[String; 2]>) {
    let children: Vec<&Affected> = impact.hard.iter().filter(|child| child.via[0] == parent).collect();
    for (at, child) in children.iter().enumerate() {
        let last = at + 1 == children.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let team = shown_team(&child.team);
        let team = if team.is_empty() { String::new() } else { format!("  ({})", &team[2..]) };
        rows.push([format!("{indent}{branch}{}{team}", child.service), declared(&child.declared, places)]);
        tree(impact, &child.service, &format!("{indent}{below}"), places, rows);
    }
}

fn degraded(affected: &Affected, places: &Places) -> [String; 2] {
    let told = format!("{} without {}", affected.service, affected.via.join(", "));
    [told, declared(&affected.declared, places)]
}

/// `OrderPlaced: nobody publishes it while order-taking is down; order-processing waits for it`
fn event(loss: &EventLoss, places: &Places) -> [String; 2] {
    let (down, others) = (loss.down.join(", "), loss.concerned.join(", "));
    let is = if loss.down.len() == 1 { "is" } else { "are" };
    let told = match loss.effect {
        Effect::NotCarried => "not carried".to_owned(),
        Effect::NoNewEvents => format!("nobody publishes it while {down} {is} down"),
        Effect::FewerEvents => format!("none of {down}, which {is} down"),
        Effect::PilesUp => format!("piles up at {} while {down} {is} down", loss.broker),
        Effect::ShareWaits => format!("the share of {down} waits at {}", loss.broker),
    };
    let concerned = match loss.effect {
        _ if others.is_empty() => String::new(),
        Effect::NotCarried => format!(" between {others}"),
        Effect::NoNewEvents | Effect::FewerEvents => format!("; consumed by {others}"),
        Effect::PilesUp | Effect::ShareWaits => format!("; still published by {others}"),
    };
    [format!("{}: {told}{concerned}", loss.event), places.of(&loss.path).shown()]
}

fn entries(impact: &Impact, places: &Places) -> String {
    let mut text = String::new();
    for (degraded, title) in [(false, "addresses that fail"), (true, "addresses that answer with less")] {
        let entries = impact.entries.iter().filter(|entry| entry.degraded == degraded);
        let rows: Vec<[String; 2]> = entries
            .map(|entry| [format!("{} ({})", entry.url, entry.service), places.of(&entry.path).shown()])
            .collect();
        if !rows.is_empty() {
            text += &format!("\n{title}\n{}", columns(&rows));
        }
    }
    text
}

fn declared(paths: &[String], places: &Places) -> String {
    let mut shown: Vec<String> = paths.iter().map(|path| places.of(path).shown()).collect();
    shown.dedup();
    shown.join(", ")
}

/// `, domain ordering, team-orders`
fn shown_team(team: &Team) -> String {
    let domain = team.domain.as_ref().map(|domain| format!(", {domain}"));
    let owner = team.owner.as_ref().map(|owner| format!(", {owner}"));
    [domain, owner].into_iter().flatten().collect()
}

/// Two columns, indented.
fn columns(rows: &[[String; 2]]) -> String {
    let width = rows.iter().map(|[left, _]| left.chars().count()).max().unwrap_or_default();
    rows.iter().map(|[left, right]| format!("  {left:width$}  {right}\n")).collect()
}
