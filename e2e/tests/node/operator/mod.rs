//! The operator as a pod: what it may, what it needs, how it hands over and how large it is.

mod egress;
mod handover;
mod restricted;
mod rights;
mod size;
mod token;
mod upgrade;

pub(crate) mod release;

use anyhow::{Context, Result, ensure};
use msapp_e2e::{Namespace, PATIENCE, wait_until};

use crate::{Company, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "operator::its_pods_may_nothing_on_the_node",
        promise: "The operator runs as two pods in a namespace that enforces `restricted`: as nobody, on a read-only file system, without a capability, with no credential but its own",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(restricted::pods(stage)),
    },
    Scenario {
        name: "operator::it_uses_every_right_that_it_has_and_no_other",
        promise: "Everything that the chart grants to the operator is used, and nothing else is asked for",
        small: false,
        company: Company::Alone,
        run: |stage| Box::pin(rights::used(stage)),
    },
    Scenario {
        name: "operator::it_reaches_the_api_server_and_nothing_else",
        promise: "With `networkPolicy.enabled` the operator reaches the API server and nothing else, and works",
        small: false,
        company: Company::Alone,
        run: |stage| Box::pin(egress::closed(stage)),
    },
    Scenario {
        name: "operator::it_goes_on_with_a_new_token_without_a_restart",
        promise: "When the kubelet replaces its token the operator goes on with the new one, without a restart and without another one leading",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(token::replaced(stage)),
    },
    Scenario {
        name: "operator::another_one_acts_when_the_leader_is_gone",
        promise: "When the leading operator is deleted, or hangs, the other one acts within seconds",
        small: false,
        company: Company::Alone,
        run: |stage| Box::pin(handover::takes_over(stage)),
    },
    Scenario {
        name: "operator::its_upgrade_restarts_no_application",
        promise: "An upgrade of the operator restarts no pod of an application, and the application stays Ready",
        small: false,
        company: Company::Alone,
        run: |stage| Box::pin(upgrade::restarts_nothing(stage)),
    },
    Scenario {
        name: "operator::it_stays_small",
        promise: "The operator needs little memory and, while nothing changes, hardly any processor time",
        small: false,
        company: Company::Alone,
        run: |stage| Box::pin(size::figures(stage)),
    },
];

/// One of the names that the image of the workload has.
const IMAGE: &str = "registry.example/shop/catalog:1.9.0";

/// Applies documents in which `IMAGE` is one of the workload, and waits until the app of this name is ready.
async fn bring_up(namespace: &Namespace, name: &str, documents: &str) -> Result<()> {
    namespace.apply(&documents.replace("IMAGE", IMAGE)).await?;
    let wait = ["wait", &format!("msapp/{name}"), "--for=condition=Ready", "--timeout=120s"];
    if let Err(error) = namespace.kubectl(&wait).await {
        let seen = namespace.kubectl(&["get", "msapp,pods,events", "-o", "wide"]).await?;
        return Err(error.context(seen));
    }
    Ok(())
}

/// Asks for so many pods of each service, and waits until the operator has told the Deployment.
async fn scale(namespace: &Namespace, name: &str, deployment: &str, replicas: u32) -> Result<()> {
    let patch = format!("--patch={{\"spec\":{{\"defaults\":{{\"replicas\":{replicas}}}}}}}");
    namespace.kubectl(&["patch", &format!("msapp/{name}"), "--type=merge", &patch]).await?;
    wait_until(&format!("{replicas} replicas to be asked for"), PATIENCE, async || {
        let asked = ["get", "deployment", deployment, "-o", "jsonpath={.spec.replicas}"];
        let asked = namespace.kubectl(&asked).await?;
        ensure!(asked == replicas.to_string(), "there are to be {asked}");
        Ok(())
    })
    .await
    .context("the operator does not act")
}
