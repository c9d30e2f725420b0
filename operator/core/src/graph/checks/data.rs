//! Databases and services of others: whose they are, and whether anybody needs them.

use std::collections::{BTreeMap, BTreeSet};

use msapp_crds::v1alpha1::Engine;

use super::Limits;
use super::finding::{Check, Finding};
use crate::graph::{App, BackingTarget, Service};

/// What is unused, and what is shared.
pub(super) fn findings(app: &App, _: &Limits) -> Vec<Finding> {
    let mut found = unused(app);
    for database in shared(app) {
        found.extend(owners(&database));
        found.extend(past_its_owner(&database));
    }
    found
}

fn unused(app: &App) -> Vec<Finding> {
    let used: BTreeSet<&str> =
        app.services.iter().flat_map(|service| service.edges.iter().map(|edge| edge.name.as_str())).collect();
    let nobody = |name: &str| format!("no service depends on {name:?}");
    let backing = app.backing_services.iter().filter(|backing| !used.contains(backing.name.as_str()));
    let external = app.external_services.iter().filter(|external| !used.contains(external.name.as_str()));
    backing
        .map(|one| Finding::new(Check::UnusedBackingService, &one.path, &one.name, nobody(&one.name)))
        .chain(
            external.map(|one| {
                Finding::new(Check::UnusedExternalService, &one.path, &one.name, nobody(&one.name))
            }),
        )
        .collect()
}

/// One database under whatever names, and who uses it.
pub(super) struct Database<'a> {
    entries: Vec<&'a BackingTarget>,
    pub users: Vec<&'a Service>,
}

/// Databases that more than one service uses, or that more than one service owns.
pub(super) fn shared(app: &App) -> Vec<Database<'_>> {
    let mut databases: BTreeMap<&str, Vec<&BackingTarget>> = BTreeMap::new();
    for backing in app.backing_services.iter().filter(|backing| is_owned(backing)) {
        databases.entry(&backing.identity).or_default().push(backing);
    }
    let databases = databases.into_values().map(|entries| {
        let uses = |service: &&Service| {
            service.edges.iter().any(|edge| entries.iter().any(|entry| entry.name == edge.name))
        };
        let users = app.services.iter().filter(uses).collect();
        Database { entries, users }
    });
    databases.filter(|database| database.users.len() > 1 || names(database).len() > 1).collect()
}

/// Brokers and caches are there to be shared, unless somebody says whose they are.
fn is_owned(backing: &BackingTarget) -> bool {
    use Engine::{Elasticsearch, Kafka, MongoDB, MySQL, NATS, PostgreSQL, RabbitMQ};
    match backing.engine {
        PostgreSQL | MySQL | MongoDB | Elasticsearch => true,
        RabbitMQ | Kafka | NATS => false,
        _ => backing.owner.is_some(),
    }
}

fn names<'a>(database: &Database<'a>) -> BTreeSet<&'a str> {
    database.entries.iter().filter_map(|entry| entry.owner.as_deref()).collect()
}

/// Two owners of one database.
fn owners(database: &Database<'_>) -> Option<Finding> {
    let owners: Vec<&str> = names(database).into_iter().collect();
    let (first, last) = (database.entries.first()?, database.entries.last()?);
    (owners.len() > 1).then(|| {
        let message =
            format!("{} and {} are one database, and {} own it", first.name, last.name, owners.join(" and "));
        let subjects = database.entries.iter().map(|entry| entry.name.clone()).collect();
        Finding { check: Check::SharedDatabase, path: format!("{}.owner", last.path), subjects, message }
    })
}

/// Users that are no owner; of a database without an owner, that nobody owns it.
fn past_its_owner(database: &Database<'_>) -> Vec<Finding> {
    let owners = names(database);
    let Some(owner) = owners.iter().next().copied() else {
        return nobodys(database).into_iter().collect();
    };
    let strangers = database.users.iter().filter(|user| !owners.contains(user.name.as_str()));
    strangers
        .flat_map(|user| {
            let edges = user.edges.iter().filter_map(|edge| {
                let entry = database.entries.iter().find(|entry| entry.name == edge.name)?;
                Some((edge, entry))
            });
            edges.map(|(edge, entry)| {
                let message = format!("{} uses {}, whose data belongs to {owner}", user.name, entry.name);
                let path = edge.origins.first().map(String::as_str).unwrap_or_default();
                Finding::new(Check::SharedDatabase, path, &entry.name, message)
            })
        })
        .collect()
}

fn nobodys(database: &Database<'_>) -> Option<Finding> {
    let entry = database.entries.first()?;
    let users: Vec<&str> = database.users.iter().map(|user| user.name.as_str()).collect();
    (users.len() > 1).then(|| {
        let message = format!("{} share {}, and no owner is declared", users.join(", "), entry.name);
        Finding::new(Check::SharedDatabase, &entry.path, &entry.name, message)
    })
}
