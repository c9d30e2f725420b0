//! The pages `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Metrics;

/// What the pages say.
pub trait Health: Send + Sync + 'static {
    /// Why the process should be restarted, if it should.
    fn stuck(&self) -> Option<String>;
    /// What is missing until the process can do its work; nothing when it can. A standby can.
    fn missing(&self) -> Vec<String>;
    /// What is out of order although the work goes on.
    fn remarks(&self) -> Vec<String>;
    /// Brings metrics up to date that are read off rather than counted.
    fn refresh(&self, metrics: &Metrics);
}

#[derive(Clone)]
struct Pages {
    health: Arc<dyn Health>,
    metrics: Arc<Metrics>,
}

/// Serves the pages until it is cancelled.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    address: String,
    health: Arc<dyn Health>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<()> {
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serves /livez, /readyz and /metrics");
    let pages = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_page))
        .with_state(Pages { health, metrics });
    axum::serve(listener, pages).with_graceful_shutdown(stop.cancelled_owned()).await?;
    Ok(())
}

async fn livez(State(pages): State<Pages>) -> impl IntoResponse {
    match pages.health.stuck() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(reason) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")),
    }
}

async fn readyz(State(pages): State<Pages>) -> impl IntoResponse {
    let missing = pages.health.missing();
    let mut remarks = pages.health.remarks();
    remarks.retain(|remark| !missing.contains(remark));
    let lines = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    if missing.is_empty() {
        (StatusCode::OK, format!("ok\n{}", lines(&remarks)))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}{}", lines(&missing), lines(&remarks)))
    }
}

async fn metrics_page(State(pages): State<Pages>) -> impl IntoResponse {
    pages.health.refresh(&pages.metrics);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], pages.metrics.text())
}
