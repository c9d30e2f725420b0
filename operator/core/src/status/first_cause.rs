//! Which of several things is named: the cause, not the symptoms downstream.

use std::collections::{BTreeMap, BTreeSet};

use super::Reason;
use super::service::Seen;
use crate::graph::{App, reachable};

/// Services that a sentence names; the others are counted.
const NAMED: usize = 5;

/// The first of the things that keep an app from being ready, and the sentence about it.
#[derive(Clone)]
pub(super) struct FirstCause {
    pub reason: Reason,
    /// `cart: CrashLoopBackOff (exit 1, "connection refused"); blocks checkout, frontend`
    pub sentence: String,
}

/// The first cause among the reasons that count: whatever others depend on comes before what depends on it.
pub(super) fn first_cause(app: &App, services: &[Seen], counts: fn(Reason) -> bool) -> Option<FirstCause> {
    let origins = origins(app, services, counts);
    let (first, others) = origins.split_first()?;
    let cause = first.cause.as_ref()?;
    let blocked = if cause.reason.is_broken() && first.is_down() {
        listed("blocks", &needing(app, first.name()))
    } else {
        // While pods of an older version serve, nobody is blocked.
        String::new()
    };
    let others: Vec<String> =
        others.iter().filter(|_| cause.reason.is_broken()).map(|other| other.name().to_owned()).collect();
    let also = listed("also broken:", &others);
    Some(FirstCause { reason: cause.reason, sentence: format!("{}: {cause}{blocked}{also}", first.name()) })
}

/// The services with such a reason that depend on no other such, most urgent first; of services that depend on each
/// other in a circle the first.
fn origins<'a>(app: &App, services: &'a [Seen], counts: fn(Reason) -> bool) -> Vec<&'a Seen> {
    let counted: BTreeMap<&str, (Reason, &Seen)> = services
        .iter()
        .filter_map(|service| Some((service.name(), (service.cause.as_ref()?.reason, service))))
        .filter(|(_, (reason, _))| counts(*reason))
        .collect();
    let mut candidates: Vec<_> = counted
        .iter()
        .map(|(name, (reason, service))| {
            let mut needed = needed(app, name);
            needed.retain(|other| counted.contains_key(other));
            (needed, reason.rank(), *service)
        })
        .collect();
    // Who depends on another such needs all that it needs, and that one too, so it comes later.
    candidates.sort_by_key(|(needed, rank, service)| (needed.len(), *rank, service.name().to_owned()));
    let mut origins: Vec<&Seen> = Vec::new();
    for (needed, _, service) in candidates {
        if !origins.iter().any(|origin| needed.contains(origin.name())) {
            origins.push(service);
        }
    }
    origins
}

/// Everything that a service needs over edges that are not optional, itself apart.
fn needed<'a>(app: &'a App, service: &'a str) -> BTreeSet<&'a str> {
    let mut needed = reachable(service, |name| needs(app, name));
    needed.remove(service);
    needed
}

/// Everything that needs a service over edges that are not optional, itself apart.
fn needing<'a>(app: &'a App, service: &'a str) -> Vec<String> {
    let needing = reachable(service, |name| needed_by(app, name));
    needing.into_iter().filter(|name| *name != service).map(str::to_owned).collect()
}

fn needs<'a>(app: &'a App, name: &str) -> impl Iterator<Item = &'a str> {
    let edges = app.service(name).into_iter().flat_map(|service| &service.edges);
    edges.filter(|edge| !edge.optional && edge.is_call()).map(|edge| edge.name.as_str())
}

fn needed_by<'a>(app: &'a App, name: &'a str) -> impl Iterator<Item = &'a str> {
    let callers = app.service(name).into_iter().flat_map(|service| &service.callers);
    let callers = callers.map(|caller| caller.service.as_str());
    callers.filter(move |caller| needs(app, caller).any(|needed| needed == name))
}

/// `; blocks checkout, frontend`, or nothing.
fn listed(verb: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; {verb} {}", few(names)) }
}

/// The first names, and how many more there are.
pub(super) fn few(names: &[String]) -> String {
    let named = names[..names.len().min(NAMED)].join(", ");
    if names.len() > NAMED { format!("{named} and {} more", names.len() - NAMED) } else { named }
}
