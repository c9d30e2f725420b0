//! A part of the shop fails while orders are placed: what its status says, what customers notice, and what is lost.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use msapp_e2e::{Customers, Orders, PATIENCE, wait_until};
use serde_json::Value;

use crate::{Company, Scenario, samples::Sample, stage::Stage};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "failure::a_service_that_crashes_is_named_with_what_it_blocks",
        promise: "A service whose pods all crash is named with its last words and with everybody who waits for it; \
                  when it stops crashing, all is ready without anybody's help",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(crashes(stage)),
    },
    Scenario {
        name: "failure::a_broker_that_dies_costs_no_event",
        promise: "While the broker is dead orders are taken, and none of their events is lost",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(broker_dies(stage)),
    },
    Scenario {
        name: "failure::a_database_that_restarts_is_used_again",
        promise: "A PostgreSQL that restarts is used again without anybody's help, and what it had is still there",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(database_restarts(stage)),
    },
    Scenario {
        name: "failure::a_slow_database_is_no_matter_of_the_status",
        promise: "A database that does not answer in time fails requests and restarts nothing: the status speaks of \
                  pods, and stays Ready",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(database_is_slow(stage)),
    },
];

const CUSTOMERS: &str = include_str!("../../../samples/shop-orders.yaml");

/// So many orders show that they flow.
const FLOWING: u64 = 20;

async fn crashes(stage: Stage) -> Result<()> {
    let shop = Sample::up(&stage, "shop").await?;
    let begin = Instant::now();
    let told = wait_until("the status to say that user crashes", PATIENCE, async || {
        crash(&shop).await?;
        let message = message(&shop).await?;
        ensure!(message.contains("blocks"), "{message}");
        Ok(message)
    })
    .await?;
    stage.figure(format!(
        "{:.1} s after the first crash the status says: {told}",
        begin.elapsed().as_secs_f64()
    ));
    ensure!(
        told == "11/12: user: CrashLoopBackOff (exit 3, \"no space left\"); blocks notification, order-taking, recommendation, wishlist",
        "{told}"
    );
    let begin = Instant::now();
    shop.leave().await?;
    stage.figure(format!("{:.1} s after its last crash all is ready", begin.elapsed().as_secs_f64()));
    Ok(())
}

/// Makes every pod of user crash that runs.
async fn crash(shop: &Sample) -> Result<()> {
    let list = ["get", "pods", "-l", "msapp.dev/service=user", "-o", "name"];
    for pod in shop.kubectl(&list).await?.split_whitespace() {
        let words = ["exec", pod, "--", "/app/workload", "control", "crash=3:no_space_left"];
        // It has crashed already, or takes the connection with it.
        let _ = shop.kubectl(&words).await;
    }
    Ok(())
}

async fn broker_dies(stage: Stage) -> Result<()> {
    let shop = Sample::up(&stage, "shop").await?;
    let shopping = Shopping::begin(&shop).await?;
    let before = Customers::report(shop.node()).await?;
    let away = shopping.restart("rabbitmq", "kill 1").await?;
    let after = Customers::report(shop.node()).await?;
    ensure!(
        after.placed > before.placed,
        "no order was taken without the broker: {after:?} after {before:?}"
    );
    shopping.stayed_ready().await?;
    shopping.flows().await?;
    let result = shopping.end().await?;
    stage.figure(format!(
        "RabbitMQ was away for {away:.1} s and {} orders were placed meanwhile; of {} events published in all, {} were \
         consumed, and the {} that followed from them; {} orders failed, {} of them before or after",
        after.placed - before.placed,
        result.published,
        result.orders.processed,
        result.orders.confirmed,
        result.customers.failed,
        result.customers.failed - (after.failed - before.failed),
    ));
    shop.leave().await
}

async fn database_restarts(stage: Stage) -> Result<()> {
    let shop = Sample::up(&stage, "shop").await?;
    let shopping = Shopping::begin(&shop).await?;
    let away = shopping.restart("orders-pg", "kill -INT 1").await?;
    shopping.flows().await?;
    let result = shopping.end().await?;
    stage.figure(format!(
        "PostgreSQL was away for {away:.1} s: {} orders placed, {} failed, {} events published, {} consumed",
        result.customers.placed, result.customers.failed, result.published, result.orders.processed
    ));
    shop.leave().await
}

async fn database_is_slow(stage: Stage) -> Result<()> {
    let shop = Sample::up(&stage, "shop").await?;
    let shopping = Shopping::begin(&shop).await?;
    let before = Customers::report(shop.node()).await?;
    let lock = "begin; lock table \"workload_order-taking\"; select pg_sleep(15)";
    let psql = ["/usr/lib/postgresql/15/bin/psql", "-h", "/data", "-U", "orders", "-c", lock];
    let ask = ["exec", "-n", "data", "deployment/orders-pg", "--"];
    shop.node().kubectl(ask.iter().chain(&psql)).await?;
    let after = Customers::report(shop.node()).await?;
    ensure!(after.failed > before.failed, "nobody noticed: {after:?}");
    shopping.stayed_ready().await?;
    shopping.flows().await?;
    let result = shopping.end().await?;
    stage.figure(format!(
        "the orders' database answered nothing for 15 s: {} orders placed, {} failed, 0 restarts, Ready all the time",
        result.customers.placed, result.customers.failed
    ));
    shop.leave().await
}

/// Customers who place orders in the shop, and how it was before they came.
struct Shopping<'a> {
    shop: &'a Sample,
    orders: Orders,
    published: u64,
    ready: Ready,
}

/// What the status has said since when, and how often containers were restarted.
#[derive(Debug, PartialEq)]
struct Ready {
    condition: Option<(String, String)>,
    restarts: String,
}

/// What came of it, without what was there before.
#[derive(Debug)]
struct Outcome {
    customers: Customers,
    orders: Orders,
    published: u64,
}

impl<'a> Shopping<'a> {
    /// Lets customers in, and waits until their orders flow.
    async fn begin(shop: &'a Sample) -> Result<Self> {
        let (orders, published) = (Orders::count(shop.node()).await?, published(shop).await?);
        let shopping = Self { shop, orders, published, ready: Ready::of(shop).await? };
        shop.node().kubectl_with(["apply", "--server-side", "-f", "-"], CUSTOMERS).await?;
        shopping.flows().await?;
        Ok(shopping)
    }

    /// Waits until further orders have gone all the way.
    async fn flows(&self) -> Result<()> {
        let mut before = None;
        wait_until("orders to flow", PATIENCE, async || {
            let now = Orders::count(self.shop.node()).await?;
            let before = *before.get_or_insert(now);
            ensure!(now.since(before).confirmed >= FLOWING, "{now:?} after {before:?}");
            Ok(())
        })
        .await
    }

    /// Ends the one container of a pod in the namespace `data` from within, and waits until it runs again; gives how
    /// many seconds it was away. What it keeps in its volume stays.
    async fn restart(&self, name: &str, command: &str) -> Result<f64> {
        let deployment = format!("deployment/{name}");
        let end = ["exec", "-n", "data", &deployment, "--", "sh", "-c", command];
        self.shop.node().kubectl(end).await?;
        let begin = Instant::now();
        self.available(&deployment, "false").await?;
        self.available(&deployment, "true").await?;
        Ok(begin.elapsed().as_secs_f64())
    }

    async fn available(&self, deployment: &str, wanted: &str) -> Result<()> {
        let condition = match wanted {
            "true" => "--for=condition=Available",
            _ => "--for=condition=Available=false",
        };
        self.shop.node().kubectl(["wait", "-n", "data", deployment, condition, "--timeout=90s"]).await?;
        Ok(())
    }

    /// Whether all was ready all the time, in one piece.
    async fn stayed_ready(&self) -> Result<()> {
        let now = Ready::of(self.shop).await?;
        ensure!(now == self.ready, "{now:?} after {:?}", self.ready);
        Ok(())
    }

    /// Sends the customers home and waits until every event has come through: each that was published was consumed,
    /// and so was what followed from it.
    async fn end(self) -> Result<Outcome> {
        let node = self.shop.node();
        let customers = Customers::report(node).await?;
        node.kubectl(["delete", "deployment", "customers", "-n", "ingress-nginx", "--cascade=foreground"])
            .await?;
        wait_until("every event to come through", PATIENCE, async || {
            let orders = Orders::count(node).await?.since(self.orders);
            let published = published(self.shop).await? - self.published;
            let outcome = Outcome { customers, orders, published };
            ensure!(orders.processed == published && orders.confirmed == published, "{outcome:?}");
            ensure!(published >= customers.placed, "{outcome:?}");
            Ok(outcome)
        })
        .await
    }
}

impl Ready {
    async fn of(shop: &Sample) -> Result<Self> {
        let status = shop.status().await?;
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let condition = ready.map(|ready| (ready.status.clone(), ready.last_transition_time.0.to_string()));
        let restarts = "jsonpath={.items[*].status.containerStatuses[*].restartCount}";
        Ok(Self { condition, restarts: shop.kubectl(&["get", "pods", "-o", restarts]).await? })
    }
}

/// How many orders the pods of order-taking have published, by their own books.
async fn published(shop: &Sample) -> Result<u64> {
    let list =
        ["get", "pods", "-l", "msapp.dev/service=order-taking", "-o", "jsonpath={.items[*].metadata.name}"];
    let mut published = 0;
    for pod in shop.kubectl(&list).await?.split_whitespace() {
        let books = format!("/api/v1/namespaces/{}/pods/{pod}:8080/proxy/events", shop.name());
        let books: Value = serde_json::from_str(&shop.kubectl(&["get", "--raw", &books]).await?)?;
        published += books["OrderPlaced"]["published"].as_u64().unwrap_or_default();
    }
    Ok(published)
}

async fn message(shop: &Sample) -> Result<String> {
    let status = shop.status().await?;
    let ready = status.conditions.into_iter().find(|condition| condition.type_ == "Ready");
    Ok(ready.context("a condition Ready")?.message)
}
