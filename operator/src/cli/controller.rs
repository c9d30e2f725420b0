//! `msapp controller`: runs the operator.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{ArgAction, Args};
use kube::Config;

use crate::cluster::{LeaseSettings, Scope};
use crate::controller::{self, ControllerSettings};
use crate::telemetry::{LogFormat, start_logging};

/// Runs the operator until SIGTERM.
///
/// It finds its cluster by KUBECONFIG, or by the service account of its pod.
#[derive(Args, Clone, Debug)]
pub struct ControllerArgs {
    /// Namespaces to look after, with commas between them; none are all
    #[arg(long, env = "MSAPP_WATCH_NAMESPACES", value_delimiter = ',', value_name = "NAMESPACES")]
    watch_namespaces: Vec<String>,

    /// Namespace of the operator itself, where its Lease and its digest key live
    #[arg(long, env = "POD_NAMESPACE", default_value = "msapp-system")]
    namespace: String,

    /// Who holds the lease; the host name with something random when nothing is said
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    identity: Option<String>,

    /// Whether to take part in the election of a leader: needed when there is more than one replica
    #[arg(long, env = "MSAPP_LEADER_ELECTION", action = ArgAction::Set, default_value_t = true, value_name = "BOOL")]
    leader_election: bool,

    /// Name of the Lease
    #[arg(long, env = "MSAPP_LEASE_NAME", default_value = "msapp", value_name = "NAME")]
    lease_name: String,

    /// How long a leader may be silent before another takes over
    #[arg(long, env = "MSAPP_LEASE_DURATION", default_value = "15s", value_parser = duration, value_name = "DURATION")]
    lease_duration: Duration,

    /// Whether to watch which Secrets there are, and to read those that resources refer to in order to hash them
    #[arg(long, env = "MSAPP_READ_SECRETS", action = ArgAction::Set, default_value_t = true, value_name = "BOOL")]
    read_secrets: bool,

    /// Address of /livez, /readyz and /metrics
    #[arg(long, env = "MSAPP_LISTEN", default_value = "0.0.0.0:8080", value_name = "ADDRESS:PORT")]
    listen: String,

    /// Reconciles side by side
    #[arg(long, env = "MSAPP_CONCURRENCY", default_value_t = 8, value_name = "NUMBER")]
    concurrency: usize,

    /// What is logged: a level, or a filter such as `info,msapp=debug`
    #[arg(long, env = "MSAPP_LOG_LEVEL", default_value = "info", value_name = "FILTER")]
    log_level: String,

    /// How it is logged
    #[arg(long, env = "MSAPP_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
}

/// Runs the operator.
///
/// # Errors
/// When it cannot start or breaks down.
pub async fn run(arguments: ControllerArgs) -> Result<()> {
    start_logging(&arguments.log_level, arguments.log_format)?;
    ensure!(arguments.lease_duration >= Duration::from_secs(3), "--lease-duration is shorter than 3s");
    let config = Config::infer().await.context("no cluster is configured")?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), server = %config.cluster_url, "starts");
    controller::run(config, settings(arguments)).await
}

fn settings(arguments: ControllerArgs) -> ControllerSettings {
    let mut namespaces: Vec<String> = arguments.watch_namespaces;
    namespaces.iter_mut().for_each(|namespace| *namespace = namespace.trim().to_owned());
    namespaces.retain(|namespace| !namespace.is_empty());
    namespaces.sort();
    namespaces.dedup();
    ControllerSettings {
        scope: Scope { namespaces, secrets: arguments.read_secrets },
        lease: LeaseSettings {
            namespace: arguments.namespace,
            name: arguments.lease_name,
            identity: arguments.identity.unwrap_or_else(identity),
            duration: arguments.lease_duration,
        },
        leader_election: arguments.leader_election,
        listen: arguments.listen,
        concurrency: arguments.concurrency,
    }
}

fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "msapp" } else { host.trim() };
    format!("{host}-{:08x}", fastrand::u32(..))
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|_| "no duration such as 15s".to_owned())?;
    duration.try_into().map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_kubernetes_writes_them() {
        assert_eq!(duration("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("soon").is_err());
        assert!(duration("-5s").is_err());
    }
}
