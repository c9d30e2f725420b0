//! `msapp plan`: what a resource would change in a cluster, before anything is written.

mod file;
mod found;
mod json;
mod live;
mod text;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use console::colors_enabled;
use msapp_core::reference::References;
use serde_json::Value;

use super::cluster::Cluster;
use super::exit::Outcome;
use super::input::{self, Input};
use super::output::print;
use file::Recorded;
use found::{Preview, preview};

const EXAMPLES: &str = "\
Examples:
  # what would `kubectl apply` of this resource do?
  msapp plan shop.yaml

  # in a pipeline: does this change anything, and what restarts?
  kustomize build overlays/production | msapp plan - --exit-code

  # which services restart, for a machine
  msapp plan shop.yaml -o json | jq -r '.[].services[] | select(.effect == \"Restarts\") | .name'

  # without a connection: against what somebody wrote down
  kubectl get -n shop msapp,sa,cm,netpol,svc,deploy,hpa,pdb,ing --show-managed-fields -o yaml > shop-live.yaml
  msapp plan shop.yaml --observed shop-live.yaml

Marks:
  +  is made        ~  changes        -  is deleted        …  waits        !  is refused

Exit codes:
  0  planned; with --exit-code: there is nothing to do
  1  the resource has mistakes
  2  wrong usage, or a file or the cluster cannot be read
  3  with --exit-code: there is something to do, or something that is refused";

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// An array with an object for each app.
    Json,
}

/// Shows what a MicroserviceApp would change in the cluster, and which services restart, and why.
///
/// It is the same code as in the operator, against the same objects, so what is planned is what happens. Only fields
/// count that the operator sets: defaults and what others own is no difference. Nothing is written.
///
/// Values that look like credentials are shown as `***`: those of names such as DB_PASSWORD, user information of URLs,
/// private keys. Secrets are never read, so a Secret with another content is no part of a plan. ConfigMaps in the same
/// input count as applied together with the resource.
///
/// The ClusterRole `view`, in the namespace of the app, is all that it needs.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct PlanArgs {
    /// Files or directories (their .yaml, .yml and .json files); `-` reads the standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Namespace of resources that name none; that of the kubeconfig's context when absent.
    #[arg(short, long)]
    namespace: Option<String>,
    /// Context of the kubeconfig.
    #[arg(long)]
    context: Option<String>,
    /// Compares with the objects in a file, as `kubectl get -o yaml --show-managed-fields` prints them, and asks no
    /// cluster.
    #[arg(long, value_name = "FILE", conflicts_with = "context")]
    observed: Option<PathBuf>,
    /// How the plan is printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// Ends with exit code 3 when there is something to do.
    #[arg(long)]
    exit_code: bool,
}

/// Where the plan looks.
enum Place {
    Cluster(Cluster),
    File(Recorded),
}

/// Runs the command.
pub(super) async fn run(args: &PlanArgs) -> Result<Outcome> {
    let place = match &args.observed {
        Some(path) => Place::File(Recorded::read(path)?),
        None => Place::Cluster(Cluster::connect(args.context.as_deref()).await?),
    };
    let namespace = args.namespace.as_deref().unwrap_or(match &place {
        Place::Cluster(cluster) => &cluster.namespace,
        Place::File(_) => "default",
    });
    let Some(input) = input::read(&args.files, namespace)?.unless_mistaken() else {
        return Ok(Outcome::Mistakes);
    };
    let previews = previews(input, &place).await?;
    match args.output {
        Output::Text => print(&text::plans(&previews, colors_enabled()))?,
        Output::Json => {
            let plans: Value = previews.iter().map(json::plan).collect();
            print(&format!("{plans:#}\n"))?;
        }
    }
    let is_done = previews.iter().all(|preview| preview.difference.is_empty());
    Ok(if is_done || !args.exit_code { Outcome::Fine } else { Outcome::Changes })
}

async fn previews(mut input: Input, place: &Place) -> Result<Vec<Preview>> {
    let unknown = References::new();
    let mut previews = Vec::new();
    for app in std::mem::take(&mut input.resolved) {
        let found = match place {
            Place::Cluster(cluster) => cluster.find(&app).await?,
            Place::File(recorded) => recorded.find(&app)?,
        };
        let files = input.references.get(&app.namespace).unwrap_or(&unknown);
        previews.push(preview(app, &found, files));
    }
    Ok(previews)
}
