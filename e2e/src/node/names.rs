//! Names of the world outside, as the DNS of the node answers them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use anyhow::{Context, Result};
use ipnet::IpNet;

use crate::images::sample_apps;

/// A name that no sample knows, of an address that answers: what nobody may reach.
pub const UNDECLARED: (&str, IpAddr) = ("undeclared.example", IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)));

/// The configuration of CoreDNS: names of the cluster, those of the world outside, and no others.
/// See <https://coredns.io/manual/configuration/>.
pub(super) fn corefile() -> Result<String> {
    let hosts: String =
        outside()?.iter().map(|(name, address)| format!("        {address} {name}\n")).collect();
    Ok(format!(
        "\
.:53 {{
    errors
    health
    ready
    hosts {{
{hosts}        fallthrough
    }}
    kubernetes cluster.local in-addr.arpa
    cache 5
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"
    ))
}

/// The hosts that the samples name outside of the cluster, each with the first address of its first range.
fn outside() -> Result<BTreeMap<String, IpAddr>> {
    let mut names = BTreeMap::from([(UNDECLARED.0.to_owned(), UNDECLARED.1)]);
    for app in sample_apps()? {
        let external =
            app.spec.external_services.into_iter().map(|service| (Some(service.host), service.cidrs));
        let backing = app.spec.backing_services.into_iter().map(|service| (service.host, service.cidrs));
        for (host, ranges) in external.chain(backing) {
            if let (Some(host), Some(range)) = (host, ranges.first()) {
                names.insert(host, first(range)?);
            }
        }
    }
    Ok(names)
}

fn first(range: &str) -> Result<IpAddr> {
    let range: IpNet = range.parse().with_context(|| format!("the range {range} of a sample"))?;
    range.hosts().next().context("a range has an address")
}
