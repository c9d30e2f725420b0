//! Databases and services of others: whose they are, and whether anybody needs them.

use std::collections::{BTreeMap, BTreeSet};

use msapp_crds::v1alpha1::Engine;

use super::System;
use super::finding::{Check, Finding, names_of, written_at};
use crate::graph::{BackingTarget, Edge, Service};

/// What is unused, and what is shared.
pub(super) fn findings(system: &System<'_>) -> Vec<Finding> {
    let mut found = unused(system);
    for database in databases(system) {
        found.extend(two_owners(&database));
        found.extend(match database.owners().pop_first() {
            Some(owner) => past_its_owner(&database, owner),
            None => without_owner(&database).into_iter().collect(),
        });
    }
    found
}

fn unused(system: &System<'_>) -> Vec<Finding> {
    let (backing, external) = (&system.app.backing_services, &system.app.external_services);
    let backing = backing.iter().map(|one| (Check::UnusedBackingService, &one.name, &one.path));
    let external = external.iter().map(|one| (Check::UnusedExternalService, &one.name, &one.path));
    let unused = backing.chain(external).filter(|(_, name, _)| system.users_of(name).is_empty());
    unused
        .map(|(check, name, path)| {
            let message = format!(
                "no service depends on {name:?}; remove it, or name it in the dependencies of a service"
            );
            Finding::new(check, path, name, message)
        })
        .collect()
}

/// One database under whatever names, and who uses it.
pub(super) struct Database<'a> {
    /// Its entries, sorted by name.
    entries: Vec<&'a BackingTarget>,
    /// Its users, sorted by name, and the edge of each; a service that uses two of the entries is there twice.
    pub users: Vec<(&'a Service, &'a Edge)>,
}

impl<'a> Database<'a> {
    fn owners(&self) -> BTreeSet<&'a str> {
        self.entries.iter().filter_map(|entry| entry.owner.as_deref()).collect()
    }

    fn entry(&self, name: &str) -> Option<&'a BackingTarget> {
        self.entries.iter().copied().find(|entry| entry.name == name)
    }
}

/// What holds data of one service: by address, since two entries may lead to one database.
pub(super) fn databases<'a>(system: &System<'a>) -> Vec<Database<'a>> {
    let mut databases: BTreeMap<&str, Vec<&BackingTarget>> = BTreeMap::new();
    for backing in system.app.backing_services.iter().filter(|backing| is_owned(backing)) {
        databases.entry(&backing.identity).or_default().push(backing);
    }
    let databases = databases.into_values().map(|entries| {
        let mut users: Vec<(&Service, &Edge)> =
            entries.iter().flat_map(|entry| system.users_of(&entry.name)).copied().collect();
        users.sort_by_key(|(user, edge)| (&user.name, &edge.name));
        Database { entries, users }
    });
    databases.collect()
}

/// Brokers are there to be shared; caches, buckets and indices too, unless somebody says whose they are.
fn is_owned(backing: &BackingTarget) -> bool {
    use Engine::{Kafka, MongoDB, MySQL, NATS, PostgreSQL, RabbitMQ};
    match backing.engine {
        PostgreSQL | MySQL | MongoDB => true,
        RabbitMQ | Kafka | NATS => false,
        _ => backing.owner.is_some(),
    }
}

/// Two owners of one database, told at the last of them.
fn two_owners(database: &Database<'_>) -> Option<Finding> {
    let owned: Vec<(&BackingTarget, &String)> =
        database.entries.iter().filter_map(|entry| Some((*entry, entry.owner.as_ref()?))).collect();
    let (last, _) = owned.last()?;
    (database.owners().len() > 1).then(|| {
        let claims: Vec<String> =
            owned.iter().map(|(entry, owner)| format!("{} of {owner}", entry.name)).collect();
        let message = format!(
            "{} are one database; let one service own it, or give each a database of its own",
            claims.join(" and ")
        );
        let subjects = owned.iter().map(|(entry, _)| entry.name.clone()).collect();
        Finding { check: Check::SharedDatabase, path: format!("{}.owner", last.path), subjects, message }
    })
}

/// Users that own no part of it, each where its edge is written.
fn past_its_owner(database: &Database<'_>, owner: &str) -> Vec<Finding> {
    let owners = database.owners();
    let strangers = database.users.iter().filter(|(user, _)| !owners.contains(user.name.as_str()));
    let told = strangers.filter_map(|(user, edge)| {
        let entry = database.entry(&edge.name)?;
        let owned = database.entries.iter().find(|entry| entry.owner.as_deref() == Some(owner))?;
        let what = if entry.owner.is_some() {
            entry.name.clone()
        } else {
            format!("{}, the same database as {}", entry.name, owned.name)
        };
        let owner = entry.owner.as_deref().unwrap_or(owner);
        let message =
            format!("{} uses {what}, whose data belongs to {owner}; call {owner} for it", user.name);
        let subjects = vec![entry.name.clone(), user.name.clone()];
        Some(Finding { check: Check::SharedDatabase, path: written_at(edge), subjects, message })
    });
    told.collect()
}

/// Several users of what nobody owns.
fn without_owner(database: &Database<'_>) -> Option<Finding> {
    let entry = database.entries.first()?;
    let mut users: Vec<&Service> = database.users.iter().map(|(user, _)| *user).collect();
    users.dedup_by_key(|user| &user.name);
    (users.len() > 1).then(|| {
        let entries: Vec<&str> = database.entries.iter().map(|entry| entry.name.as_str()).collect();
        let what = match entries.as_slice() {
            [one] => (*one).to_owned(),
            several => format!("one database ({})", several.join(", ")),
        };
        let message = format!(
            "{} share {what}, and nobody owns it; name the owner, and let the others call it",
            names_of(&users).join(" and ")
        );
        let subjects = entries.into_iter().map(str::to_owned).collect();
        Finding { check: Check::SharedDatabase, path: entry.path.clone(), subjects, message }
    })
}
