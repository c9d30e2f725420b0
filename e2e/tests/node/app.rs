//! An app of a scenario's own, in a namespace of its own.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use msapp_crds::v1alpha1::{MicroserviceApp, MicroserviceAppStatus};
use msapp_e2e::{History, Namespace, PATIENCE, wait_until};
use serde_json::Value;

use crate::stage::Stage;

/// One of the names that the image of the workload has.
pub(crate) const IMAGE: &str = "registry.example/shop/catalog:1.9.0";

/// The resource, its pods, and everything that is read of them.
pub(crate) struct App {
    pub(crate) namespace: Namespace,
    pub(crate) api: Api<MicroserviceApp>,
    pub(crate) pods: Api<Pod>,
    name: &'static str,
}

impl App {
    /// Applies documents, one of which is the app of this name; `IMAGE` in them is an image of the workload.
    pub(crate) async fn create(stage: &Stage, name: &'static str, documents: &str) -> Result<Self> {
        let namespace = stage.namespace(name).await?;
        let client = stage.node().await?.client().await?;
        let (api, pods) = (namespace.api(&client), namespace.api(&client));
        let app = Self { namespace, api, pods, name };
        app.apply(documents).await?;
        Ok(app)
    }

    /// Applies documents anew.
    pub(crate) async fn apply(&self, documents: &str) -> Result<()> {
        self.namespace.apply(&documents.replace("IMAGE", IMAGE)).await?;
        Ok(())
    }

    /// Changes the resource by a JSON patch.
    pub(crate) async fn patch(&self, patch: Value) -> Result<()> {
        let patch = Patch::Json::<()>(serde_json::from_value(patch)?);
        self.api.patch(self.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Waits until the status of the latest generation satisfies `check`; tells pods and events when it does not.
    pub(crate) async fn until(
        &self,
        what: &str,
        check: impl Fn(&MicroserviceAppStatus) -> bool,
    ) -> Result<MicroserviceAppStatus> {
        let waited = wait_until(what, PATIENCE, async || {
            let app = self.api.get(self.name).await?;
            let status = app.status.unwrap_or_default();
            ensure!(status.observed_generation == app.metadata.generation, "not seen yet: {status:#?}");
            ensure!(check(&status), "it says\n{}", words(&status));
            Ok(status)
        });
        match waited.await {
            Ok(status) => Ok(status),
            Err(error) => Err(error.context(self.seen().await)),
        }
    }

    pub(crate) async fn ready(&self) -> Result<MicroserviceAppStatus> {
        self.until("the app to be ready", |status| condition(status, "Ready").0 == "True").await
    }

    /// Every status that it has from now on.
    pub(crate) fn statuses(&self) -> History<MicroserviceAppStatus> {
        History::of(self.api.clone(), |app: MicroserviceApp| {
            app.status.filter(|status| status.observed_generation != Some(-1))
        })
    }

    /// The pods of a service, by name.
    pub(crate) async fn pods_of(&self, service: &str) -> Result<Vec<Pod>> {
        let of_service = ListParams::default().labels(&format!("msapp.dev/service={service}"));
        Ok(self.pods.list(&of_service).await?.items)
    }

    /// The one pod that a service has, those that go apart.
    pub(crate) async fn pod_of(&self, service: &str) -> Result<Pod> {
        let mut pods = self.pods_of(service).await?;
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        ensure!(pods.len() == 1, "{service} has {} pods", pods.len());
        pods.pop().context("one pod")
    }

    /// Has the workload of a service make trouble, or stop making it.
    pub(crate) async fn control(&self, service: &str, trouble: &str) -> Result<()> {
        self.control_pod(&self.pod_of(service).await?, trouble).await
    }

    /// Has the workload in one pod make trouble, or stop making it.
    pub(crate) async fn control_pod(&self, pod: &Pod, trouble: &str) -> Result<()> {
        let control = ["exec", &pod.name_any(), "--", "/app/workload", "control", trouble];
        self.namespace.kubectl(&control).await?;
        Ok(())
    }

    /// Everything that helps to see why it is not as it should be.
    async fn seen(&self) -> String {
        let mut seen = String::new();
        let looks: [&[&str]; 2] = [
            &["get", "pods", "-o", "wide"],
            &[
                "get",
                "events",
                "--sort-by=.lastTimestamp",
                "-o",
                "custom-columns=:.involvedObject.name,:.reason,:.message",
            ],
        ];
        for look in looks {
            seen += &self.namespace.kubectl(look).await.unwrap_or_else(|error| format!("{error:#}"));
        }
        seen
    }
}

/// Whether a condition is `True`, `False` or `Unknown`, and its message; empty when there is none.
pub(crate) fn condition<'a>(status: &'a MicroserviceAppStatus, kind: &str) -> (&'a str, &'a str) {
    let found = status.conditions.iter().find(|condition| condition.type_ == kind);
    found.map_or(("", ""), |condition| (&condition.status, &condition.message))
}

/// What the status says of a service, `Reason: message` without the name of the pod; nothing when it is ready.
pub(crate) fn told(status: &MicroserviceAppStatus, service: &str) -> String {
    let found = status.services.iter().find(|one| one.name == service);
    let reason = found.and_then(|service| service.reason.as_deref()).unwrap_or_default();
    let message = found.and_then(|service| service.message.as_deref()).unwrap_or_default();
    let in_pod = message.strip_prefix("pod ").and_then(|named| named.split_once(": "));
    let message = in_pod.filter(|(pod, _)| pod.starts_with(service)).map_or(message, |(_, message)| message);
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

/// `Reason: message` of a service as a sentence about the whole app has it.
pub(crate) fn in_parentheses(told: &str) -> String {
    told.split_once(": ").map_or(told.to_owned(), |(reason, message)| format!("{reason} ({message})"))
}

/// Everything the status says in words.
pub(crate) fn words(status: &MicroserviceAppStatus) -> String {
    let conditions = status.conditions.iter().map(|condition| {
        format!("{}={} {}: {}", condition.type_, condition.status, condition.reason, condition.message)
    });
    let services = status.services.iter().map(|service| {
        format!("{} {}/{} {}", service.name, service.ready, service.desired, told(status, &service.name))
    });
    conditions.chain(services).collect::<Vec<_>>().join("\n")
}

/// How often the containers of a pod were restarted.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.map(|status| status.restart_count).sum()
}
