//! The command line.

use crate::duration;
use crate::load::LoadOptions;
use crate::settings::Settings;
use clap::{Parser, Subcommand};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Stands for any service of the samples.
#[derive(Parser)]
#[command(name = "workload", version)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can be asked to do.
#[derive(Subcommand)]
pub enum Command {
    /// Be a service, until SIGTERM; without any arguments this is meant
    Serve(Settings),
    /// Ask the service of this pod how it is: 0 when it is alive and ready
    #[command(alias = "healthcheck")]
    Healthy {
        /// Where the service listens for orders
        #[arg(long, env = "WORKLOAD_CONTROL", default_value = SERVE_CONTROL, value_parser = loopback)]
        control: SocketAddr,
    },
    /// Change the trouble that the service of this pod makes, and print what it is now
    Control {
        /// Where the service listens for orders
        #[arg(long, env = "WORKLOAD_CONTROL", default_value = SERVE_CONTROL, value_parser = loopback)]
        control: SocketAddr,
        /// latency=200ms, failures=0.1, effort=5ms, ready=false, alive=false, crash=3:words, memory=64, cpu=500
        #[arg(value_name = "KEY=VALUE")]
        changes: Vec<String>,
    },
    /// Send requests at a steady rate until SIGTERM, then print what became of them
    Load(LoadOptions),
    /// Print what has become of the requests of the load client of this pod
    Report {
        /// Where the load client listens for orders
        #[arg(long, env = "WORKLOAD_LOAD_CONTROL", default_value = LOAD_CONTROL, value_parser = loopback)]
        control: SocketAddr,
    },
    /// Try to connect to all targets at once, and print a line of JSON for each
    Connect {
        /// How long to wait for an answer
        #[arg(long, default_value = "3s", value_parser = duration::parse)]
        timeout: Duration,
        /// Read from standard input when there are none
        #[arg(value_name = "HOST:PORT")]
        targets: Vec<String>,
    },
    /// Look names up, and print a line of JSON for each
    Resolve {
        /// How long to wait for an answer
        #[arg(long, default_value = "5s", value_parser = duration::parse)]
        timeout: Duration,
        /// Read from standard input when there are none
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Where `serve` listens for orders.
pub const SERVE_CONTROL: &str = "127.0.0.1:8090";
/// Where `load` listens for orders; not the same, since both may run in one pod.
pub const LOAD_CONTROL: &str = "127.0.0.1:8091";

/// The arguments with the command they mean: the name of the program may be one (`/app/healthy`), and none is `serve`.
pub fn arguments(given: Vec<String>) -> Vec<String> {
    let called =
        given.first().and_then(|program| Path::new(program).file_name()).and_then(|name| name.to_str());
    let command = match called {
        Some(name @ ("healthy" | "healthcheck")) => name,
        _ if given.len() < 2 => "serve",
        _ => return given,
    };
    let mut arguments = vec!["workload".to_owned(), command.to_owned()];
    arguments.extend(given.into_iter().skip(1));
    arguments
}

/// An address for orders: whoever reaches it commands the service, so it is one that only the pod itself reaches.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| format!("\"{text}\" is no address and port"))?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => Ok(address),
        IpAddr::V6(ip) if ip.is_loopback() => Ok(address),
        _ => Err(format!("{address} can be reached from outside: a loopback address is needed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(arguments_given: &[&str]) -> Vec<String> {
        arguments(arguments_given.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_name_of_the_program_may_be_the_command() {
        assert_eq!(named(&["/app/healthy"]), ["workload", "healthy"]);
        assert_eq!(
            named(&["/app/healthcheck", "--control", "127.0.0.1:1"])[..2],
            ["workload", "healthcheck"]
        );
        assert_eq!(named(&["/app/workload"]), ["workload", "serve"]);
        assert_eq!(named(&["/app/workload", "load", "http://a"]), ["/app/workload", "load", "http://a"]);
    }

    #[test]
    fn orders_are_taken_on_loopback_alone() {
        assert!(loopback("127.0.0.1:8090").is_ok());
        assert!(loopback("[::1]:8090").is_ok());
        assert_eq!(
            loopback("0.0.0.0:8090").unwrap_err(),
            "0.0.0.0:8090 can be reached from outside: a loopback address is needed"
        );
    }
}
