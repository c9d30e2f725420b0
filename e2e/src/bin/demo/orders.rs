//! The line that tells how the shop and its orders are.

use std::{
    io::{IsTerminal, Write, stdout},
    time::Duration,
};

use anyhow::Result;
use kube::Api;
use msapp_crds::v1alpha1::MicroserviceApp;
use msapp_e2e::{Access, Customers, Orders};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::shop::NAMESPACE;

/// Whoever asks more often takes the node away from the shop: each time, three programs are started.
const PERIOD: Duration = Duration::from_secs(2);

/// Tells every other second. On a terminal the orders take the place of those before, as long as the status says the
/// same.
pub(crate) struct Ticker<'a> {
    access: &'a Access,
    apps: Api<MicroserviceApp>,
    clock: Interval,
    told: String,
}

impl<'a> Ticker<'a> {
    pub(crate) async fn new(access: &'a Access) -> Result<Self> {
        let mut clock = interval(PERIOD);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let apps = Api::namespaced(access.client().await?, NAMESPACE);
        Ok(Self { access, apps, clock, told: String::new() })
    }

    /// Waits until it is time again, and tells.
    pub(crate) async fn tick(&mut self) -> Result<Orders> {
        self.clock.tick().await;
        let status = self.status().await?;
        // Whoever breaks a database cannot have its rows counted meanwhile.
        let counted = tokio::try_join!(Customers::report(self.access), Orders::count(self.access));
        let orders = match &counted {
            Ok((customers, orders)) => sentence(customers, orders),
            Err(error) => format!("orders: cannot {error}"),
        };
        self.print(&status, &orders)?;
        Ok(counted.unwrap_or_default().1)
    }

    fn print(&mut self, status: &str, orders: &str) -> Result<()> {
        let mut out = stdout().lock();
        if !out.is_terminal() {
            writeln!(out, "{status}   {orders}")?;
        } else if self.told == status {
            write!(out, "\r\x1b[2K{orders}")?;
        } else {
            // What broke it may be a long sentence: only the line of the orders is written over.
            write!(out, "\n{status}\n{orders}")?;
        }
        out.flush()?;
        status.clone_into(&mut self.told);
        Ok(())
    }

    async fn status(&self) -> Result<String> {
        let Some(app) = self.apps.get_opt("shop").await? else { return Ok("there is no shop".to_owned()) };
        let status = app.status.unwrap_or_default();
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        Ok(match ready {
            Some(ready) if ready.status == "True" => {
                format!("shop: {} ready", status.summary.unwrap_or_default())
            }
            Some(ready) => format!("shop: {}", ready.message),
            None => "shop: nothing is known yet".to_owned(),
        })
    }
}

fn sentence(customers: &Customers, orders: &Orders) -> String {
    let (Customers { placed, failed }, Orders { stored, processed, confirmed }) = (customers, orders);
    format!(
        "orders: {placed} placed, {failed} failed   PostgreSQL: {stored} stored   \
         RabbitMQ: {processed} processed, {confirmed} confirmed"
    )
}
