//! What has become of the orders that `samples/shop-orders.yaml` places in the shop.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::access::Access;

/// What the customers have been answered.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Customers {
    /// How many orders the shop has taken.
    #[serde(rename = "succeeded")]
    pub placed: u64,
    /// How many got an error instead, or no answer.
    pub failed: u64,
}

impl Customers {
    /// Asks them.
    ///
    /// # Errors
    /// When they are not there.
    pub async fn report(access: &Access) -> Result<Self> {
        let ask = ["exec", "-n", "ingress-nginx", "deployment/customers", "--", "/app/workload", "report"];
        let text = access.kubectl(ask).await.context("ask the customers")?;
        serde_json::from_str(&text).with_context(|| format!("the customers say {text}"))
    }
}

/// How many orders the databases of the shop have rows of. They have one of each order, however often it came and
/// whatever was restarted in between.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Orders {
    /// Written by order-taking.
    pub stored: u64,
    /// Written by order-processing, which hears of an order through RabbitMQ.
    pub processed: u64,
    /// Written by the warehouse, which hears of it after that, through another event.
    pub confirmed: u64,
}

impl Orders {
    /// Counts them in PostgreSQL.
    ///
    /// # Errors
    /// When a database cannot be asked.
    pub async fn count(access: &Access) -> Result<Self> {
        let (orders, warehouse) = tokio::try_join!(
            rows(access, "orders", [("order-taking", "POST"), ("order-processing", "OrderPlaced")]),
            rows(access, "warehouse", [("warehouse", "OrderConfirmed")]),
        )?;
        let ([stored, processed], [confirmed]) = (orders, warehouse);
        Ok(Self { stored, processed, confirmed })
    }

    /// How many there are more than there were.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            stored: self.stored - before.stored,
            processed: self.processed - before.processed,
            confirmed: self.confirmed - before.confirmed,
        }
    }
}

/// How many rows the tables of services have of which the id begins so; none while there is no such table.
async fn rows<const N: usize>(access: &Access, database: &str, of: [(&str, &str); N]) -> Result<[u64; N]> {
    let pod = format!("deployment/{database}-pg");
    let count =
        |(service, what)| format!("select count(*) from \"workload_{service}\" where id like '{what} %'");
    let queries = of.map(count).join(" union all ");
    let psql = ["/usr/lib/postgresql/15/bin/psql", "-h", "/data", "-U", database, "-qAtc", &queries];
    let ask = ["exec", "-n", "data", pod.as_str(), "--"];
    match access.kubectl(ask.iter().chain(&psql)).await {
        Ok(told) => {
            let counts: Result<Vec<u64>, _> = told.split_whitespace().map(str::parse).collect();
            counts
                .ok()
                .and_then(|counts| counts.try_into().ok())
                .with_context(|| format!("{pod} says {told}"))
        }
        Err(error) if format!("{error:#}").contains("does not exist") => Ok([0; N]),
        Err(error) => Err(error.context(format!("ask {pod}"))),
    }
}
