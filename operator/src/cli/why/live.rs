//! What of a connection is there in a cluster, as far as the user may read it.

use anyhow::Result;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use msapp_core::graph::App;
use msapp_core::labels;
use msapp_core::policy::{Endpoint, dns_server};
use msapp_core::why::{EndSight, Look, Question, Sight};
use serde_json::Value;

use crate::cli::cluster::{Attempt, Cluster};

/// Everything on the way from the caller to the called one.
pub(super) async fn look(app: &App, question: &Question, context: Option<&str>) -> Result<Sight> {
    let viewer = Viewer { cluster: Cluster::connect(context).await?, app };
    let called = match app.service(&question.to) {
        Some(service) => Some(viewer.end(&service.name).await?),
        None => None,
    };
    let of_service = format!("kubernetes.io/service-name={}", question.to);
    Ok(Sight {
        caller: viewer.end(&question.from).await?,
        called,
        service: viewer.named(&ApiResource::erase::<Service>(&()), &question.to).await?,
        slices: viewer.list(&ApiResource::erase::<EndpointSlice>(&()), &app.namespace, &of_service).await?,
        dns: viewer.dns().await?,
    })
}

struct Viewer<'a> {
    cluster: Cluster,
    app: &'a App,
}

impl Viewer<'_> {
    async fn end(&self, service: &str) -> Result<EndSight> {
        let selector = labels::selector(&self.app.name, service);
        let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let pods = ApiResource::erase::<Pod>(&());
        Ok(EndSight {
            service: service.to_owned(),
            policy: self.named(&ApiResource::erase::<NetworkPolicy>(&()), service).await?,
            pods: self.list(&pods, &self.app.namespace, &selector.join(",")).await?,
        })
    }

    /// Where nobody named the servers, clusters differ: none at the usual place proves nothing.
    async fn dns(&self) -> Result<Look<Vec<Value>>> {
        let Endpoint::Pod(server) = dns_server(self.app) else {
            return Ok(Look::Unread("it is no pod".to_owned()));
        };
        let selector: Vec<String> =
            server.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let selector = selector.join(",");
        let found = self.list(&ApiResource::erase::<Pod>(&()), &server.namespace, &selector).await?;
        let named = self.app.network.as_ref().is_some_and(|rules| !rules.dns.is_empty());
        Ok(match found {
            Look::Found(pods) if pods.is_empty() && !named => Look::Unread(format!(
                "no pods {selector} in {}; if DNS runs elsewhere, name it in spec.network.dns",
                server.namespace
            )),
            found => found,
        })
    }

    async fn named(&self, resource: &ApiResource, name: &str) -> Result<Look<Value>> {
        let api = self.api(resource, &self.app.namespace);
        let what = format!("{} {name}", resource.kind);
        let attempt = Attempt { verb: "get", what: &what, namespace: Some(&self.app.namespace) };
        let request = async {
            readable(api.get_opt(name).await.map(|found| match found {
                Some(object) => Look::Found(value(&object)),
                None => Look::Absent,
            }))
        };
        self.cluster.answer(attempt, request).await
    }

    async fn list(
        &self,
        resource: &ApiResource,
        namespace: &str,
        selector: &str,
    ) -> Result<Look<Vec<Value>>> {
        let api = self.api(resource, namespace);
        let attempt = Attempt { verb: "list", what: &resource.plural, namespace: Some(namespace) };
        let request = async {
            let listed = api.list(&ListParams::default().labels(selector)).await;
            readable(listed.map(|list| Look::Found(list.items.iter().map(value).collect())))
        };
        self.cluster.answer(attempt, request).await
    }

    fn api(&self, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.cluster.client.clone(), namespace, resource)
    }
}

/// What the user may not read stays unknown; everything else that fails ends the command.
fn readable<T>(answer: kube::Result<Look<T>>) -> kube::Result<Look<T>> {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Look::Unread(status.message.clone())),
        answer => answer,
    }
}

fn value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).expect("an object is plain data")
}
