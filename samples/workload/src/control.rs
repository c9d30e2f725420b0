//! Orders to a service or a load client of the same pod, over its loopback port.

use crate::work::causes;
use anyhow::{anyhow, bail};
use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Longer than any probe waits by default, and not for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Success when the service says that it is alive and ready; says why not on standard error, where probes read it.
pub async fn healthy(control: SocketAddr) -> anyhow::Result<ExitCode> {
    let (status, body) = ask(control, Method::GET, "/health", String::new()).await?;
    if status.is_success() {
        return Ok(ExitCode::SUCCESS);
    }
    eprint!("{body}");
    Ok(ExitCode::FAILURE)
}

/// Changes the trouble, and prints all of it.
pub async fn change(control: SocketAddr, changes: &[String]) -> anyhow::Result<()> {
    let method = if changes.is_empty() { Method::GET } else { Method::POST };
    print(ask(control, method, "/trouble", serde_json::to_string(changes)?).await?)
}

/// Prints the report of the load client.
pub async fn report(control: SocketAddr) -> anyhow::Result<()> {
    print(ask(control, Method::GET, "/report", String::new()).await?)
}

fn print((status, body): (StatusCode, String)) -> anyhow::Result<()> {
    if !status.is_success() {
        bail!("{body}");
    }
    println!("{body}");
    Ok(())
}

async fn ask(
    control: SocketAddr,
    method: Method,
    path: &str,
    body: String,
) -> anyhow::Result<(StatusCode, String)> {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{control}{path}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = tokio::time::timeout(PATIENCE, client.request(request))
        .await
        .map_err(|_| anyhow!("{control} does not answer"))?
        .map_err(|error| anyhow!(causes(&error)))?;
    let status = response.status();
    let body = to_bytes(Body::new(response.into_body()), 1 << 20).await?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
