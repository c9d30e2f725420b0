//! All addresses, cut into ranges within which every policy treats every address alike.
//!
//! One address of each range therefore stands for all of it: what is shown for these few holds for every address.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Addresses that no given range tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub first: IpAddr,
    pub last: IpAddr,
}

impl Stretch {
    /// `10.0.0.0/8`, `192.0.2.1` or `11.0.0.0-255.255.255.255`.
    pub fn name(&self) -> String {
        let subnets: Vec<String> = match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                ipnet::Ipv4Subnets::new(first, last, 0).take(2).map(|net| net.to_string()).collect()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                ipnet::Ipv6Subnets::new(first, last, 0).take(2).map(|net| net.to_string()).collect()
            }
            _ => Vec::new(),
        };
        match subnets.as_slice() {
            _ if self.first == self.last => self.first.to_string(),
            [whole] => whole.clone(),
            _ => format!("{}-{}", self.first, self.last),
        }
    }
}

/// Cuts both families at the borders of these ranges, sorted.
pub(super) fn stretches(ranges: &BTreeSet<IpNet>) -> Vec<Stretch> {
    let (mut four, mut six) = (BTreeSet::from([0]), BTreeSet::from([0]));
    for range in ranges {
        match range {
            IpNet::V4(net) => four.extend(borders_v4(net)),
            IpNet::V6(net) => six.extend(borders_v6(net)),
        }
    }
    let four = between(four.into_iter().collect(), u32::MAX, |start| start - 1);
    let six = between(six.into_iter().collect(), u128::MAX, |start| start - 1);
    let four = four.map(|(first, last)| (Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into()));
    let six = six.map(|(first, last)| (Ipv6Addr::from(first).into(), Ipv6Addr::from(last).into()));
    four.chain(six).map(|(first, last)| Stretch { first, last }).collect()
}

fn borders_v4(net: &Ipv4Net) -> impl Iterator<Item = u32> {
    [Some(u32::from(net.network())), u32::from(net.broadcast()).checked_add(1)].into_iter().flatten()
}

fn borders_v6(net: &Ipv6Net) -> impl Iterator<Item = u128> {
    [Some(u128::from(net.network())), u128::from(net.broadcast()).checked_add(1)].into_iter().flatten()
}

/// From each start to the place before the next.
fn between<T: Copy>(starts: Vec<T>, end: T, before: impl Fn(T) -> T) -> impl Iterator<Item = (T, T)> {
    let lasts: Vec<T> = starts.iter().skip(1).map(|start| before(*start)).chain([end]).collect();
    starts.into_iter().zip(lasts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ranges: &[&str]) -> Vec<String> {
        let ranges = ranges.iter().map(|range| range.parse().expect("a range")).collect();
        stretches(&ranges).iter().map(Stretch::name).collect()
    }

    #[test]
    fn without_ranges_each_family_is_one_stretch() {
        assert_eq!(names(&[]), ["0.0.0.0/0", "::/0"]);
        assert_eq!(names(&["0.0.0.0/0", "::/0"]), ["0.0.0.0/0", "::/0"]);
    }

    #[test]
    fn every_border_of_a_range_is_a_border() {
        assert_eq!(
            names(&["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1/32", "255.0.0.0/8", "2001:db8::/32"]),
            [
                "0.0.0.0-9.255.255.255",
                "10.0.0.0/16",
                "10.1.0.0/16",
                "10.2.0.0-10.255.255.255",
                "11.0.0.0-192.0.2.0",
                "192.0.2.1",
                "192.0.2.2-254.255.255.255",
                "255.0.0.0/8",
                "::-2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:db8::/32",
                "2001:db9::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ]
        );
    }
}
