//! Sets of endpoints, and which of them have which labels.

use std::collections::BTreeMap;

use super::endpoint::{Endpoint, Pod};
use super::selector::{Asked, Selector};

/// A set of endpoints by their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Members(Vec<u64>);

impl Members {
    pub fn none(of: usize) -> Self {
        Self(vec![0; of.div_ceil(64)])
    }

    pub fn insert(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    pub fn has(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    pub fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, kept)| *word &= kept);
    }

    pub fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, gone)| *word &= !gone);
    }

    /// The indices, sorted.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let next = |left: &u64| Some(left & (left - 1)).filter(|left| *left != 0);
            let lefts = std::iter::successors(Some(*word).filter(|word| *word != 0), next);
            lefts.map(move |left| at * 64 + left.trailing_zeros() as usize)
        })
    }
}

/// Who has a label.
#[derive(Debug)]
struct Holders<'a> {
    any: Members,
    by_value: BTreeMap<&'a str, Members>,
}

/// The pods by their labels, so that a selector is a few operations on sets and not a look at each pod.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pods: Members,
    by_key: BTreeMap<&'a str, Holders<'a>>,
}

impl<'a> Index<'a> {
    /// Takes the labels of each pod from `labels`.
    pub fn new(endpoints: &'a [Endpoint], labels: impl Fn(&'a Pod) -> &'a BTreeMap<String, String>) -> Self {
        let none = || Members::none(endpoints.len());
        let mut pods = none();
        let mut by_key: BTreeMap<&str, Holders<'_>> = BTreeMap::new();
        for (at, pod) in endpoints.iter().enumerate().filter_map(|(at, end)| Some((at, end.pod()?))) {
            pods.insert(at);
            for (key, value) in labels(pod) {
                let holders =
                    by_key.entry(key).or_insert_with(|| Holders { any: none(), by_value: BTreeMap::new() });
                holders.any.insert(at);
                holders.by_value.entry(value).or_insert_with(none).insert(at);
            }
        }
        Self { pods, by_key }
    }

    /// The pods that a selector selects.
    pub fn select(&self, selector: &Selector) -> Members {
        let mut selected = self.pods.clone();
        for (key, asked) in &selector.requirements {
            let holders = self.by_key.get(key.as_str());
            match asked {
                Asked::In(values) => selected.keep(&self.among(holders, values)),
                Asked::NotIn(values) => selected.remove(&self.among(holders, values)),
                Asked::Exists => {
                    selected.keep(&holders.map_or_else(|| self.nobody(), |holders| holders.any.clone()));
                }
                Asked::DoesNotExist => {
                    holders.iter().for_each(|holders| selected.remove(&holders.any));
                }
            }
        }
        selected
    }

    fn among(&self, holders: Option<&Holders<'_>>, values: &[String]) -> Members {
        let mut among = self.nobody();
        for found in values.iter().filter_map(|value| holders?.by_value.get(value.as_str())) {
            among.add(found);
        }
        among
    }

    fn nobody(&self) -> Members {
        Members(vec![0; self.pods.0.len()])
    }
}
