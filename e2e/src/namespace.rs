//! A namespace per test.

use std::{
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1 as core;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use crate::{
    access::Access,
    versions::{self, Versions},
};

static CREATED: AtomicU32 = AtomicU32::new(0);

/// A namespace with a name of its own. It is deleted when this is dropped, and
/// nobody waits until that is done.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    access: Access,
}

impl Namespace {
    /// Creates it; the prefix should say whose it is.
    pub async fn create(access: &Access, prefix: &str) -> Result<Self> {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{}-{number}", process::id());
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = core::Namespace { metadata, ..core::Namespace::default() };
        let namespaces: Api<core::Namespace> = Api::all(access.client().await?);
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .with_context(|| format!("create namespace {name}"))?;
        Ok(Self { name, access: access.clone() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An interface to one kind of object in it.
    pub fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(client.clone(), &self.name)
    }

    /// The state of everything in it that an operator writes.
    pub async fn versions(&self) -> Result<Versions> {
        versions::read(&self.access.client().await?, &self.name).await
    }

    /// Applies YAML in it, as `kubectl apply --server-side` does.
    pub async fn apply(&self, yaml: &str) -> Result<String> {
        self.access.kubectl_with(["apply", "--server-side", "-n", &self.name, "-f", "-"], yaml).await
    }

    /// Runs `kubectl` in it.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.access.kubectl(["-n", &self.name].iter().chain(arguments)).await
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let mut command = Command::new(self.access.tools().program("kubectl"));
        command.args(["delete", "namespace", "--wait=false", &self.name]);
        command.env("KUBECONFIG", self.access.kubeconfig());
        command.env("KUBECACHEDIR", self.access.scratch().join("kubectl"));
        // Whether it works is of no interest: the control plane may be gone.
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}
