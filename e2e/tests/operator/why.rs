//! `msapp why --live` tells the first link of a connection that is missing in a cluster.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use msapp_e2e::{Access, Cluster, Operator, msapp_binary};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::apps::{App, CHAIN};

/// Exit code, and the links by name: state and sentence.
async fn links(access: &Access, app: &App) -> Result<(i32, Vec<(String, String, String)>)> {
    let mut command = Command::new(msapp_binary()?);
    command.args(["why", "-", "web", "api", "--live", "-o", "json", "--namespace", app.namespace.name()]);
    command.env("KUBECONFIG", access.kubeconfig());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start `msapp why`")?;
    let mut stdin = child.stdin.take().context("`msapp why` has no standard input")?;
    stdin.write_all(CHAIN.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    ensure!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let links = told["live"].as_array().context("a list")?.iter();
    let links = links.map(|link| (text(&link["what"]), text(&link["state"]), text(&link["sentence"])));
    Ok((output.status.code().context("it ends by itself")?, links.collect()))
}

#[tokio::test]
async fn why_follows_a_connection_through_the_cluster() -> Result<()> {
    let cluster = Cluster::shared().await;
    let operator = Operator::shared().await;
    let app = App::ready_chain(&cluster, "why-live").await?;
    let (code, whole) = links(&cluster, &app).await?;
    let names: Vec<&str> = whole.iter().map(|(what, ..)| what.as_str()).collect();
    assert_eq!(
        names,
        [
            "pods of web",
            "DNS",
            "NetworkPolicy web",
            "Service api",
            "EndpointSlices of api",
            "NetworkPolicy api",
            "pods of api"
        ]
    );
    // This control plane runs no DNS, so that nobody can say how it is.
    assert!(
        whole.iter().all(|(what, state, _)| state == if what == "DNS" { "unknown" } else { "ok" }),
        "{whole:?}"
    );
    assert_eq!(code, 0);

    app.namespace
        .kubectl(&[
            "annotate",
            "pod",
            "--selector",
            "msapp.dev/service=api",
            "kwok.msapp.test/fate=never-ready",
        ])
        .await?;
    app.until("api to be down", |status| {
        status.services.iter().any(|service| service.name == "api" && service.ready == 0)
    })
    .await?;
    let (code, broken) = links(&cluster, &app).await?;
    let missing: Vec<String> = broken
        .iter()
        .filter(|(_, state, _)| state == "missing")
        .map(|(what, _, sentence)| format!("{what}: {sentence}"))
        .collect();
    assert_eq!(
        missing,
        ["EndpointSlices of api: none of 1 endpoints is ready", "pods of api: the only one is not ready"]
    );
    assert_eq!(code, 1);
    drop(operator);
    Ok(())
}
