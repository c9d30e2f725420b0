//! What `msapp plan` tells is what happens.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use msapp_e2e::{Access, Cluster, Operator, msapp_binary};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::{
    apps::{App, CHAIN, CHAIN_SECRET, respecified},
    manifests::{everything, sample},
};

/// What the command did.
struct Planned {
    code: i32,
    text: String,
}

/// Runs `msapp plan` of a resource, as a user with this kubeconfig does.
async fn plan(access: &Access, app: &App, resource: &str, arguments: &[&str]) -> Result<Planned> {
    let mut command = Command::new(msapp_binary()?);
    command.args(["plan", "-", "--exit-code", "--namespace", app.namespace.name()]).args(arguments);
    command.env("KUBECONFIG", access.kubeconfig());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start `msapp plan`")?;
    let mut stdin = child.stdin.take().context("`msapp plan` has no standard input")?;
    stdin.write_all(resource.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let complaint = String::from_utf8(output.stderr)?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(complaint.is_empty(), "{complaint}\n{text}");
    Ok(Planned { code: output.status.code().context("it ends by itself")?, text })
}

/// The plan of the only app, as a machine reads it.
async fn planned(access: &Access, app: &App, resource: &str) -> Result<Value> {
    let Planned { text, .. } = plan(access, app, resource, &["--output", "json"]).await?;
    let plans: Value = serde_json::from_str(&text)?;
    Ok(plans[0].clone())
}

/// `Kind/name` of what a plan does something about.
fn touched(plan: &Value) -> Vec<String> {
    let objects = plan["objects"].as_array().into_iter().flatten();
    let touched = objects.filter(|object| object["action"] != "Keep");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut names: Vec<String> =
        touched.map(|object| format!("{}/{}", text(&object["kind"]), text(&object["name"]))).collect();
    names.sort();
    names
}

/// Services that something happens to: name, effect and reasons.
fn forecast(plan: &Value) -> Vec<(String, String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let services = plan["services"].as_array().into_iter().flatten();
    services
        .filter(|service| service["effect"] != "Stays")
        .map(|service| {
            let reasons = service["reasons"].as_array().into_iter().flatten().map(text).collect();
            (text(&service["name"]), text(&service["effect"]), reasons)
        })
        .collect()
}

async fn assert_nothing_to_do(access: &Access, app: &App, resource: &str) -> Result<()> {
    let Planned { code, text } = plan(access, app, resource, &[]).await?;
    ensure!(code == 0 && text.contains("nothing to do"), "exit code {code}:\n{text}");
    Ok(())
}

#[tokio::test]
async fn plan_of_what_runs_is_nothing_to_do() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let shop = sample("shop")?;
    let app = App::create(&cluster, "plan-shop", &[&sample("shop-secrets")?, &shop]).await?;
    app.ready().await?;
    assert_nothing_to_do(&cluster, &app, &shop).await?;

    let everything = everything();
    let app = App::create(&cluster, "plan-all", &[&everything]).await?;
    app.until("the app to be written", |status| !status.services.is_empty()).await?;
    let plan = planned(&cluster, &app, &everything).await?;
    // What waits for something that this namespace lacks is told as waiting.
    let objects = plan["objects"].as_array().context("a list")?;
    let others: Vec<_> =
        objects.iter().filter(|object| object["action"] != "Keep" && object["action"] != "Wait").collect();
    assert!(others.is_empty(), "{others:#?}");
    Ok(())
}

#[tokio::test]
async fn plan_of_another_image_forecasts_exactly_what_happens() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "plan-image").await?;
    let edited = CHAIN.replace("registry.test/api:1", "registry.test/api:2");
    let told = planned(&cluster, &app, &edited).await?;
    assert_eq!(touched(&told), ["Deployment/api"]);
    let restart = ("api".to_owned(), "Restarts".to_owned(), vec!["image api:1 -> api:2".to_owned()]);
    assert_eq!(forecast(&told), [restart]);
    assert_eq!(plan(&cluster, &app, &edited, &[]).await?.code, 3);

    let before = app.children().await?;
    app.namespace.apply(&edited).await?;
    app.ready().await?;
    assert_eq!(respecified(&before, &app.children().await?), touched(&told));
    assert_nothing_to_do(&cluster, &app, &edited).await
}

#[tokio::test]
async fn plan_of_a_deleted_service_forecasts_exactly_what_goes() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "plan-gone").await?;
    let edited = CHAIN.replace("    - name: clock\n      image: registry.test/clock:1\n", "");
    let told = planned(&cluster, &app, &edited).await?;
    assert_eq!(forecast(&told), [("clock".to_owned(), "Stops".to_owned(), vec![])]);
    let before = app.children().await?;
    app.patch(json!([{"op": "remove", "path": "/spec/services/2"}])).await?;
    for name in touched(&told) {
        app.namespace.kubectl(&["wait", "--for=delete", &name, "--timeout=30s"]).await?;
    }
    app.ready().await?;
    assert_eq!(respecified(&before, &app.children().await?), touched(&told));
    assert_nothing_to_do(&cluster, &app, &edited).await
}

#[tokio::test]
async fn plan_tells_of_foreign_objects_drift_and_credentials() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "plan-foreign").await?;
    app.namespace.kubectl(&["create", "configmap", "extra", "--from-literal=a=b"]).await?;
    let extra =
        "    - {name: extra, image: 'registry.test/extra:1', env: [{name: API_TOKEN, value: hunter2}]}\n";
    let edited = CHAIN.replace("  backingServices:", &format!("{extra}  backingServices:")).replace(
        "image: registry.test/clock:1",
        "image: registry.test/clock:1\n      env: [{name: API_TOKEN, value: hunter3}]",
    );
    let Planned { code, text } = plan(&cluster, &app, &edited, &[]).await?;
    assert_eq!(code, 3);
    assert!(
        text.contains("! ConfigMap extra exists already and belongs to field manager \"kubectl-create\""),
        "{text}"
    );
    assert!(text.contains("env[API_TOKEN]: {name: API_TOKEN, value: ***}"), "{text}");
    assert!(text.contains("restarts: clock (API_TOKEN)"), "{text}");
    assert!(!text.contains("hunter"), "{text}");
    Ok(())
}

#[tokio::test]
async fn plan_needs_no_more_than_the_right_to_view() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::ready_chain(&cluster, "plan-view").await?;
    let namespace = app.namespace.name();
    app.namespace.kubectl(&["create", "serviceaccount", "reviewer"]).await?;
    let reviewer = cluster.as_service_account(namespace, "reviewer").await?;
    let told = plan(&reviewer, &app, CHAIN, &[]).await.err().context("nothing is allowed yet")?.to_string();
    let expected = format!("error: you may not list MicroserviceApps in namespace {namespace}: ");
    assert!(told.starts_with(&expected), "{told}");
    let account = format!("--serviceaccount={namespace}:reviewer");
    app.namespace.kubectl(&["create", "rolebinding", "reviewer", "--clusterrole=view", &account]).await?;
    msapp_e2e::wait_until("the right to be there", msapp_e2e::PATIENCE, async || {
        assert_nothing_to_do(&reviewer, &app, CHAIN).await
    })
    .await
}

/// Against a file, as somebody without a connection does.
#[tokio::test]
async fn plan_against_what_kubectl_wrote_is_the_same() -> Result<()> {
    let (cluster, _operator) = (Cluster::shared().await, Operator::shared().await);
    let app = App::create(&cluster, "plan-file", &[CHAIN_SECRET, CHAIN]).await?;
    app.ready().await?;
    let kinds = "msapp,sa,cm,netpol,svc,deploy,hpa,pdb,ing";
    let written = app.namespace.kubectl(&["get", kinds, "--show-managed-fields", "-o", "yaml"]).await?;
    let path = std::env::temp_dir().join(format!("{}.yaml", app.namespace.name()));
    std::fs::write(&path, written)?;
    let edited = CHAIN.replace("registry.test/web:1", "registry.test/web:2");
    let online = plan(&cluster, &app, &edited, &[]).await;
    let offline = plan(&cluster, &app, &edited, &["--observed", path.to_str().context("UTF-8")?]).await;
    std::fs::remove_file(&path)?;
    let (online, offline) = (online?, offline?);
    assert_eq!((online.code, online.text), (offline.code, offline.text));
    Ok(())
}
