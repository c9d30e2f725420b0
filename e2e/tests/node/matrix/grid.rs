//! Each cell: what the model says of it, and what a real packet meets.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use msapp_core::policy::{Endpoint, Evaluation, Policies, Transport};
use msapp_e2e::Node;
use serde::Deserialize;

use super::ends::{End, Known};

/// Pods that try at the same time; each tries everything at once.
const AT_ONCE: usize = 6;

/// Cells that were compared and are alike.
#[derive(Default)]
pub(crate) struct Compared {
    ends: usize,
    ports: usize,
    open: usize,
    closed: usize,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ends, ports, open, closed } = self;
        let cells = open + closed;
        write!(
            f,
            "{ends} ends, {ports} ports, {cells} cells tried by packets, {open} of them open: each as the model says"
        )
    }
}

/// A line of the prober.
#[derive(Deserialize)]
struct Tried {
    target: String,
    outcome: String,
}

/// Tries every port of every end from every pod, and compares.
pub(crate) async fn compare(node: &Node, known: &Known) -> Result<Compared> {
    let policies = Policies::new(&known.policies).map_err(|faults| anyhow::anyhow!("{faults:#?}"))?;
    let endpoints: Vec<Endpoint> = known.ends.iter().map(|end| end.endpoint.clone()).collect();
    let model = Evaluation::new(&policies, &endpoints);
    let sources = known.ends.iter().enumerate().filter(|(_, end)| end.prober.is_some());
    let rows =
        sources.map(async |(from, end)| Ok::<_, anyhow::Error>((from, attempt(node, end, known).await?)));
    let rows: Vec<_> = stream::iter(rows).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut compared = Compared { ends: endpoints.len(), ports: known.ports.len(), ..Compared::default() };
    let mut differences = Vec::new();
    for (from, reached) in rows {
        for (to, end) in known.ends.iter().enumerate().filter(|(to, _)| *to != from) {
            let open = model.between(from, to);
            for port in &known.ports {
                let expected = open.ports(Transport::Tcp).contains(*port);
                let found = *reached.get(&format!("{}:{port}", end.address)).context("each is tried")?;
                *(if expected { &mut compared.open } else { &mut compared.closed }) += 1;
                if found != expected {
                    let (from, said) = (&known.ends[from].name, if expected { "open" } else { "closed" });
                    differences.push(format!("{from} to {} on {port} should be {said}", end.name));
                }
            }
        }
    }
    ensure!(differences.is_empty(), "{} cells differ:\n{}", differences.len(), differences.join("\n"));
    ensure!(compared.open > 0 && compared.closed > 0, "nothing is compared");
    Ok(compared)
}

/// Which targets a pod reaches. That nobody listens there is an answer, too.
async fn attempt(node: &Node, end: &End, known: &Known) -> Result<BTreeMap<String, bool>> {
    let (namespace, pod) = end.prober.as_ref().context("it can try")?;
    let addresses = known.ends.iter().map(|end| end.address);
    let targets =
        addresses.flat_map(|address| known.ports.iter().map(move |port| format!("{address}:{port}")));
    let mut line = vec!["-n", namespace, "exec", pod, "--", "/app/workload", "connect"];
    let targets: Vec<String> = targets.collect();
    line.extend(targets.iter().map(String::as_str));
    let told = node.kubectl(line).await.with_context(|| format!("try from {}", end.name))?;
    told.lines()
        .map(|line| {
            let Tried { target, outcome } = serde_json::from_str(line)?;
            match outcome.as_str() {
                "Open" | "Refused" => Ok((target, true)),
                "Silent" => Ok((target, false)),
                other => bail!("{} to {target}: {other}", end.name),
            }
        })
        .collect()
}
