//! What is answered over HTTP, and over gRPC, which is HTTP as well.

use super::{Health, Service, echo, grpc, health};
use crate::trace::Trace;
use crate::work::{self, Job};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The paths at which the samples and usual frameworks ask for health.
const HEALTH: [(&str, Health); 7] = [
    ("/healthz", Health::Healthy),
    ("/livez", Health::Alive),
    ("/alive", Health::Alive),
    ("/actuator/health/liveness", Health::Alive),
    ("/readyz", Health::Ready),
    ("/health", Health::Ready),
    ("/actuator/health/readiness", Health::Ready),
];

/// Everything that is answered; streams end with the token `closing`.
pub fn router(service: &Arc<Service>, closing: &CancellationToken) -> Router {
    let mut router = Router::new();
    for (path, health) in HEALTH {
        router = router.route(
            path,
            get(move |State(service): State<Arc<Service>>| async move { told(health, &service) }),
        );
    }
    router
        .route("/metrics", get(metrics))
        .route("/events", get(events))
        .route("/events/{name}", get(consumed))
        .route("/ws", get(echo::messages))
        .route(grpc::PATH, post(grpc::work))
        .route_service("/grpc.health.v1.Health/{method}", health::grpc(service, closing.clone()))
        .fallback(work)
        .layer(middleware::from_fn_with_state(service.clone(), last))
        .with_state(service.clone())
}

/// The answer to a probe.
pub fn told(health: Health, service: &Service) -> Response {
    if health.of(service) {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not {health:?}\n").to_lowercase()).into_response()
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], service.metrics.text(&service.events.counts())).into_response()
}

async fn events(State(service): State<Arc<Service>>) -> Response {
    Json(service.events.counts()).into_response()
}

async fn consumed(State(service): State<Arc<Service>>, Path(name): Path<String>) -> Response {
    Json(service.events.consumed(&name)).into_response()
}

async fn work(State(service): State<Arc<Service>>, request: Request) -> Response {
    let method = request.method();
    let job = Job {
        what: method.to_string(),
        path: request.uri().path().to_owned(),
        writes: !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS),
        trace: Trace::of(request.headers()),
    };
    let answer = work::run(&service, &job).await;
    let code = answer.failure.as_ref().map_or(StatusCode::OK, |failure| {
        StatusCode::from_u16(failure.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    });
    (code, Json(answer)).into_response()
}

/// While the service stops, each answer is the last one of its connection: clients then open the next one elsewhere.
/// HTTP/2 has a message of its own for that.
async fn last(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let says_so = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    if says_so && service.stopping.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
