//! What is in a namespace, as far as the plan of one app needs it, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use msapp_core::build;
use msapp_core::claim::{Claimant, better_claims};
use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::difference::{self, Difference, Facts, difference, keep_unread_digests};
use msapp_core::graph::App;
use msapp_core::observed::{Child, Observed, Owner, project_child};
use msapp_core::plan::plan;
use msapp_core::reference::References;
use serde_json::Value;

use crate::cluster::{Object, StoredApp, app_from};

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Every MicroserviceApp of the namespace.
    pub(super) apps: Vec<Value>,
    /// Every object that belongs to the app, or has the name of one that it wants, whole.
    pub(super) objects: BTreeMap<ChildKey, Value>,
    /// The ConfigMaps that the app refers to.
    pub(super) references: References,
}

/// What an app would change.
#[derive(Debug)]
pub(super) struct Preview {
    /// Name of the app.
    pub(super) name: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// What would change.
    pub(super) difference: Difference,
    /// What else there is to know, a sentence each.
    pub(super) remarks: Vec<String>,
}

/// What an app would change of what was found, when the ConfigMaps of its files are applied with it.
pub(super) fn preview(app: App, found: &Found, files: &References) -> Preview {
    let mut references = found.references.clone();
    references.extend(files.iter().map(|(key, state)| (key.clone(), state.clone())));
    let changed = difference::reference_changes(&found.references, &references);
    let mut app = app.bound(&references);
    keep_unread_digests(&mut app, &references, &changed, &found.objects);
    let stored: Vec<Object<StoredApp>> = found.apps.iter().cloned().filter_map(app_from).collect();
    let own = stored.iter().find(|stored| stored.name == app.name);
    let observed = observed(&app, &stored, found);
    let uid = own.map(|own| own.uid.as_str()).unwrap_or_default();
    let plan = plan(&app, uid, &build::objects(&app), &observed);
    let facts =
        Facts { app: &app, plan: &plan, observed: &observed, live: &found.objects, changed: &changed };
    let (difference, remarks) = (difference(facts), remarks(&app, own));
    Preview { difference, remarks, name: app.name, namespace: app.namespace }
}

/// As the operator sees it, but for pods: the plan asks none.
fn observed(app: &App, stored: &[Object<StoredApp>], found: &Found) -> Observed {
    let children = found.objects.iter().map(|(key, object)| (key.clone(), project_child(key.kind, object)));
    let children: BTreeMap<ChildKey, Child> = children.collect();
    let own = stored.iter().find(|stored| stored.name == app.name);
    let told = own.into_iter().flat_map(|own| &own.value.status).flat_map(|status| &status.services);
    let told = told.filter(|service| service.started).map(|service| service.name.clone());
    let living = children.keys().filter(|key| {
        key.kind == ChildKind::Deployment && own.is_some_and(|own| belongs_to(&children[*key], &own.uid))
    });
    let started = told.chain(living.map(|key| key.name.clone())).collect();
    let claims = claims(app, stored, &children);
    Observed { children, pods: Vec::new(), claims, started }
}

fn belongs_to(child: &Child, app: &str) -> bool {
    matches!(&child.owner, Owner::App { uid: Some(uid), .. } if uid == app)
}

fn claims(
    app: &App,
    stored: &[Object<StoredApp>],
    children: &BTreeMap<ChildKey, Child>,
) -> BTreeMap<String, String> {
    let holds = |uid: &str, service: &str| {
        children.iter().any(|(key, child)| key.name == service && belongs_to(child, uid))
    };
    let claimant = |other: &Object<StoredApp>, names: &BTreeSet<String>| Claimant {
        app: other.name.clone(),
        created: Some(other.value.created.clone()),
        services: names.iter().map(|name| (name.clone(), holds(&other.uid, name))).collect(),
    };
    let names: BTreeSet<String> = app.services.iter().map(|service| service.name.clone()).collect();
    let (own, others): (Vec<_>, Vec<_>) = stored.iter().partition(|stored| stored.name == app.name);
    let unborn = || Claimant {
        app: app.name.clone(),
        created: None,
        services: names.iter().map(|name| (name.clone(), false)).collect(),
    };
    let own = own.first().map_or_else(unborn, |own| claimant(own, &names));
    let others: Vec<Claimant> = others.iter().map(|other| claimant(other, &other.value.services)).collect();
    better_claims(&own, &others)
}

fn remarks(app: &App, own: Option<&Object<StoredApp>>) -> Vec<String> {
    let mut remarks = Vec::new();
    match own {
        None => remarks.push("The app is new.".to_owned()),
        Some(own) if own.value.deleting => {
            remarks.push(
                "The app is being deleted: what is planned happens when it is applied anew.".to_owned(),
            );
        }
        Some(_) => {}
    }
    if app.suspended {
        remarks.push("The app is suspended: nothing happens before `suspend` is taken back.".to_owned());
    }
    if app.secrets_unread {
        remarks.push(
            "Secrets are not read: one with another content restarts the services that use it, and is no part of this plan."
                .to_owned(),
        );
    }
    remarks
}
