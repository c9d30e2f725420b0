//! What a service is told at its start, by variables or flags.

use crate::command::{SERVE_CONTROL, loopback};
use crate::duration;
use crate::trouble::Trouble;
use clap::{Args, ValueEnum};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What a service is told at its start.
#[derive(Args)]
pub struct Settings {
    /// The ports by protocol
    #[arg(long, env = "WORKLOAD_LISTEN", default_value = "http=8080,8081 grpc=9090 tcp=9000,9999")]
    pub listen: Listen,
    /// The address of these ports
    #[arg(long, env = "WORKLOAD_ADDRESS", default_value = "0.0.0.0")]
    pub address: IpAddr,
    /// Where it listens for orders
    #[arg(long, env = "WORKLOAD_CONTROL", default_value = SERVE_CONTROL, value_parser = loopback)]
    pub control: SocketAddr,
    /// The discovery file: what it depends on
    #[arg(long, env = "MSAPP_DISCOVERY_FILE")]
    pub discovery: Option<PathBuf>,
    /// Whether dependencies are called one after the other or all at once
    #[arg(long, env = "WORKLOAD_CALLS", default_value = "Sequential")]
    pub calls: Calls,
    /// How long a dependency may take whose edge has no timeout
    #[arg(long, env = "WORKLOAD_TIMEOUT", default_value = "2s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// How long idle connections are kept after SIGTERM, for requests that are on their way
    #[arg(long, env = "WORKLOAD_DRAIN", default_value = "5s", value_parser = duration::parse)]
    pub drain: Duration,
    /// The trouble that it makes, as for `workload control`, and start=10s to be deaf for so long
    #[arg(long, env = "WORKLOAD_TROUBLE", default_value = "")]
    pub trouble: Trouble,
}

/// The order of the calls.
#[derive(Clone, Copy, ValueEnum, PartialEq)]
#[value(rename_all = "PascalCase")]
pub enum Calls {
    /// One after the other; the first failure ends it.
    Sequential,
    /// All at once.
    Parallel,
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 for who begins with it.
    Http,
    /// The same as HTTP, but connections are sent away at once when the service stops, as HTTP/2 can.
    Grpc,
    /// Everything comes back.
    Tcp,
}

/// The ports by protocol: `http=8080,80 grpc=9090 tcp=443,587`.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen(pub Vec<(Protocol, u16)>);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut ports = Vec::new();
        for group in text.split_whitespace() {
            let (protocol, numbers) =
                group.split_once('=').ok_or(format!("\"{group}\" is not PROTOCOL=PORT,…"))?;
            let protocol = match protocol {
                "http" => Protocol::Http,
                "grpc" => Protocol::Grpc,
                "tcp" => Protocol::Tcp,
                other => return Err(format!("\"{other}\" is none of http, grpc and tcp")),
            };
            for number in numbers.split(',') {
                ports.push((protocol, number.parse().map_err(|_| format!("\"{number}\" is no port"))?));
            }
        }
        Ok(Self(ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_listed_by_protocol() {
        let listen: Listen = "http=8080,80 tcp=443".parse().unwrap();
        assert_eq!(listen.0, [(Protocol::Http, 8080), (Protocol::Http, 80), (Protocol::Tcp, 443)]);
        assert_eq!("udp=53".parse::<Listen>(), Err("\"udp\" is none of http, grpc and tcp".to_owned()));
        assert_eq!("http=eighty".parse::<Listen>(), Err("\"eighty\" is no port".to_owned()));
        assert_eq!("8080".parse::<Listen>(), Err("\"8080\" is not PROTOCOL=PORT,…".to_owned()));
    }
}
