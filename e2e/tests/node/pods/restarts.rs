//! How a change reaches the processes that use it, and whom it leaves alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use msapp_e2e::{History, PATIENCE, wait_until};
use serde_json::json;

use super::process::Process;
use crate::{
    app::{self, App},
    stage::Stage,
};

/// Each service uses something in another way; nobody uses anything of the bystander's but its address.
const USERS: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: users}
spec:
  defaults:
    resources: {requests: {cpu: 10m}}
    gracefulStop: {drain: 0s, period: 5s}
  services:
  - name: settings
    image: IMAGE
    files: [{path: /etc/app/settings.yaml, content: 'colour: red'}]
  - name: flags
    image: IMAGE
    files: [{path: /etc/flags, configMap: {name: switches}}]
  - name: token
    image: IMAGE
    env: [{name: TOKEN, secret: {name: token, key: token}}]
  - name: bound
    image: IMAGE
    dependencies: [{name: db}]
  - name: caller
    image: IMAGE
    dependencies: [{name: bystander}]
  - name: bystander
    image: IMAGE
    ports: [{name: http, port: 80, targetPort: 8080}]
  backingServices:
  - {name: db, engine: PostgreSQL, host: 192.0.2.10, database: users, secret: {name: db}}
";

/// What they use, in its first or second state.
const USED: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: switches}
data: {beta: STATE}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: STATE, unused: STATE}
---
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {username: users, password: STATE}
";

/// Those whose pods must be replaced, and the others.
const CONSUMERS: [&str; 4] = ["settings", "flags", "token", "bound"];
const OTHERS: [&str; 2] = ["caller", "bystander"];

const DISCOVERY: &str = "/etc/msapp/discovery/discovery.json";

pub(super) async fn exactly_once(stage: Stage) -> Result<()> {
    let documents = format!("{}---{USERS}", USED.replace("STATE", "first"));
    let app = App::create(&stage, "users", &documents).await?;
    app.ready().await?;
    let pods = History::of(app.pods.clone(), life);
    let caller = app.pod_of("caller").await?;
    app.apply(&USED.replace("STATE", "second")).await?;
    app.patch(json!([
        {"op": "replace", "path": "/spec/services/0/files/0/content", "value": "colour: blue"},
        {"op": "add", "path": "/spec/services/4/dependencies/0/optional", "value": true},
    ]))
    .await?;
    all_is_read(&app).await?;
    app.ready().await?;
    ensure!(app.pod_of("caller").await?.uid() == caller.uid(), "caller was replaced");
    let lives = pods.seen();
    for (services, expected) in [(&CONSUMERS[..], 2), (&OTHERS[..], 1)] {
        for service in services {
            let of_service: BTreeSet<_> = lives.iter().filter(|life| life.service == *service).collect();
            ensure!(of_service.len() == expected, "{service} had the pods {of_service:#?}");
            ensure!(of_service.iter().all(|life| life.restarts == 0), "restarted: {of_service:#?}");
        }
    }
    stage.figure("a changed file, ConfigMap, variable and credential: one restart of each of the four users, none of the two others");
    Ok(())
}

/// A pod, as far as it tells of restarts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    service: String,
    pod: String,
    restarts: i32,
}

fn life(pod: Pod) -> Option<Life> {
    let service = pod.labels().get("msapp.dev/service")?.clone();
    Some(Life { service, restarts: app::restarts(&pod), pod: pod.name_any() })
}

/// Waits until each process sees what has changed, where it looks for it.
async fn all_is_read(app: &App) -> Result<()> {
    let file = |path: &'static str| move |process: &Process| process.file(path);
    reads(app, "settings", "colour: blue", file("/etc/app/settings.yaml")).await?;
    reads(app, "flags", "second", file("/etc/flags/beta")).await?;
    reads(app, "bound", "second", file("/etc/msapp/bindings/db/password")).await?;
    reads(app, "token", "second", |process: &Process| {
        let variables: BTreeMap<String, String> = process.variables()?;
        variables.get("TOKEN").cloned().context("it has no TOKEN")
    })
    .await?;
    reads(app, "caller", "true", |process: &Process| {
        let discovery: serde_json::Value = serde_json::from_str(&process.file(DISCOVERY)?)?;
        Ok(discovery["dependencies"]["bystander"]["optional"].to_string())
    })
    .await
}

async fn reads(
    app: &App,
    service: &str,
    expected: &str,
    look: impl Fn(&Process) -> Result<String>,
) -> Result<()> {
    wait_until(&format!("{service} to see {expected}"), PATIENCE, async || {
        let seen = look(&Process::of(&app.pod_of(service).await?)?)?;
        ensure!(seen == expected, "it sees {seen}");
        Ok(())
    })
    .await
}
