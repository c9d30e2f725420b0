//! How much memory and processor time the operator takes.

use std::{fmt::Write, time::Duration};

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use msapp_e2e::{Node, PATIENCE, images::Image, wait_until};
use serde_json::Value;

use super::{
    IMAGE,
    release::{Release, kernel_file, process},
};
use crate::stage::{OPERATOR, Stage};

/// How many apps there are when it is measured.
const COUNTS: [usize; 3] = [0, 10, 50];
/// Nothing is left to be done.
const QUIET: Duration = Duration::from_secs(3);
/// In which `/proc` counts processor time, in hertz. See <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>.
const TICKS: f64 = 100.0;

/// Two services, one calls the other; one has a pod. A node holds no more than 110 pods.
fn app(number: usize) -> String {
    format!(
        "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {{name: app-{number}, namespace: app-{number}}}
spec:
  defaults:
    resources: {{requests: {{cpu: 1m, memory: 8Mi}}}}
  services:
  - name: front
    image: {IMAGE}
    ports: [{{name: http, port: 80, targetPort: 8080}}]
    dependencies: [{{name: back}}]
  - {{name: back, image: {IMAGE}, replicas: 0, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
"
    )
}

pub(super) async fn figures(stage: Stage) -> Result<()> {
    let node = Node::start().await?;
    node.load_built(&[Image::Workload, Image::Operator]).await?;
    let release = Release::install(&node).await?;
    let leader = &release.settled().await?[0];
    let mut there = 0;
    for count in COUNTS {
        let before = processor_seconds(process(leader)?)?;
        create(&node, there..count).await?;
        node.audit().await?.quiet(&Release::user(), QUIET).await?;
        let spent = processor_seconds(process(leader)?)? - before;
        let (memory, processor) = measured(&node, &leader.name_any()).await?;
        let made = if count > there {
            format!(", {spent:.1} s of processor time to bring up the last {}", count - there)
        } else {
            String::new()
        };
        stage.figure(format!(
            "with {count} apps (two services and one pod each) the leading operator takes {memory:.0} MiB, and {processor:.1} thousandths of a core while nothing changes{made}"
        ));
        there = count;
    }
    let now = release.settled().await?;
    ensure!(now[0].uid() == leader.uid(), "another operator leads");
    Ok(())
}

/// Makes apps, each in a namespace of its own, and waits until they are ready.
async fn create(node: &Node, numbers: std::ops::Range<usize>) -> Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (mut namespaces, mut apps) = (String::new(), String::new());
    for number in numbers {
        write!(namespaces, "---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: app-{number}}}}}\n")?;
        write!(apps, "---{}", app(number))?;
    }
    node.kubectl_with(["apply", "--server-side", "-f", "-"], &namespaces).await?;
    node.kubectl_with(["apply", "--server-side", "-f", "-"], &apps).await?;
    let wait = ["wait", "msapp", "--all", "-A", "--for=condition=Ready", "--timeout=240s"];
    if let Err(error) = node.kubectl(wait).await {
        return Err(error.context(node.kubectl(["get", "msapp,pods", "-A"]).await?));
    }
    Ok(())
}

/// What the process has used so far, in seconds: fields 14 and 15, of which the second has spaces and ends with `)`.
fn processor_seconds(process: u32) -> Result<f64> {
    let line = kernel_file(process, "stat")?;
    let fields: Vec<&str> = line.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: f64 = fields
        .get(11..13)
        .context("too few fields")?
        .iter()
        .map(|field| field.parse::<f64>())
        .sum::<Result<_, _>>()?;
    Ok(ticks / TICKS)
}

/// Memory in MiB and processor time in thousandths of a core, as `kubectl top` has them: of a time that began after now.
async fn measured(node: &Node, pod: &str) -> Result<(f64, f64)> {
    let path = format!("--raw=/apis/metrics.k8s.io/v1beta1/namespaces/{OPERATOR}/pods/{pod}");
    let read = async || -> Result<Value> { Ok(serde_json::from_str(&node.kubectl(["get", &path]).await?)?) };
    let mut latest = wait_until("the first figures of the operator", PATIENCE, &read).await?;
    // The next figures are of a time that began before now, and those behind them of the time from there on.
    for _ in 0..2 {
        latest = wait_until("new figures of the operator", PATIENCE, async || {
            let now = read().await?;
            ensure!(now["timestamp"] != latest["timestamp"], "none since {}", now["timestamp"]);
            Ok(now)
        })
        .await?;
    }
    let usage = &latest["containers"][0]["usage"];
    let memory = amount(usage["memory"].as_str(), &[("Ki", 1.0 / 1024.0), ("Mi", 1.0)])?;
    Ok((memory, amount(usage["cpu"].as_str(), &[("n", 1e-6), ("u", 1e-3), ("m", 1.0)])?))
}

/// The number of a quantity, in the unit for which the factors are given.
fn amount(quantity: Option<&str>, factors: &[(&str, f64)]) -> Result<f64> {
    let text = quantity.context("no quantity")?;
    let found = factors.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = found.with_context(|| format!("the quantity {text}"))?;
    Ok(number.parse::<f64>()? * factor)
}
