//! `msapp graph`: the system as a picture.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use msapp_core::build;
use msapp_core::graph::App;
use msapp_core::picture::{self, Picture, dot, mermaid, svg, text};
use msapp_core::policy::prove;
use msapp_core::violation::nearest;

use super::exit::Outcome;
use super::input::FilesArgs;
use super::output::print;

const EXAMPLES: &str = "\
Examples:
  # who calls whom?
  msapp graph shop.yaml

  # a picture for the README: GitHub and GitLab draw Mermaid
  (echo '```mermaid'; msapp graph shop.yaml -o mermaid --by-domain; echo '```') >> README.md

  # a picture for a browser, with events between those who publish and those who consume them
  msapp graph shop.yaml -o svg --events > shop.svg

  # what do the network policies admit around one domain?
  msapp graph shop.yaml --policy --domain ordering

  # with Graphviz
  msapp graph shop.yaml -o dot | dot -Tpng > shop.png

Exit codes:
  0  drawn
  1  the resource has mistakes; nothing is printed but them
  2  wrong usage, or a file cannot be read, or holds no MicroserviceApp";

/// The form of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// A list for terminals: each service with what it calls and who calls it.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// A Graphviz digraph.
    Dot,
    /// A picture of its own, light or dark as the reader has it.
    Svg,
}

/// Draws what calls what, without a cluster.
///
/// Services stand in their domains, with what they call and use and with the entries from outside. What the checks
/// warn of is marked where it stands, and services that call each other in a circle are pointed out. Equal graphs are
/// equal bytes, so a picture in a repository changes when the system does.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct GraphArgs {
    /// The form of the picture.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Form,
    /// Draws events between those who publish and those who consume them, in the place of their edges to brokers.
    #[arg(long, conflicts_with = "policy")]
    events: bool,
    /// Draws what the network policies admit, as their proof finds it, and marks where that is not what is declared.
    #[arg(long)]
    policy: bool,
    /// Draws one domain and its neighbours.
    #[arg(long, value_name = "NAME", conflicts_with = "by_domain")]
    domain: Option<String>,
    /// Draws each domain as one, with how many edges lead from one to another.
    #[arg(long)]
    by_domain: bool,
    #[command(flatten)]
    files: FilesArgs,
}

/// Runs the command.
pub(super) fn run(args: &GraphArgs) -> Result<Outcome> {
    // Where the proof of the policies fails, their picture shows it.
    let read = if args.policy { FilesArgs::read_unproven } else { FilesArgs::read };
    let Some(input) = read(&args.files)?.unless_mistaken() else { return Ok(Outcome::Mistakes) };
    let apps = &input.resolved;
    if apps.len() > 1 && matches!(args.output, Form::Mermaid | Form::Svg) {
        bail!("there are {} MicroserviceApps, and a picture of this form shows one", apps.len());
    }
    let pictures: Vec<Picture> =
        apps.iter().map(|app| part(args, whole(args, app))).collect::<Result<_>>()?;
    let drawn: Vec<String> = pictures.iter().map(|picture| form(args.output, picture)).collect();
    print(&drawn.join("\n"))?;
    Ok(Outcome::Fine)
}

fn whole(args: &GraphArgs, app: &App) -> Picture {
    if args.policy {
        picture::admitted(app, &prove(app, &build::objects(app)))
    } else {
        picture::of(app, args.events)
    }
}

fn part(args: &GraphArgs, whole: Picture) -> Result<Picture> {
    let Some(domain) = args.domain.as_deref() else {
        return Ok(if args.by_domain { whole.by_domain() } else { whole });
    };
    let names = whole.domain_names();
    if !names.contains(domain) {
        let meant = nearest(domain, names.iter().copied());
        let meant = meant.map_or(String::new(), |name| format!("; did you mean {name:?}?"));
        bail!("no service of {} is in a domain {domain:?}{meant}", whole.title());
    }
    Ok(whole.around(domain))
}

fn form(form: Form, picture: &Picture) -> String {
    match form {
        Form::Text => text::render(picture),
        Form::Mermaid => mermaid::render(picture),
        Form::Dot => dot::render(picture),
        Form::Svg => svg::render(picture),
    }
}
