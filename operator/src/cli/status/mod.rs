//! `msapp status`: how a system is, as a tree in the order of its dependencies.

mod app;
mod apps;
mod changes;
mod shape;
mod text;
mod watch;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use console::{Term, colors_enabled};
use serde_json::Value;

use super::cluster::Cluster;
use super::exit::Outcome;
use super::output::print;
use app::App;
use apps::Selection;
use text::Look;

const EXAMPLES: &str = "\
Examples:
  # the apps of the current namespace, or the tree of the only one
  msapp status

  # one app, redrawn whenever it changes
  msapp status shop -n shop --watch

  # in a pipeline: wait until everything is up
  msapp status shop -n shop --until-ready --timeout 5m

  # what is it that is not ready?
  msapp status shop -o json | jq '.services[] | select(.reason)'

Marks:
  ●  ready        ◐  on its way        ○  waits for something else        ✖  broken

Exit codes:
  0  shown; with --until-ready: it is ready
  1  with --until-ready: it was not ready in time, or was deleted
  2  wrong usage, no such app, or the cluster cannot be read";

/// How the status is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A tree, or a table of several apps.
    Text,
    /// An object for NAME, else an array of them.
    Json,
}

/// Shows how an app is: its services as a tree, callers above what they call, and the first thing that is broken.
///
/// A service that several others call stands in the tree once, below the first of them; the others refer to it with an
/// arrow. The cluster is that of the kubeconfig, as with kubectl.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct StatusArgs {
    /// Name of the app; all of the namespace when absent.
    name: Option<String>,
    /// Namespace; that of the kubeconfig's context when absent.
    #[arg(short, long)]
    namespace: Option<String>,
    /// The apps of all namespaces.
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "name"])]
    all_namespaces: bool,
    /// Shows every change: redraws the tree on a terminal, appends lines elsewhere.
    #[arg(short, long)]
    watch: bool,
    /// Watches until everything is ready at the current generation.
    #[arg(long)]
    until_ready: bool,
    /// How long --until-ready waits: 90s, 5m, 1h.
    #[arg(long, requires = "until_ready", value_parser = duration)]
    timeout: Option<Duration>,
    /// Context of the kubeconfig.
    #[arg(long)]
    context: Option<String>,
    /// How the status is printed.
    #[arg(short, long, value_enum, default_value = "text", conflicts_with_all = ["watch", "until_ready"])]
    output: Output,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "a duration such as 90s, 5m or 1h is needed".to_owned())?;
    Duration::try_from(span).map_err(|_| "a duration is not negative".to_owned())
}

/// Runs the command.
pub(super) async fn run(args: &StatusArgs) -> Result<Outcome> {
    let cluster = Cluster::connect(args.context.as_deref()).await?;
    let namespace =
        (!args.all_namespaces).then(|| args.namespace.clone().unwrap_or_else(|| cluster.namespace.clone()));
    let selection = Selection { namespace, name: args.name.clone() };
    let apps = cluster.fetch(&selection).await?;
    if args.output == Output::Json {
        print(&format!("{:#}\n", to_json(&apps, selection.name.is_some())))?;
        return Ok(Outcome::Fine);
    }
    if args.watch || args.until_ready {
        let goal = watch::Goal { until_ready: args.until_ready, timeout: args.timeout };
        return watch::run(&cluster, &selection, apps, goal).await;
    }
    if apps.is_empty() {
        bail!("no MicroserviceApp in {}", selection.place());
    }
    print(&text::apps(&apps, look(&selection)))?;
    Ok(Outcome::Fine)
}

/// How to draw on the standard output.
fn look(selection: &Selection) -> Look {
    let terminal = Term::stdout();
    let width = terminal.is_term().then(|| usize::from(terminal.size().1));
    Look { styled: colors_enabled(), width, namespaces: selection.namespace.is_none() }
}

fn to_json(apps: &[App], is_named: bool) -> Value {
    let values: Vec<Value> =
        apps.iter().map(|app| serde_json::to_value(app).expect("a status is plain data")).collect();
    match values {
        mut values if is_named && values.len() == 1 => values.remove(0),
        values => Value::Array(values),
    }
}
