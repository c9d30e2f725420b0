//! Which objects changed between two moments, by what etcd holds of them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
};

/// Everything the operator writes in a namespace: group, version, kind, plural.
const KINDS: [(&str, &str, &str, &str); 9] = [
    ("msapp.dev", "v1alpha1", "MicroserviceApp", "microserviceapps"),
    ("apps", "v1", "Deployment", "deployments"),
    ("", "v1", "Service", "services"),
    ("", "v1", "ServiceAccount", "serviceaccounts"),
    ("", "v1", "ConfigMap", "configmaps"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    ("networking.k8s.io", "v1", "Ingress", "ingresses"),
];

/// The state of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Is another one after every write that changed anything.
    pub resource_version: String,
    /// Grows only when the spec changed; none for kinds without one.
    pub generation: Option<i64>,
    /// Is another one after the object was deleted and created again.
    pub uid: String,
}

/// The state of every object in a namespace that an operator writes, by
/// `Kind/name`. The ServiceAccount and ConfigMap that every namespace has are
/// left out.
pub type Versions = BTreeMap<String, Version>;

/// Reads them all.
pub(crate) async fn read(client: &Client, namespace: &str) -> Result<Versions> {
    let mut versions = Versions::new();
    for (group, version, kind, plural) in KINDS {
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let resource = ApiResource {
            group: group.into(),
            version: version.into(),
            api_version,
            kind: kind.into(),
            plural: plural.into(),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let list = api.list(&ListParams::default()).await;
        for object in list.with_context(|| format!("list {plural} in {namespace}"))? {
            let metadata = object.metadata;
            let name = metadata.name.unwrap_or_default();
            if matches!(name.as_str(), "default" | "kube-root-ca.crt") {
                continue;
            }
            let version = Version {
                resource_version: metadata.resource_version.unwrap_or_default(),
                generation: metadata.generation,
                uid: metadata.uid.unwrap_or_default(),
            };
            versions.insert(format!("{kind}/{name}"), version);
        }
    }
    Ok(versions)
}
