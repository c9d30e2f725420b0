//! What a plan needs to know, read from the cluster: the apps of the namespace, the objects of the app by its label,
//! those whose names it wants, and the ConfigMaps that it refers to. Secrets are never read.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use msapp_core::build;
use msapp_core::desired::{ChildKey, ChildKind};
use msapp_core::graph::App;
use msapp_core::labels;
use msapp_core::reference::{ReferenceKey, ReferenceKind, ReferenceState, References, config_map_entries};
use serde_json::Value;

use super::found::Found;
use crate::cli::cluster::{APPS, Attempt, Cluster, app_resource};

/// Requests that are under way at the same time.
const SIDE_BY_SIDE: usize = 8;

impl Cluster {
    /// What is in the namespace of an app.
    pub(super) async fn find(&self, app: &App) -> Result<Found> {
        let apps = self.list(&app.namespace, APPS, &app_resource(), &ListParams::default()).await?;
        if apps.is_empty() {
            self.require_namespace(&app.namespace).await?;
        }
        let mut objects = self.labelled(app).await?;
        let wanted = build::objects(app);
        let missing = wanted.iter().filter(|object| !objects.contains_key(&object.key));
        let named = stream::iter(missing.map(|object| self.named(&app.namespace, object.key.clone())));
        let named: Vec<Option<(ChildKey, Value)>> = named.buffered(SIDE_BY_SIDE).try_collect().await?;
        objects.extend(named.into_iter().flatten());
        Ok(Found { apps, objects, references: self.references(app).await? })
    }

    /// The objects with the label of an app.
    async fn labelled(&self, app: &App) -> Result<BTreeMap<ChildKey, Value>> {
        let selected = ListParams::default().labels(&format!("{}={}", labels::APP, app.name));
        let lists = ChildKind::ALL.into_iter().map(|kind| {
            let selected = &selected;
            async move {
                let resource = child_resource(kind);
                let objects = self.list(&app.namespace, kind.plural(), &resource, selected).await?;
                Ok::<_, anyhow::Error>((kind, objects))
            }
        });
        let lists: Vec<(ChildKind, Vec<Value>)> =
            stream::iter(lists).buffered(SIDE_BY_SIDE).try_collect().await?;
        let objects = lists.into_iter().flat_map(|(kind, objects)| {
            objects.into_iter().map(move |object| (ChildKey::new(kind, name(&object)), object))
        });
        Ok(objects.collect())
    }

    async fn list(
        &self,
        namespace: &str,
        what: &str,
        resource: &ApiResource,
        selected: &ListParams,
    ) -> Result<Vec<Value>> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, resource);
        let attempt = Attempt { verb: "list", what, namespace: Some(namespace) };
        let listed = self.answer(attempt, api.list(selected)).await?;
        Ok(listed.items.iter().map(value).collect())
    }

    async fn named(&self, namespace: &str, key: ChildKey) -> Result<Option<(ChildKey, Value)>> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &child_resource(key.kind));
        let attempt = Attempt { verb: "get", what: &key.to_string(), namespace: Some(namespace) };
        let found = self.answer(attempt, api.get_opt(&key.name)).await?;
        Ok(found.map(|object| (key, value(&object))))
    }

    /// The ConfigMaps that an app refers to.
    async fn references(&self, app: &App) -> Result<References> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &app.namespace);
        let mut references = References::new();
        let keys = app.references();
        for key in keys.into_iter().filter(|key| key.kind == ReferenceKind::ConfigMap) {
            let attempt = Attempt { verb: "get", what: &key.to_string(), namespace: Some(&app.namespace) };
            let found = self.answer(attempt, api.get_opt(&key.name)).await?;
            let state = found.map_or(ReferenceState::Missing, |map| {
                let map = serde_json::to_value(map).expect("a ConfigMap is plain data");
                ReferenceState::Present(config_map_entries(&map))
            });
            references.insert(ReferenceKey { kind: key.kind, name: key.name }, state);
        }
        Ok(references)
    }

    /// A namespace that does not exist looks like an empty one.
    async fn require_namespace(&self, name: &str) -> Result<()> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        match api.get_opt(name).await {
            Ok(None) => bail!("there is no namespace {name}; make it with `kubectl create namespace {name}`"),
            // Who may not look at namespaces may still look into this one.
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }
}

fn child_resource(kind: ChildKind) -> ApiResource {
    let api_version = kind.api_version();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.as_str().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

fn value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).expect("an object is plain data")
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}
