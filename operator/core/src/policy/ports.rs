//! Sets of ports, exact over all 65,536 of each protocol.

use std::fmt;

use serde::{Serialize, Serializer};

/// A protocol that a NetworkPolicy can name; what it says of others is not specified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// The one that is meant when none is named.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Transport {
    /// All of them, in the order in which they are printed.
    pub const ALL: [Transport; 3] = [Transport::Tcp, Transport::Udp, Transport::Sctp];

    /// The protocol of that name, as Kubernetes writes it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.as_str() == name)
    }

    /// Its name, as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
            Transport::Sctp => "SCTP",
        }
    }
}

/// A set of port numbers of one protocol: sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortSet(Vec<(u16, u16)>);

impl PortSet {
    /// Every port.
    pub fn all() -> Self {
        Self::range(0, u16::MAX)
    }

    /// The ports from the first to the last, both included; none when the last stands before the first.
    pub fn range(first: u16, last: u16) -> Self {
        Self(if first <= last { vec![(first, last)] } else { Vec::new() })
    }

    /// The ranges, sorted, as (first, last).
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Whether there is no port in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every port is in it.
    pub fn is_all(&self) -> bool {
        self.0 == [(0, u16::MAX)]
    }

    /// How many ports there are.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|(first, last)| u32::from(last - first) + 1).sum()
    }

    /// Whether the port is in it.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }

    /// Adds the ports of another set.
    pub fn add(&mut self, other: &Self) {
        if other.is_empty() || self == other {
            return;
        }
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        let mut ranges = [self.0.as_slice(), &other.0].concat();
        ranges.sort_unstable();
        self.0.clear();
        for (first, last) in ranges {
            match self.0.last_mut() {
                Some((_, end)) if u32::from(first) <= u32::from(*end) + 1 => *end = last.max(*end),
                _ => self.0.push((first, last)),
            }
        }
    }

    /// The ports that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let pairs = self.0.iter().flat_map(|left| other.0.iter().map(move |right| (left, right)));
        let common = pairs.map(|(left, right)| (left.0.max(right.0), left.1.min(right.1)));
        Self(common.filter(|(first, last)| first <= last).collect())
    }

    /// The ports that are in this one and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        let mut free = Vec::new();
        let mut next = 0_u32;
        for (first, last) in &other.0 {
            if let Some(before) = u32::from(*first).checked_sub(1).filter(|before| next <= *before) {
                free.push((next, before));
            }
            next = u32::from(*last) + 1;
        }
        free.push((next, u32::from(u16::MAX)));
        let fits = |port| u16::try_from(port).ok();
        let free = free.into_iter().filter_map(|(first, last)| Some((fits(first)?, fits(last)?))).collect();
        self.intersection(&Self(free))
    }
}

/// What may pass from one place to another: the ports of each protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traffic([PortSet; 3]);

impl Traffic {
    /// Every port of every protocol.
    pub fn all() -> Self {
        Self([PortSet::all(), PortSet::all(), PortSet::all()])
    }

    /// Nothing but these ports of one protocol.
    pub fn of(transport: Transport, ports: PortSet) -> Self {
        let mut traffic = Self::default();
        traffic.0[transport as usize] = ports;
        traffic
    }

    /// Nothing but this port.
    pub fn port(transport: Transport, port: u16) -> Self {
        Self::of(transport, PortSet::range(port, port))
    }

    /// Nothing but this port, as Kubernetes writes it. Numbers that are no ports, and transports that are none, are nothing.
    pub fn named(transport: &str, port: i32) -> Self {
        match (Transport::named(transport), u16::try_from(port)) {
            (Some(transport), Ok(port)) => Self::port(transport, port),
            _ => Self::default(),
        }
    }

    /// The ports of one protocol.
    pub fn ports(&self, transport: Transport) -> &PortSet {
        &self.0[transport as usize]
    }

    /// Whether nothing passes.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(PortSet::is_empty)
    }

    /// Whether everything passes.
    pub fn is_all(&self) -> bool {
        self.0.iter().all(PortSet::is_all)
    }

    /// How many ports of all protocols together.
    pub fn count(&self) -> u32 {
        self.0.iter().map(PortSet::count).sum()
    }

    /// Adds what another lets through.
    pub fn add(&mut self, other: &Self) {
        for (ports, more) in self.0.iter_mut().zip(&other.0) {
            ports.add(more);
        }
    }

    /// What passes both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].intersection(&other.0[at])))
    }

    /// What passes this one and not the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].without(&other.0[at])))
    }
}

/// `TCP 80, TCP 8000-8010, UDP 53`, `every port` or `nothing`.
impl fmt::Display for Traffic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return formatter.write_str("every port");
        }
        if self.is_empty() {
            return formatter.write_str("nothing");
        }
        let each = Transport::ALL.into_iter().zip(&self.0).flat_map(|(transport, ports)| {
            let name = transport.as_str();
            ports.0.iter().map(move |range| match range {
                (first, last) if first == last => format!("{name} {first}"),
                (0, u16::MAX) => format!("every {name} port"),
                (first, last) => format!("{name} {first}-{last}"),
            })
        });
        formatter.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}

impl Serialize for Traffic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(ranges: &[(u16, u16)]) -> PortSet {
        let mut set = PortSet::default();
        for (first, last) in ranges {
            set.add(&PortSet::range(*first, *last));
        }
        set
    }

    #[test]
    fn ranges_that_touch_or_overlap_become_one() {
        assert_eq!(set(&[(10, 20), (21, 30), (25, 40), (50, 50)]).ranges(), [(10, 40), (50, 50)]);
        assert_eq!(set(&[(0, 0), (1, u16::MAX)]), PortSet::all());
        assert!(PortSet::range(2, 1).is_empty());
    }

    #[test]
    fn the_ends_of_the_range_of_ports_are_ports() {
        let ends = set(&[(0, 0), (u16::MAX, u16::MAX)]);
        assert_eq!(PortSet::all().without(&ends).ranges(), [(1, u16::MAX - 1)]);
        assert_eq!(PortSet::all().without(&PortSet::all()), PortSet::default());
        assert_eq!(PortSet::all().count(), 65_536);
    }

    #[test]
    fn traffic_is_told_in_words() {
        let mut traffic = Traffic::port(Transport::Udp, 53);
        traffic.add(&Traffic::of(Transport::Tcp, set(&[(80, 80), (8000, 8010)])));
        assert_eq!(traffic.to_string(), "TCP 80, TCP 8000-8010, UDP 53");
        assert_eq!(Traffic::of(Transport::Sctp, PortSet::all()).to_string(), "every SCTP port");
        assert_eq!(
            (Traffic::all().to_string(), Traffic::default().to_string()),
            ("every port".into(), "nothing".into())
        );
    }

    fn any_ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
        let near = prop_oneof![0_u16..40, (u16::MAX - 20)..=u16::MAX];
        proptest::collection::vec((near.clone(), near), 0..6)
    }

    /// The ports near both ends; what lies between is as the last of these.
    fn near() -> impl Iterator<Item = u16> {
        (0..=41).chain(u16::MAX - 21..=u16::MAX)
    }

    fn numbers(ranges: &[(u16, u16)]) -> BTreeSet<u16> {
        near().filter(|port| ranges.iter().any(|(first, last)| (first..=last).contains(&port))).collect()
    }

    proptest! {
        #[test]
        fn the_operations_are_those_of_sets(left in any_ranges(), right in any_ranges()) {
            let (one, other) = (set(&left), set(&right));
            let (left, right) = (numbers(&left), numbers(&right));
            let mut both = one.clone();
            both.add(&other);
            let contained = |set: &PortSet| near().filter(|port| set.contains(*port)).collect::<BTreeSet<u16>>();
            prop_assert_eq!(contained(&both), &left | &right);
            prop_assert_eq!(contained(&one.intersection(&other)), &left & &right);
            prop_assert_eq!(contained(&one.without(&other)), &left - &right);
            prop_assert_eq!(both.count(), one.count() + other.without(&one).count());
            for each in [&both, &one.intersection(&other), &one.without(&other)] {
                prop_assert!(each.ranges().windows(2).all(|pair| u32::from(pair[0].1) + 1 < u32::from(pair[1].0)));
            }
        }
    }
}
