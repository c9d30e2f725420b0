//! Rules in the words of nftables: <https://www.netfilter.org/projects/nftables/manpage.html>.

use std::fmt::Write;
use std::net::Ipv4Addr;

use super::addresses::Ranges;
use super::ports::Ports;
use super::rules::{Isolated, Opening, Rules};

/// The table that is the enforcer's own.
const TABLE: &str = "inet msapp-test-enforcer";

/// What is denied is dropped without a word, as most network plugins do, and counted.
const DENY: &str = "counter name denied drop";

impl Rules {
    /// One transaction for `nft -f -`: the table of before is replaced by the new one at once, or not at all.
    ///
    /// Every packet in the direction of who began is judged, not only the first one: a connection that a policy no
    /// longer permits is cut without a look at the table of connections. Both hooks are behind the translation of
    /// Services. What the node sends itself, such as probes, passes no such hook.
    pub fn script(&self) -> String {
        let pod_range = set(&self.pod_range);
        let pods = elements(self.pods.values().map(ToString::to_string));
        let (ingress, egress) = (chains("ingress", &self.ingress), chains("egress", &self.egress));
        format!(
            "add table {TABLE}
delete table {TABLE}
table {TABLE} {{
  counter denied {{ }}
  set pods {{ type ipv4_addr; {pods} }}
{ingress}{egress}  chain sender {{
    ip saddr {pod_range} ip saddr != @pods {DENY}
    ip saddr vmap @egress
  }}
  chain receiver {{
    ip daddr {pod_range} ip daddr != @pods {DENY}
    ip daddr vmap @ingress
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    meta nfproto ipv6 {DENY}
    ct direction reply accept
    jump sender
    jump receiver
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    ct direction reply accept
    jump sender
  }}
}}
"
        )
    }
}

/// A chain for each isolated pod, and the map that finds it.
fn chains(direction: &str, isolated: &Isolated) -> String {
    let end = if direction == "ingress" { "saddr" } else { "daddr" };
    let mut text = String::new();
    for (pod, openings) in isolated {
        // Writing to a String cannot fail.
        let _ = write!(text, "  chain {direction}-{pod} {{\n    ip {end} {pod} return\n");
        for opening in openings.iter().filter(|opening| !opening.peers.is_empty()) {
            let _ = writeln!(text, "    {}return", matches(opening, end));
        }
        let _ = write!(text, "    {DENY}\n  }}\n");
    }
    let jumps = elements(isolated.keys().map(|pod| format!("{pod} : jump {direction}-{pod}")));
    text + &format!("  map {direction} {{ type ipv4_addr : verdict; {jumps} }}\n")
}

fn matches(opening: &Opening, end: &str) -> String {
    let peers = match &opening.peers {
        all if *all == Ranges::everywhere() => String::new(),
        some => format!("ip {end} {} ", set(some)),
    };
    let ports = match opening.ports {
        Ports::Every => String::new(),
        Ports::Of(protocol, 0, u16::MAX) => format!("meta l4proto {} ", protocol.word()),
        Ports::Of(protocol, first, last) if first == last => format!("{} dport {first} ", protocol.word()),
        Ports::Of(protocol, first, last) => format!("{} dport {first}-{last} ", protocol.word()),
    };
    peers + &ports
}

fn set(ranges: &Ranges) -> String {
    let range = |(first, last): (Ipv4Addr, Ipv4Addr)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    format!("{{ {} }}", ranges.ends().map(range).collect::<Vec<_>>().join(", "))
}

/// An empty list is an error to nft.
fn elements(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    if all.is_empty() { String::new() } else { format!("elements = {{ {} }}", all.join(", ")) }
}
