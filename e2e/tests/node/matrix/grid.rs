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

/// What the model says of every target of one end, by address and port.
type Row = BTreeMap<String, bool>;

/// Tries every port of every end from every pod, and compares.
pub(crate) async fn compare(node: &Node, known: &Known) -> Result<Compared> {
    let policies = Policies::new(&known.policies).map_err(|faults| anyhow::anyhow!("{faults:#?}"))?;
    let endpoints: Vec<Endpoint> = known.ends.iter().map(|end| end.endpoint.clone()).collect();
    let model = Evaluation::new(&policies, &endpoints);
    let sources = known.ends.iter().enumerate().filter(|(_, end)| end.prober.is_some());
    let rows = sources.map(async |(from, end)| {
        let expected = row(&model, from, known);
        let differences = differences(node, end, &expected, known).await?;
        Ok::<_, anyhow::Error>((expected, differences))
    });
    let rows: Vec<_> = stream::iter(rows).buffer_unordered(AT_ONCE).try_collect().await?;
    let (expected, differences): (Vec<Row>, Vec<Vec<String>>) = rows.into_iter().unzip();
    let differences = differences.concat();
    ensure!(differences.is_empty(), "{} cells differ:\n{}", differences.len(), differences.join("\n"));
    let cells = expected.iter().map(Row::len).sum::<usize>();
    let open = expected.iter().flat_map(Row::values).filter(|open| **open).count();
    ensure!(open > 0 && cells > open, "nothing is compared: {open} of {cells} are open");
    Ok(Compared { ends: endpoints.len(), ports: known.ports.len(), open, closed: cells - open })
}

fn row(model: &Evaluation<'_>, from: usize, known: &Known) -> Row {
    let others = known.ends.iter().enumerate().filter(|(to, _)| *to != from);
    let cells = others.flat_map(|(to, end)| {
        let open = model.between(from, to);
        let cell =
            move |port: &u16| (format!("{}:{port}", end.address), open.ports(Transport::Tcp).contains(*port));
        known.ports.iter().map(cell)
    });
    cells.collect()
}

/// What is otherwise than expected, in words.
async fn differences(node: &Node, end: &End, expected: &Row, known: &Known) -> Result<Vec<String>> {
    let mut reached = attempt(node, end, expected.keys(), "3s").await?;
    let missing = expected.iter().filter(|(target, open)| **open && !reached[*target]);
    let missing: Vec<String> = missing.map(|(target, _)| target.clone()).collect();
    if !missing.is_empty() {
        // So many packets at once can be too many for a queue of the kernel, which drops them, too: not these few.
        reached.extend(attempt(node, end, missing.iter(), "30s").await?);
    }
    let differing = expected.iter().filter(|(target, open)| reached[*target] != **open);
    let told = differing.map(|(target, open)| {
        let to = known.ends.iter().find(|to| target.starts_with(&format!("{}:", to.address)));
        let to = to.map_or("nobody", |to| &to.name);
        format!("{} to {to}, {target}, should be {}", end.name, if *open { "open" } else { "closed" })
    });
    Ok(told.collect())
}

/// Which targets a pod reaches. That nobody listens there is an answer, too.
async fn attempt<'a>(
    node: &Node,
    end: &'a End,
    targets: impl Iterator<Item = &'a String>,
    timeout: &'a str,
) -> Result<Row> {
    let (namespace, pod) = end.prober.as_ref().context("it can try")?;
    let mut line = vec!["-n", namespace, "exec", pod, "--", "/app/workload", "connect", "--timeout", timeout];
    line.extend(targets.map(String::as_str));
    let asked = line.len() - 9;
    let told = node.kubectl(line).await.with_context(|| format!("try from {}", end.name))?;
    let read = |line| {
        let Tried { target, outcome } = serde_json::from_str(line)?;
        match outcome.as_str() {
            "Open" | "Refused" => Ok((target, true)),
            "Silent" => Ok((target, false)),
            other => bail!("{} to {target}: {other}", end.name),
        }
    };
    let reached: Row = told.lines().map(read).collect::<Result<_>>()?;
    ensure!(reached.len() == asked, "{} tried {} of {asked} targets", end.name, reached.len());
    Ok(reached)
}
