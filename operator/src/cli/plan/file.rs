//! What a plan needs to know, read from a file that `kubectl get` wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use msapp_core::build;
use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::graph::App;
use msapp_core::labels;
use msapp_core::observed::{Owner, project_child};
use msapp_core::reference::{ReferenceKind, ReferenceState, References, config_map_entries};
use serde_json::Value;

use super::found::Found;
use crate::cli::resource::unpacked;
use crate::cli::yaml;

/// The objects of a file.
pub(super) struct Recorded {
    file: String,
    objects: Vec<Value>,
}

impl Recorded {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {file}"))?;
        let (documents, problems) = yaml::load(&text);
        if let Some(problem) = problems.first() {
            bail!("cannot read {file}: {}", problem.message);
        }
        // A List without items tells that nothing runs yet; an empty file tells nothing.
        if documents.iter().all(|document| document.fields().is_empty()) {
            bail!("{file} holds no objects");
        }
        let objects = documents.into_iter().flat_map(unpacked).map(|node| node.to_value());
        let objects: Vec<Value> = objects.filter(Value::is_object).collect();
        Ok(Self { file, objects })
    }

    /// What is in the namespace of an app, as far as it was written down.
    pub(super) fn find(&self, app: &App) -> Result<Found> {
        let apps = self.in_namespace(app).filter(|object| object["kind"] == "MicroserviceApp").cloned();
        Ok(Found { apps: apps.collect(), objects: self.children(app)?, references: self.references(app) })
    }

    fn in_namespace<'a>(&'a self, app: &'a App) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(|object| object["metadata"]["namespace"] == app.namespace)
    }

    fn children(&self, app: &App) -> Result<BTreeMap<ChildKey, Value>> {
        let wanted = build::objects(app);
        let mut children = BTreeMap::new();
        for object in self.in_namespace(app) {
            let Some(key) = key(object) else { continue };
            let is_labelled = object["metadata"]["labels"][labels::APP] == app.name;
            if !is_labelled && wanted.find(&key).is_none() {
                continue;
            }
            let is_ours = matches!(project_child(key.kind, object).owner, Owner::App { .. });
            if is_ours && object["metadata"]["managedFields"].is_null() {
                bail!(
                    "{} does not tell who owns the fields of {key}: write it with `kubectl get … --show-managed-fields`",
                    self.file
                );
            }
            children.insert(key, object.clone());
        }
        Ok(children)
    }

    fn references(&self, app: &App) -> References {
        let keys = app.references().into_iter().filter(|key| key.kind == ReferenceKind::ConfigMap);
        let states = keys.map(|reference| {
            let wanted = Some(ChildKey::new(ChildKind::ConfigMap, &reference.name));
            let found = self.in_namespace(app).find(|object| key(object) == wanted);
            let state =
                found.map_or(ReferenceState::Missing, |map| ReferenceState::Present(config_map_entries(map)));
            (reference, state)
        });
        states.collect()
    }
}

/// The key of an object of a kind that the operator makes.
fn key(object: &Value) -> Option<ChildKey> {
    let kind = ChildKind::ALL
        .into_iter()
        .find(|kind| object["kind"] == kind.as_str() && object["apiVersion"] == kind.api_version())?;
    Some(ChildKey::new(kind, object["metadata"]["name"].as_str()?))
}
