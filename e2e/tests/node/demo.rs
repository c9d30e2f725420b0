//! `make demo NODE=real`, as a user sees it.

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::{Company, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "demo::the_demo_ends_when_orders_flow_and_leaves_nothing",
    promise: "`make demo NODE=real` goes from nothing to a shop with customers, whose orders go through PostgreSQL and RabbitMQ",
    small: false,
    // It has a node of its own, with all of the shop on it.
    company: Company::Alone,
    run: |_| Box::pin(orders_flow()),
}];

async fn orders_flow() -> Result<()> {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    let output = demo.args(["--cluster=real", "--until-ready"]).kill_on_drop(true).output().await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it ended with {}:\n{printed}\n{complaints}", output.status);
    for expected in ["The shop is ready", "Orders flow", "Nothing is left."] {
        ensure!(printed.contains(expected), "{expected:?} is not in\n{printed}");
    }
    Ok(())
}
