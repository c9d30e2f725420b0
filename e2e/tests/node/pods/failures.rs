//! Whatever keeps a pod down.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use msapp_e2e::{PATIENCE, wait_until};
use serde_json::json;

use crate::{
    app::{self, App, condition, in_parentheses, told},
    stage::Stage,
};

/// One service for each sickness. Its probe keeps each of them from being ready for a moment.
const SICK: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: sick}
spec:
  defaults:
    resources: {requests: {cpu: 10m}, limits: {memory: 64Mi}}
    gracefulStop: {drain: 0s, period: 5s}
    probes: {readiness: {exec: {command: [/app/healthy]}, period: 1s, initialDelay: 3s}}
  services:
  - name: crash
    image: IMAGE
    env: [{name: WORKLOAD_TROUBLE, value: 'crash=3:no_such_database'}]
  - name: ending
    image: IMAGE
    command: [/app/workload, connect, '127.0.0.1:1']
  - name: image
    image: 127.0.0.1:1/shop/nothing:9
  - name: hungry
    image: IMAGE
    env: [{name: WORKLOAD_TROUBLE, value: memory=200}]
  - name: large
    image: IMAGE
    resources: {requests: {cpu: 1k}}
  - name: program
    image: IMAGE
    command: [/no/such/program]
  - name: mount
    image: IMAGE
    files: [{path: /app/workload/settings.yaml, content: a}]
";

/// What the status says of each, beginning and end.
const TOLD: [(&str, &str, &str); 7] = [
    ("crash", "CrashLoopBackOff: exit 3, \"no such database\"", ""),
    ("ending", "CrashLoopBackOff: exit 0: it ends by itself", ""),
    (
        "image",
        "ImagePullBackOff: cannot pull \"127.0.0.1:1/shop/nothing:9\": failed to resolve image: failed to do request: ",
        "dial tcp 127.0.0.1:1: connect: connection refused",
    ),
    ("hungry", "OutOfMemory: killed for using more memory than its limit of 64Mi", ""),
    ("large", "Unschedulable: fits no node: 0/1 nodes are available: 1 Insufficient cpu", ""),
    (
        "program",
        "ContainerNotStarted: cannot start its container: exec: \"/no/such/program\": stat /no/such/program: no such file or directory",
        "",
    ),
    (
        "mount",
        "ContainerNotStarted: cannot start its container: ",
        "/app/workload/settings.yaml: not a directory",
    ),
];

/// Restarts that are waited for, to see whether they are told as something new.
const RESTARTS: i32 = 3;

pub(super) async fn are_told(stage: Stage) -> Result<()> {
    let app = App::create(&stage, "sick", SICK).await?;
    let status = app.until("every sickness to be told", |status| untold(status).is_empty()).await?;
    ensure!(condition(&status, "Degraded").0 == "True", "{}", app::words(&status));
    let (sentence, image) = (condition(&status, "Ready").1, in_parentheses(&told(&status, "image")));
    let expected =
        format!("0/7: image: {image}; also broken: crash, ending, hungry, mount, program and 1 more");
    ensure!(sentence == expected, "{sentence}\nis not\n{expected}");
    let statuses = app.statuses();
    restarted(&app).await?;
    let seen = statuses.seen();
    let different = seen.iter().find(|status| !untold(status).is_empty());
    ensure!(different.is_none(), "a restart is told: {}", app::words(different.unwrap_or(&status)));
    stage.figure(format!(
        "seven kinds of failure told at once; {} changes of the status while three crashing containers were restarted {RESTARTS} times more",
        seen.len().saturating_sub(1)
    ));
    heal(&app).await
}

/// The services of which something else is told, and what.
fn untold(status: &MicroserviceAppStatus) -> Vec<String> {
    let differs = |(service, begin, end): &(&str, &str, &str)| {
        let told = told(status, service);
        let as_expected = told.starts_with(begin) && told.ends_with(end);
        (!as_expected).then(|| format!("{service}: {told}"))
    };
    TOLD.iter().filter_map(differs).collect()
}

/// Waits until those that end have been restarted some times more.
async fn restarted(app: &App) -> Result<()> {
    let count = async || {
        let mut counts = BTreeMap::new();
        for service in ["crash", "ending", "hungry"] {
            counts.insert(service, app::restarts(&app.pod_of(service).await?));
        }
        Ok::<_, anyhow::Error>(counts)
    };
    let before = count().await?;
    wait_until("more restarts", PATIENCE * 2, async || {
        let now = count().await?;
        let enough = now.iter().all(|(service, restarts)| *restarts >= (before[service] + 1).max(RESTARTS));
        ensure!(enough, "{now:?}, and before {before:?}");
        Ok(())
    })
    .await
}

/// Everything is as it should be once the resource is: nobody has to restart anything.
async fn heal(app: &App) -> Result<()> {
    let removed =
        [("0", "env"), ("1", "command"), ("3", "env"), ("4", "resources"), ("5", "command"), ("6", "files")];
    let mut patch: Vec<_> = removed
        .iter()
        .map(|(service, field)| json!({"op": "remove", "path": format!("/spec/services/{service}/{field}")}))
        .collect();
    patch.push(json!({"op": "replace", "path": "/spec/services/2/image", "value": app::IMAGE}));
    app.patch(json!(patch)).await?;
    app.ready().await?;
    Ok(())
}

/// A service that needs a Secret for a variable, one that needs it as a file, and one that calls both.
const WAITING: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: waiting}
spec:
  defaults:
    resources: {requests: {cpu: 10m}}
    gracefulStop: {drain: 0s, period: 5s}
  services:
  - name: variable
    image: IMAGE
    env: [{name: TOKEN, secret: {name: token, key: token}}]
  - name: file
    image: IMAGE
    files: [{path: /etc/token, secret: {name: token}}]
";

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {KEY: opensesame}
";

pub(super) async fn secret_comes_later(stage: Stage) -> Result<()> {
    let app = App::create(&stage, "waiting", WAITING).await?;
    let both = |status: &MicroserviceAppStatus, variable: &str, file: &str| {
        told(status, "variable") == variable && told(status, "file") == file
    };
    let missing = "MissingReference: waits for Secret token";
    app.until("the missing Secret to be told", |status| both(status, missing, missing)).await?;
    app.apply(&SECRET.replace("KEY", "other")).await?;
    let key = "MissingReference: waits for key token of Secret token";
    app.until("the missing key to be told", |status| both(status, key, "")).await?;
    app.apply(&SECRET.replace("KEY", "token")).await?;
    app.ready().await?;
    what_runs_keeps_running(&app).await
}

/// A pod that is made while its Secret is away cannot start, and the status says what is away.
async fn what_runs_keeps_running(app: &App) -> Result<()> {
    app.namespace.kubectl(&["delete", "secret", "token"]).await?;
    let missing = "MissingReference: waits for Secret token";
    app.until("the deleted Secret to be told", |status| told(status, "variable") == missing).await?;
    app.namespace.kubectl(&["delete", "pods", "--all", "--wait=false"]).await?;
    let status =
        app.until("the pods to be down", |status| condition(status, "Available").0 == "False").await?;
    ensure!(told(&status, "variable") == missing, "{}", app::words(&status));
    app.apply(&SECRET.replace("KEY", "token")).await?;
    app.ready().await?;
    Ok(())
}
