//! Protocols and ports of traffic.

use std::str::FromStr;

use anyhow::{Result, bail};

/// A protocol that a policy may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The one that is meant where none is named.
    Tcp,
    /// Datagrams.
    Udp,
    /// Streams of messages.
    Sctp,
}

impl Protocol {
    /// As nftables calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// What a field of Kubernetes holds.
    pub(super) fn of(field: Option<&str>) -> Result<Self> {
        field.map_or(Ok(Self::Tcp), str::parse)
    }
}

/// As Kubernetes calls it.
impl FromStr for Protocol {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "TCP" => Self::Tcp,
            "UDP" => Self::Udp,
            "SCTP" => Self::Sctp,
            _ => bail!("the protocol `{name}` is not known"),
        })
    }
}

/// What traffic a rule opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// All of it, of any protocol.
    Every,
    /// The ports from the first to the last, which are one and the same for a single port.
    Of(Protocol, u16, u16),
}

impl Ports {
    pub fn contains(self, protocol: Protocol, port: u16) -> bool {
        match self {
            Self::Every => true,
            Self::Of(own, first, last) => own == protocol && (first..=last).contains(&port),
        }
    }
}

/// Ports as a policy or a pod names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever pod it is.
    Known(Ports),
    /// The port of this name and protocol, which each pod has for itself.
    Named(Protocol, String),
}
