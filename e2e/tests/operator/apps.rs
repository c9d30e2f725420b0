//! A MicroserviceApp under test, in a namespace of its own.

use anyhow::{Context, Result, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use msapp_crds::v1alpha1::{MicroserviceApp, MicroserviceAppStatus};
use msapp_e2e::{Access, History, Namespace, PATIENCE, Versions, wait_until};
use serde_json::Value;

/// Three services in a row; the last one needs a Secret.
pub(crate) const CHAIN: &str = "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {name: chain}
spec:
  services:
    - name: web
      image: registry.test/web:1
      ports: [{name: http, port: 80, targetPort: 8080}]
      dependencies: [{name: api, env: [{name: API, from: Url}]}]
    - name: api
      image: registry.test/api:1
      ports: [{name: http, port: 80, targetPort: 8080}]
      dependencies: [{name: db, env: [{name: DATABASE_URL, from: Url}]}]
    - name: clock
      image: registry.test/clock:1
  backingServices:
    - {name: db, engine: PostgreSQL, host: db.data.svc, database: chain, secret: {name: db}}
";

/// The Secret that [`CHAIN`] refers to.
pub(crate) const CHAIN_SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {username: chain, password: first}
";

/// One service and nothing else, with an image and annotations for its pods.
pub(crate) fn single(image: &str, annotations: &str) -> String {
    format!(
        "
apiVersion: msapp.dev/v1alpha1
kind: MicroserviceApp
metadata: {{name: single}}
spec:
  services:
    - name: web
      image: {image}
      ports: [{{name: http, port: 80}}]
      annotations: {annotations}
"
    )
}

/// The resource with everything that is read from its namespace.
pub(crate) struct App {
    pub(crate) namespace: Namespace,
    pub(crate) api: Api<MicroserviceApp>,
    pub(crate) name: String,
}

impl App {
    /// A namespace with an app in it, and nothing waited for.
    pub(crate) async fn create(access: &Access, prefix: &str, yaml: &[&str]) -> Result<Self> {
        let namespace = Namespace::create(access, prefix).await?;
        Self::apply(access, namespace, yaml).await
    }

    pub(crate) async fn apply(access: &Access, namespace: Namespace, yaml: &[&str]) -> Result<Self> {
        namespace.apply(&yaml.join("\n---\n")).await?;
        let api = namespace.api(&access.client().await?);
        let apps = namespace.kubectl(&["get", "msapp", "-o", "name"]).await?;
        let name = apps.trim().rsplit('/').next().context("there is no app")?.to_owned();
        Ok(Self { namespace, api, name })
    }

    /// The chain, ready.
    pub(crate) async fn ready_chain(access: &Access, prefix: &str) -> Result<Self> {
        let app = Self::create(access, prefix, &[CHAIN_SECRET, CHAIN]).await?;
        app.ready().await?;
        Ok(app)
    }

    pub(crate) async fn get(&self) -> Result<MicroserviceApp> {
        Ok(self.api.get(&self.name).await?)
    }

    /// Waits for the status of the latest generation to satisfy `check`.
    pub(crate) async fn until(
        &self,
        what: &str,
        check: impl Fn(&MicroserviceAppStatus) -> bool,
    ) -> Result<MicroserviceAppStatus> {
        wait_until(what, PATIENCE, async || {
            let app = self.get().await?;
            let status = app.status.unwrap_or_default();
            ensure!(status.observed_generation == app.metadata.generation, "not seen yet: {status:#?}");
            ensure!(check(&status), "{status:#?}");
            Ok(status)
        })
        .await
    }

    pub(crate) async fn ready(&self) -> Result<MicroserviceAppStatus> {
        self.until("the app to be ready", |status| condition(status, "Ready") == "True").await
    }

    /// Merges something into the resource.
    pub(crate) async fn patch(&self, patch: Value) -> Result<()> {
        let patch = Patch::Json::<()>(serde_json::from_value(patch)?);
        self.api.patch(&self.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// What the operator made: everything but the resource itself.
    pub(crate) async fn children(&self) -> Result<Versions> {
        let mut versions = self.namespace.versions().await?;
        versions.retain(|name, _| !name.starts_with("MicroserviceApp/"));
        Ok(versions)
    }

    /// Every status that the apps of a namespace have from now on.
    pub(crate) fn statuses(api: Api<MicroserviceApp>) -> History<MicroserviceAppStatus> {
        // Before an operator has seen it, a resource has a status too.
        History::of(api, |app| app.status.filter(|status| status.observed_generation != Some(-1)))
    }
}

/// `True`, `False` or `Unknown`; empty when there is no such condition.
pub(crate) fn condition<'a>(status: &'a MicroserviceAppStatus, kind: &str) -> &'a str {
    status
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind)
        .map_or("", |condition| &condition.status)
}

/// Everything the status says in words.
pub(crate) fn words(status: &MicroserviceAppStatus) -> String {
    let conditions = status.conditions.iter().map(|condition| {
        format!("{}={} {}: {}", condition.type_, condition.status, condition.reason, condition.message)
    });
    let services = status.services.iter().map(|service| {
        let reason = service.reason.as_deref().unwrap_or_default();
        let message = service.message.as_deref().unwrap_or_default();
        format!(
            "{} {}/{} {reason}: {message} {:?}",
            service.name, service.ready, service.desired, service.waiting_for
        )
    });
    conditions.chain(services).collect::<Vec<_>>().join("\n")
}

/// The names of what differs between two moments.
pub(crate) fn changed(before: &Versions, after: &Versions) -> Vec<String> {
    let differs = |name: &&String| before.get(*name) != after.get(*name);
    let mut names: Vec<String> = before.keys().chain(after.keys()).filter(differs).cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// The names of objects whose spec differs: without what controllers write into their status.
pub(crate) fn respecified(before: &Versions, after: &Versions) -> Vec<String> {
    let mut names = changed(before, after);
    names.retain(|name| {
        let generation =
            |versions: &Versions| versions.get(name).map(|version| (version.generation, version.uid.clone()));
        let (old, new) = (generation(before), generation(after));
        old != new || new.is_some_and(|(generation, _)| generation.is_none())
    });
    names
}
