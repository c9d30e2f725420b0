//! What is enforced, as values.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::addresses::Ranges;
use super::ports::{Ports, Protocol};

/// The policies of a cluster, reduced to addresses and ports.
#[derive(Debug)]
pub struct Rules {
    /// Where the addresses of pods are.
    pub(super) pod_range: Ranges,
    /// Address of each known pod by `namespace/name`.
    pub(super) pods: BTreeMap<String, Ipv4Addr>,
    /// Who may reach a pod; one that is not in here is reached by everybody.
    pub(super) ingress: Isolated,
    /// Whom a pod may reach; one that is not in here reaches everybody.
    pub(super) egress: Isolated,
}

/// The pods that a policy isolates in one direction, and all that is open to them nevertheless.
pub(super) type Isolated = BTreeMap<Ipv4Addr, Vec<Opening>>;

/// Something that a policy opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    /// Who is at the other end.
    pub peers: Ranges,
    /// On which ports of the destination.
    pub ports: Ports,
}

/// One end that asks to reach a port of another.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Who sends.
    pub from: Ipv4Addr,
    /// The receiver, not a Service in front of it.
    pub to: Ipv4Addr,
    /// Of the port.
    pub protocol: Protocol,
    /// Of the receiver.
    pub port: u16,
}

impl Rules {
    /// Whether the policies of the receiver let it in.
    pub fn lets_in(&self, question: Question) -> bool {
        open(&self.ingress, question.to, question.from, question)
    }

    /// Whether the policies of the sender let it out.
    pub fn lets_out(&self, question: Question) -> bool {
        open(&self.egress, question.from, question.to, question)
    }

    /// Whether packets pass: both ends agree and neither is an address of a pod that nobody knows. A pod always
    /// reaches itself.
    pub fn permits(&self, question: Question) -> bool {
        let known =
            |address| !self.pod_range.contains(address) || self.pods.values().any(|pod| *pod == address);
        let agreed = question.from == question.to || self.lets_out(question) && self.lets_in(question);
        known(question.from) && known(question.to) && agreed
    }
}

fn open(
    isolated: &Isolated,
    own: Ipv4Addr,
    peer: Ipv4Addr,
    Question { protocol, port, .. }: Question,
) -> bool {
    let fits = |opening: &Opening| opening.peers.contains(peer) && opening.ports.contains(protocol, port);
    isolated.get(&own).is_none_or(|openings| openings.iter().any(fits))
}
