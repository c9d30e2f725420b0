//! Where orders come in: how the trouble is, and what it shall be.

use super::{Health, Service, http};
use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Takes orders from now on, until the process ends.
pub async fn start(service: Arc<Service>) -> anyhow::Result<()> {
    let address = service.settings.control;
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(protocol = "Control", address = %listener.local_addr()?, "listens");
    let router = Router::new()
        .route("/health", get(healthy))
        .route("/trouble", get(told).post(changed))
        .with_state(service);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn healthy(State(service): State<Arc<Service>>) -> Response {
    http::told(Health::Healthy, &service)
}

async fn told(State(service): State<Arc<Service>>) -> Response {
    Json(service.trouble.borrow().clone()).into_response()
}

/// Takes up all changes, or none when one of them is refused.
async fn changed(state: State<Arc<Service>>, Json(changes): Json<Vec<String>>) -> Response {
    let mut trouble = state.trouble.borrow().clone();
    if let Err(refusal) = changes.iter().try_for_each(|change| trouble.change(change)) {
        return (StatusCode::BAD_REQUEST, refusal).into_response();
    }
    tracing::info!(changes = changes.join(" "), "makes trouble");
    state.trouble.send_replace(trouble);
    told(state).await
}
