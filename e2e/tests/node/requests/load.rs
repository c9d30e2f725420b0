//! An app under a steady load, and what becomes of the requests meanwhile.

use std::{collections::BTreeSet, fmt};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use msapp_e2e::{PATIENCE, wait_until};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{app::App, operator::release::is_ready, stage::Stage};

/// `web` with nothing but what a careful user writes: three pods and a health check. Two clients load it that never
/// send a request again: a regular keeps its connections, a newcomer opens one for each request.
const APP: &str = r#"
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: requests}
spec:
  services:
  - name: web
    image: IMAGE
    replicas: 3
    ports: [{name: http, port: 80, targetPort: 8080}]
    probes: {path: /healthz}
  - name: regular
    image: IMAGE
    args: [load, "http://web/", --rate, "300", --connections, "20"]
    dependencies: [{name: web}]
  - name: newcomer
    image: IMAGE
    args: [load, "http://web/", --rate, "200", --connections, "20", --fresh]
    dependencies: [{name: web}]
"#;

/// How many requests of both clients end at least while something happens.
const REQUESTS: u64 = 10_000;
/// After which time a request of theirs has no answer, in seconds.
const TIMEOUT: f64 = 10.0;

/// The app, and the clients that load it.
pub(super) struct Loaded {
    pub(super) app: App,
}

/// What a client says of its requests so far.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// For how long it sends.
    seconds: f64,
    succeeded: u64,
    failed: u64,
    failures: Vec<Value>,
}

/// What became of the requests of a client while something happened.
pub(super) struct Outcome {
    /// Requests that were answered, or failed.
    pub(super) ended: u64,
    pub(super) failed: u64,
    /// The first failures, in the words of the client.
    pub(super) failures: Vec<Value>,
}

/// What became of the requests of both clients.
pub(super) struct Outcomes {
    pub(super) regular: Outcome,
    pub(super) newcomer: Outcome,
}

impl Outcome {
    /// An error that tells the failures when there are any.
    pub(super) fn none_failed(&self) -> Result<()> {
        ensure!(self.failed == 0, "{} of {} requests failed: {:#?}", self.failed, self.ended, self.failures);
        Ok(())
    }
}

impl Outcomes {
    /// The figure for requests none of which failed; an error when one did.
    pub(super) fn all_answered(&self) -> Result<String> {
        self.regular.none_failed().context("over connections that are kept")?;
        self.newcomer.none_failed().context("over new connections")?;
        Ok(format!("0 of {} requests failed", self.regular.ended + self.newcomer.ended))
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { regular, newcomer } = self;
        write!(text, "{} of {} requests over new connections", newcomer.failed, newcomer.ended)?;
        write!(text, " and {} of {} over kept ones", regular.failed, regular.ended)
    }
}

impl Loaded {
    /// The app, ready, its policies enforced, and answering the clients.
    pub(super) async fn start(stage: &Stage) -> Result<Self> {
        let loaded = Self { app: App::create(stage, "requests", APP).await? };
        loaded.app.ready().await?;
        stage.node().await?.enforced(loaded.app.namespace.name()).await?;
        let flowing = async || {
            let (regular, newcomer) = loaded.reports().await?;
            ensure!(regular.succeeded > 0 && newcomer.succeeded > 0, "{regular:?}, {newcomer:?}");
            Ok(())
        };
        wait_until("the clients to get answers", PATIENCE, flowing).await?;
        Ok(loaded)
    }

    /// Lets something happen, and waits until it is over, every request that was sent by then is answered or failed,
    /// and there were enough of them.
    pub(super) async fn during(&self, fault: impl AsyncFnOnce() -> Result<()>) -> Result<Outcomes> {
        let (regular, newcomer) = self.reports().await?;
        fault().await?;
        let (last_regular, last_newcomer) = self.reports().await?;
        wait_until("enough requests to be answered", PATIENCE, async || {
            let reports = self.reports().await?;
            let outcomes = Outcomes {
                regular: between(&regular, reports.0, &last_regular)?,
                newcomer: between(&newcomer, reports.1, &last_newcomer)?,
            };
            let ended = outcomes.regular.ended + outcomes.newcomer.ended;
            ensure!(ended >= REQUESTS, "only {ended} so far");
            Ok(outcomes)
        })
        .await
    }

    /// Waits until `web` is so many pods, all ready, none of them on its way out, and the app is ready. Who they are.
    pub(super) async fn whole(&self, number: usize) -> Result<BTreeSet<String>> {
        let pods = wait_until("the pods of web to be ready, and no others", PATIENCE, async || {
            let pods = self.app.pods_of("web").await?;
            let seen: Vec<_> = pods.iter().map(|pod| (uid(pod), is_ready(pod))).collect();
            ensure!(pods.len() == number && pods.iter().all(is_ready), "{seen:?}");
            Ok(pods.iter().map(uid).collect())
        })
        .await?;
        self.app.ready().await?;
        Ok(pods)
    }

    async fn reports(&self) -> Result<(Report, Report)> {
        tokio::try_join!(self.report("regular"), self.report("newcomer"))
    }

    async fn report(&self, client: &str) -> Result<Report> {
        let deployment = format!("deployment/{client}");
        let ask = ["exec", &deployment, "--", "/app/workload", "report"];
        serde_json::from_str(&self.app.namespace.kubectl(&ask).await?).context("read a report")
    }
}

/// What became of requests from one report to another; an error while one sent before `last` may still be under way.
fn between(before: &Report, after: Report, last: &Report) -> Result<Outcome> {
    ensure!(after.seconds > last.seconds + TIMEOUT, "requests may be under way: {after:?}");
    let ended = |report: &Report| report.succeeded + report.failed;
    Ok(Outcome {
        ended: ended(&after).checked_sub(ended(before)).context("a client began anew")?,
        failed: after.failed - before.failed,
        failures: after.failures.into_iter().skip(before.failures.len()).collect(),
    })
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}

/// The part of a patch that gives `web` these variables, which replaces its pods.
pub(super) fn environment(variables: &[(&str, &str)]) -> Value {
    let variables: Vec<_> =
        variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json!({"op": "add", "path": "/spec/services/0/env", "value": variables})
}
