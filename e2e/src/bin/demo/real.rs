//! The demo on a real node of its own, with orders that are really placed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use msapp_e2e::{Access, Node, images::Image, msapp_binary, node_obstacle, wait_until};

use crate::{lookout, orders::Ticker, shop, unless_stopped};

const WHAT_IS_REAL: &str = "\
The Kubernetes of this demo is one node on this machine, in namespaces of its own without a way out.
  real       etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, containerd, kube-proxy, CoreDNS,
             Helm, the operator in its own image; PostgreSQL, Redis, RabbitMQ, Memcached
  stand-ins  one small server plays the twelve services and their customers, MongoDB, Elasticsearch, MySQL and whoever
             is outside; network policies are enforced by a program for tests";

/// Everything that the shop and its customers need.
const IMAGES: &[Image] = &Image::FOR_SAMPLES;

/// So many orders have gone all the way when the demo calls it a shop that works.
const FLOWING: u64 = 10;

/// How long that may take.
const LONGEST: Duration = Duration::from_secs(240);

pub(crate) async fn run(until_ready: bool) -> Result<()> {
    if let Some(sentence) = node_obstacle().await? {
        bail!("there is no real node on this machine: {sentence}");
    }
    println!("{WHAT_IS_REAL}\n");
    println!("The control plane and the node start. What is missing is built first, which takes minutes …");
    let Some(node) = unless_stopped(Node::start()).await? else { return Ok(()) };
    println!("The node is ready, {:.1} seconds after its start.", node.start_times()["the node"]);
    let outcome = unless_stopped(show(&node, until_ready)).await;
    println!("\n\nEnding the node with all that is on it …");
    tokio::task::spawn_blocking(|| drop(node)).await?;
    outcome?;
    println!("Nothing is left.");
    Ok(())
}

async fn show(node: &Node, until_ready: bool) -> Result<()> {
    install_operator(node).await?;
    println!("kubectl apply -f samples/shop-data.yaml");
    node.kubectl(["apply", "--server-side", "-f", &shop::sample("shop-data.yaml")]).await?;
    let begin = Instant::now();
    shop::apply(node).await?;
    ensure!(shop::watch_until_ready(node).await?, "the shop did not become ready");
    println!("\nThe shop is ready, {} seconds after it was applied.\n", begin.elapsed().as_secs());
    let wait = ["wait", "-n", "data", "deployment", "--all", "--for=condition=Available", "--timeout=4m"];
    node.kubectl(wait).await.context("the databases of the shop")?;
    println!("kubectl apply -f samples/shop-orders.yaml");
    node.kubectl(["apply", "--server-side", "-f", &shop::sample("shop-orders.yaml")]).await?;
    let wait = ["rollout", "status", "deployment/customers", "-n", "ingress-nginx", "--timeout=4m"];
    node.kubectl(wait).await.context("the customers of the shop")?;
    let mut ticker = Ticker::new(node).await?;
    orders_flow(&mut ticker).await?;
    if until_ready {
        return Ok(());
    }
    println!("{}", hints(node)?);
    loop {
        ticker.tick().await?;
    }
}

async fn install_operator(node: &Node) -> Result<()> {
    println!("The images of the operator, the services and the databases are loaded …");
    node.load_built(IMAGES).await?;
    println!("Helm installs the operator …");
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/msapp");
    let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
    let release = ["install", "msapp", chart, "--namespace", "msapp-system", "--create-namespace", "--wait"];
    node.helm(release).await.context("install the operator")?;
    Ok(())
}

/// Shows how the first orders go through the shop.
async fn orders_flow(ticker: &mut Ticker<'_>) -> Result<()> {
    wait_until("orders to go through the shop", LONGEST, async || {
        let orders = ticker.tick().await?;
        ensure!(orders.confirmed >= FLOWING, "{orders:?}");
        Ok(())
    })
    .await?;
    println!(
        "\n\nOrders flow: each went into PostgreSQL and through RabbitMQ, and from there to the warehouse."
    );
    Ok(())
}

fn hints(node: &Access) -> Result<String> {
    let msapp = msapp_binary()?;
    let programs = [Some(node.tools().directory()), msapp.parent()];
    let programs: Vec<&Path> = programs.into_iter().flatten().collect();
    Ok(lookout::hints(Some(node.kubeconfig()), &programs, &lookout::FAULTS))
}
