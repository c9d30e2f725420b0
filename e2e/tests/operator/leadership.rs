//! Two operators, of which one works.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use msapp_e2e::{Cluster, Installation, Operator, PATIENCE, Requests, wait_until};
use serde_json::{Value, json};

use crate::{apps::App, tally::child_writes};

struct Pair {
    cluster: Cluster,
    installation: Installation,
    operators: [Operator; 2],
}

impl Pair {
    async fn start(lease_duration: &str) -> Result<Self> {
        let cluster = Cluster::start().await?;
        let duration = format!("leaderElection.leaseDuration={lease_duration}");
        let installation = Installation::install(&cluster, "msapp-system", &[&duration]).await?;
        let first = Operator::start(&installation, &[]).await?;
        let second = Operator::start(&installation, &[]).await?;
        Ok(Self { cluster, installation, operators: [first, second] })
    }

    /// The holder of the Lease, and the other one.
    async fn roles(&self) -> Result<(&Operator, &Operator)> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client().await?, self.installation.namespace());
        wait_until("one of them to hold the Lease", PATIENCE, async || {
            let lease = leases.get("msapp").await?;
            let holder = lease.spec.and_then(|spec| spec.holder_identity).context("it has no holder")?;
            let [first, second] = &self.operators;
            if holder == first.identity() {
                return Ok((first, second));
            }
            ensure!(holder == second.identity(), "its holder is {holder}");
            Ok((second, first))
        })
        .await
    }
}

fn new_image(version: u32) -> Value {
    json!([{"op": "replace", "path": "/spec/services/1/image", "value": format!("registry.test/api:{version}")}])
}

/// Of all that was ever written, the second operator wrote nothing before the last write of the first.
fn assert_one_after_the_other(requests: &Requests, first: &Operator, second: &Operator) {
    let writes = requests.of(&first.user()).writes().filter(|request| request.code < 400);
    let by_second = |credential: &str| credential == second.credential();
    let after: Vec<_> = writes.iter().skip_while(|write| !by_second(&write.credential)).collect();
    assert!(!after.is_empty(), "the second has written nothing:\n{writes}");
    assert!(after.iter().all(|write| by_second(&write.credential)), "they took turns: {after:#?}");
}

#[tokio::test]
async fn when_the_leader_is_killed_the_other_one_acts() -> Result<()> {
    let pair = Pair::start("3s").await?;
    let (leader, other) = pair.roles().await?;
    let app = App::ready_chain(&pair.cluster, "killed").await?;
    let audit = pair.cluster.audit().await?;
    let mark = audit.mark().await?;
    app.patch(new_image(2)).await?;
    leader.kill9().await?;
    app.patch(new_image(3)).await?;
    app.ready().await?;
    let image = ".spec.template.spec.containers[0].image";
    assert_eq!(app.field("Deployment/api", image).await?, "registry.test/api:3");
    audit.quiet_within(app.namespace.name(), &other.user()).await?;
    let by_other = audit.since(mark).await?.with_credential(other.credential());
    assert_eq!(child_writes(&by_other.within(app.namespace.name())), ["patch deployments/api"]);
    assert_one_after_the_other(&audit.since_start().await?, leader, other);
    Ok(())
}

#[tokio::test]
async fn a_leader_that_ends_releases_the_lease() -> Result<()> {
    // Nobody waits long enough for this to run out.
    let pair = Pair::start("120s").await?;
    let (leader, other) = pair.roles().await?;
    let app = App::ready_chain(&pair.cluster, "handover").await?;
    let status = leader.terminate().await?;
    assert!(status.success(), "{status}");
    app.patch(new_image(2)).await?;
    app.ready().await?;
    assert_one_after_the_other(&pair.cluster.audit().await?.since_start().await?, leader, other);
    Ok(())
}

#[tokio::test]
async fn a_leader_that_was_frozen_does_not_write_after_the_other_took_over() -> Result<()> {
    let pair = Pair::start("3s").await?;
    let (leader, other) = pair.roles().await?;
    let app = App::ready_chain(&pair.cluster, "frozen").await?;
    leader.freeze();
    app.patch(new_image(2)).await?;
    app.ready().await?;
    let audit = pair.cluster.audit().await?;
    let mark = audit.mark().await?;
    app.patch(new_image(3)).await?;
    leader.thaw();
    app.ready().await?;
    audit.quiet(&leader.user(), Duration::from_secs(5)).await?;
    let requests = audit.since(mark).await?.within(app.namespace.name());
    let stale = requests.with_credential(leader.credential()).writes();
    assert!(stale.is_empty(), "{stale}");
    assert_eq!(child_writes(&requests.with_credential(other.credential())), ["patch deployments/api"]);
    assert_one_after_the_other(&audit.since_start().await?, leader, other);
    Ok(())
}
