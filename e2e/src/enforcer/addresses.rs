//! Sets of IPv4 addresses.

use std::net::Ipv4Addr;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};

/// Ranges of addresses, both ends included: sorted, and no two of them touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// Every address there is.
    pub fn everywhere() -> Self {
        Self(vec![(0, u32::MAX)])
    }

    /// Some addresses.
    pub(super) fn of(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        addresses.into_iter().map(|address| (address.to_bits(), address.to_bits())).collect()
    }

    /// Without the addresses of a range.
    pub(super) fn without(self, Self(others): &Self) -> Self {
        let cut = |(first, last): (u32, u32), (from, to): (u32, u32)| {
            let before = from.checked_sub(1).map(|end| (first, last.min(end)));
            let after = to.checked_add(1).map(|begin| (first.max(begin), last));
            [before, after].into_iter().flatten().filter(|(first, last)| first <= last)
        };
        let rest = others
            .iter()
            .fold(self.0, |rest, other| rest.into_iter().flat_map(|range| cut(range, *other)).collect());
        Self(rest)
    }

    /// Whether all of the other is in it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.clone().without(self).is_empty()
    }

    /// Whether this address is one of them.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        let address = address.to_bits();
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&address))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// First and last address of each range.
    pub(super) fn ends(&self) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
        self.0.iter().map(|(first, last)| (Ipv4Addr::from_bits(*first), Ipv4Addr::from_bits(*last)))
    }
}

impl FromIterator<(u32, u32)> for Ranges {
    fn from_iter<T: IntoIterator<Item = (u32, u32)>>(ranges: T) -> Self {
        let mut all: Vec<(u32, u32)> = ranges.into_iter().collect();
        all.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (first, last) in all {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }
}

/// All that are in any of them.
impl FromIterator<Ranges> for Ranges {
    fn from_iter<T: IntoIterator<Item = Ranges>>(all: T) -> Self {
        all.into_iter().flat_map(|ranges| ranges.0).collect()
    }
}

/// The addresses of a CIDR, such as `10.244.0.0/16`. Bits behind the prefix say nothing.
impl FromStr for Ranges {
    type Err = anyhow::Error;

    fn from_str(cidr: &str) -> Result<Self> {
        let parts = cidr.split_once('/').and_then(|(address, length)| {
            Some((address.parse::<Ipv4Addr>().ok()?, length.parse::<u32>().ok()?))
        });
        let (address, length) = parts.with_context(|| format!("`{cidr}` is no IPv4 range"))?;
        ensure!(length <= 32, "`{cidr}` is no IPv4 range");
        let rest = u32::MAX.checked_shr(length).unwrap_or(0);
        let first = address.to_bits() & !rest;
        Ok(Self(vec![(first, first | rest)]))
    }
}
