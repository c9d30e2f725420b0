//! The file in which the enforcer tells what it enforces.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, Resource, ResourceExt, api::ListParams};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Objects;
use super::places::{full_name, places};
use crate::wait::{PATIENCE, wait_until};

/// Everything that the enforced rules were made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// How often something was enforced anew.
    pub generation: u64,
    /// The resource version of each policy by `namespace/name`.
    pub policies: BTreeMap<String, String>,
    /// The address of each known pod by `namespace/name`.
    pub pods: BTreeMap<String, Ipv4Addr>,
    /// The resource version of each namespace.
    pub namespaces: BTreeMap<String, String>,
}

impl State {
    /// What the file tells once these objects are enforced.
    pub(super) fn of(objects: &Objects, generation: u64) -> Result<Self> {
        let version = |version: Option<String>| version.unwrap_or_default();
        let policies = objects
            .policies
            .iter()
            .map(|policy| (full_name(policy.as_ref()), version(policy.resource_version())));
        let pods = places(objects)?.into_iter().map(|place| (full_name(place.pod), place.address)).collect();
        let namespaces = objects
            .namespaces
            .iter()
            .map(|namespace| (namespace.name_any(), version(namespace.resource_version())));
        Ok(Self { generation, policies: policies.collect(), pods, namespaces: namespaces.collect() })
    }

    /// Who reads it sees the state of before or this one.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let new = path.with_added_extension("new");
        let text = serde_json::to_string(self)?;
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, path))
            .with_context(|| format!("write {}", path.display()))
    }

    /// The part of it that is about one namespace.
    fn in_namespace(mut self, namespace: &str) -> Self {
        let within = |name: &str| name.split_once('/').is_some_and(|(own, _)| own == namespace);
        self.policies.retain(|name, _| within(name));
        self.pods.retain(|name, _| within(name));
        self.namespaces.retain(|name, _| name == namespace);
        self
    }
}

/// What a running enforcer enforces.
#[derive(Clone, Debug)]
pub struct Enforced {
    file: PathBuf,
}

impl Enforced {
    /// By the file that it was told to write.
    pub fn in_file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// What it enforces now.
    pub fn state(&self) -> Result<State> {
        let text = fs::read_to_string(&self.file).with_context(|| format!("read {}", self.file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("read {}", self.file.display()))
    }

    /// Waits until it enforces what the API server holds of a namespace: its policies, no other ones, and its pods
    /// that have an address. A change of the labels of a pod does not show.
    pub async fn wait_for(&self, client: &Client, namespace: &str) -> Result<()> {
        wait_until(&format!("the enforcement in {namespace}"), PATIENCE, async || {
            let objects = objects_of(client, namespace).await?;
            let enforced = self.state()?.in_namespace(namespace);
            let wanted = State::of(&objects, enforced.generation)?;
            ensure!(enforced == wanted, "{enforced:?} is enforced instead of {wanted:?}");
            Ok(())
        })
        .await
    }
}

async fn objects_of(client: &Client, namespace: &str) -> Result<Objects> {
    let own = Api::<Namespace>::all(client.clone()).get(namespace).await?;
    Ok(Objects {
        namespaces: vec![Arc::new(own)],
        pods: list(client, namespace).await?,
        policies: list(client, namespace).await?,
    })
}

async fn list<K>(client: &Client, namespace: &str) -> Result<Vec<Arc<K>>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let all = Api::<K>::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
    Ok(all.into_iter().map(Arc::new).collect())
}
