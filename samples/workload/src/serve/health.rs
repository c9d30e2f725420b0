//! How the service says it is.

use super::Service;
use std::sync::Arc;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server;
use tonic_health::server::HealthReporter;

/// The questions that probes ask.
#[derive(Clone, Copy, Debug)]
pub enum Health {
    /// Whether it should be restarted.
    Alive,
    /// Whether it should get requests.
    Ready,
    /// Both at once.
    Healthy,
}

impl Health {
    /// The answer of this moment.
    pub fn of(self, service: &Service) -> bool {
        let trouble = service.trouble.borrow();
        let ready = trouble.ready && !service.stopping.is_cancelled();
        match self {
            Self::Alive => trouble.alive,
            Self::Ready => ready,
            Self::Healthy => trouble.alive && ready,
        }
    }
}

/// What `grpc.health.v1` calls them; the empty name is the server as a whole.
const GRPC_NAMES: [(&str, Health); 3] =
    [("", Health::Healthy), ("liveness", Health::Alive), ("readiness", Health::Ready)];

/// The health service of gRPC, which follows the health of `service`; its streams end with the token `closing`.
///
/// <https://github.com/grpc/grpc/blob/master/doc/health-checking.md>
pub fn grpc(
    service: &Arc<Service>,
    closing: tokio_util::sync::CancellationToken,
) -> health_server::HealthServer<impl health_server::Health + use<>> {
    let (reporter, server) = tonic_health::server::health_reporter();
    tokio::spawn(follow(service.clone(), reporter, closing));
    server
}

async fn follow(
    service: Arc<Service>,
    mut reporter: HealthReporter,
    closing: tokio_util::sync::CancellationToken,
) {
    let mut trouble = service.trouble.subscribe();
    loop {
        let stopping = service.stopping.is_cancelled();
        for (name, health) in GRPC_NAMES {
            let status = if health.of(&service) { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status(name, status).await;
        }
        tokio::select! {
            _ = trouble.changed() => {}
            () = service.stopping.cancelled(), if !stopping => {}
            () = closing.cancelled() => break,
        }
    }
    for (name, _) in GRPC_NAMES {
        reporter.clear_service_status(name).await;
    }
}
