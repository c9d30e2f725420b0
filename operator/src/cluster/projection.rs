//! What is kept of an object: computed while it is decoded, so that the object itself is dropped at once and an
//! object that cannot be understood never breaks a watch.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use msapp_core::desired::ChildKind;
use msapp_core::observed::{Child, Owner, Pod, Warning, project_child, project_pod};
use msapp_core::reference::config_map_entries;
use msapp_core::source::{Bindings, Source};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::cache::{Cached, Object};

/// Reasons of warning events that tell why a pod does not start or is not ready.
const EXPLAINING: [&str; 6] =
    ["FailedMount", "FailedAttachVolume", "Unhealthy", "FailedCreatePodSandBox", "Failed", "BackOff"];
/// Characters of an event's message that are kept: as many as the API server takes.
const NOTE_LENGTH: usize = 1024;

/// API group, version, kind and plural.
pub(super) type ResourceName = (&'static str, &'static str, &'static str, &'static str);

/// How the objects of one resource are kept.
pub(super) trait Projection: Clone + fmt::Debug + Send + Sync + 'static {
    /// The resource.
    const RESOURCE: ResourceName;
    /// Whether only the metadata is asked for.
    const METADATA_ONLY: bool = false;
    /// What is kept.
    type Kept: Cached + Clone + PartialEq + fmt::Debug;

    /// What is kept of an object, or nothing when it does not matter.
    fn project(object: Value) -> Option<Self::Kept>;
}

/// A resource as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredApp {
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.creationTimestamp`, RFC 3339; only compared.
    pub created: String,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// `spec`, whatever it holds.
    pub spec: Arc<Value>,
    /// `status`, when there is one that can be read.
    pub status: Option<Arc<MicroserviceAppStatus>>,
    /// The names of its services, as far as there are any: what its children are called.
    pub services: BTreeSet<String>,
}

impl Cached for StoredApp {}

impl Projection for StoredApp {
    type Kept = Self;
    const RESOURCE: ResourceName = (msapp_crds::GROUP, "v1alpha1", "MicroserviceApp", "microserviceapps");

    fn project(mut object: Value) -> Option<Self> {
        let spec = object["spec"].take();
        let services = spec["services"].as_array().into_iter().flatten();
        let services = services.filter_map(|service| service["name"].as_str().map(str::to_owned)).collect();
        let status = Option::<MicroserviceAppStatus>::deserialize(object["status"].take()).ok().flatten();
        let metadata = &object["metadata"];
        Some(Self {
            generation: metadata["generation"].as_i64().unwrap_or_default(),
            created: metadata["creationTimestamp"].as_str().unwrap_or_default().to_owned(),
            deleting: metadata["deletionTimestamp"].is_string(),
            spec: Arc::new(spec),
            status: status.map(Arc::new),
            services,
        })
    }
}

impl StoredApp {
    /// Whether its status says that it is ready.
    pub fn is_ready(&self) -> bool {
        let conditions = self.status.iter().flat_map(|status| &status.conditions);
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }
}

impl Object<StoredApp> {
    /// The resource as the core reads it.
    pub fn source(&self) -> Source {
        Source {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            generation: self.value.generation,
            spec: Value::clone(&self.value.spec),
            bindings: Bindings::new(),
        }
    }
}

/// An object of one of the kinds the operator makes, whoever made it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredChild {
    /// The object; of a foreign one hardly more than whose it is.
    pub child: Child,
    /// Digest of each entry, of ConfigMaps.
    pub entries: BTreeMap<String, String>,
}

impl StoredChild {
    fn new(kind: ChildKind, object: &Value) -> Self {
        let mut child = project_child(kind, object);
        if matches!(child.owner, Owner::Foreign(_)) {
            child.rivals = Vec::new();
            child.workload = None;
        }
        let entries = if kind == ChildKind::ConfigMap { config_map_entries(object) } else { BTreeMap::new() };
        Self { child, entries }
    }

    fn owner_uid(&self) -> Option<&str> {
        match &self.child.owner {
            Owner::App { uid, .. } => uid.as_deref(),
            Owner::Foreign(_) => None,
        }
    }
}

impl Cached for StoredChild {
    fn group(&self) -> Option<&str> {
        self.owner_uid()
    }
}

/// Children of the kind at an index of [`ChildKind::ALL`].
#[derive(Clone, Debug)]
pub(super) struct ChildAt<const INDEX: usize>;

/// Group, version, kind and plural of a kind of child.
const fn child_resource(index: usize) -> ResourceName {
    match ChildKind::ALL[index] {
        ChildKind::ServiceAccount => ("", "v1", "ServiceAccount", "serviceaccounts"),
        ChildKind::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
        ChildKind::NetworkPolicy => ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
        ChildKind::Service => ("", "v1", "Service", "services"),
        ChildKind::Deployment => ("apps", "v1", "Deployment", "deployments"),
        ChildKind::HorizontalPodAutoscaler => {
            ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
        }
        ChildKind::PodDisruptionBudget => ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
        ChildKind::Ingress => ("networking.k8s.io", "v1", "Ingress", "ingresses"),
    }
}

impl<const INDEX: usize> Projection for ChildAt<INDEX> {
    type Kept = StoredChild;
    const RESOURCE: ResourceName = child_resource(INDEX);

    fn project(object: Value) -> Option<StoredChild> {
        Some(StoredChild::new(ChildKind::ALL[INDEX], &object))
    }
}

/// A pod of an app.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPod {
    /// Name of the app.
    pub app: String,
    /// The pod.
    pub pod: Pod,
}

impl Cached for StoredPod {
    fn group(&self) -> Option<&str> {
        Some(&self.app)
    }
}

impl Projection for StoredPod {
    type Kept = Self;
    const RESOURCE: ResourceName = ("", "v1", "Pod", "pods");

    fn project(object: Value) -> Option<Self> {
        project_pod(&object).map(|(app, pod)| Self { app, pod })
    }
}

/// A Secret: nothing of it but that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret;

impl Cached for StoredSecret {}

impl Projection for StoredSecret {
    type Kept = Self;
    const RESOURCE: ResourceName = ("", "v1", "Secret", "secrets");
    const METADATA_ONLY: bool = true;

    fn project(_: Value) -> Option<Self> {
        Some(Self)
    }
}

/// A warning event about a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodNote {
    /// The pod.
    pub pod: String,
    /// What happened.
    pub warning: Warning,
}

impl Cached for PodNote {
    fn group(&self) -> Option<&str> {
        Some(&self.pod)
    }
}

impl Projection for PodNote {
    type Kept = Self;
    const RESOURCE: ResourceName = ("", "v1", "Event", "events");

    fn project(object: Value) -> Option<Self> {
        let reason = object["reason"].as_str().filter(|reason| EXPLAINING.contains(reason))?;
        let message = object["message"].as_str().unwrap_or_default();
        Some(Self {
            pod: object["involvedObject"]["name"].as_str()?.to_owned(),
            warning: Warning {
                reason: reason.to_owned(),
                message: message.chars().take(NOTE_LENGTH).collect(),
                count: times(&object),
            },
        })
    }
}

/// How often an event was told; the first time it has no series.
fn times(event: &Value) -> u32 {
    let count = event["series"]["count"].as_u64().or(event["count"].as_u64()).unwrap_or(1);
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What a watch decodes: identity, and what is kept.
#[derive(Clone, Debug)]
pub(super) struct Wire<P: Projection> {
    metadata: ObjectMeta,
    /// What is kept, or nothing when the object does not matter.
    pub value: Option<P::Kept>,
}

impl<P: Projection> Wire<P> {
    /// The object under its identity.
    pub fn object(self) -> Option<Object<P::Kept>> {
        let metadata = self.metadata;
        let value = self.value?;
        Some(Object {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            resource_version: metadata.resource_version.unwrap_or_default(),
            value,
        })
    }

    /// Namespace, name and UID, whether it matters or not.
    pub fn identity(&self) -> (&str, &str, &str) {
        let ObjectMeta { namespace, name, uid, .. } = &self.metadata;
        (
            namespace.as_deref().unwrap_or_default(),
            name.as_deref().unwrap_or_default(),
            uid.as_deref().unwrap_or_default(),
        )
    }
}

fn identity_of(object: &Value) -> ObjectMeta {
    let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
    ObjectMeta {
        name: text("name"),
        namespace: text("namespace"),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        ..ObjectMeta::default()
    }
}

impl<'de, P: Projection> Deserialize<'de> for Wire<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        Ok(Self { metadata: identity_of(&object), value: P::project(object) })
    }
}

impl<P: Projection> Resource for Wire<P> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        P::RESOURCE.2.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        P::RESOURCE.0.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        P::RESOURCE.1.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        P::RESOURCE.3.into()
    }

    fn metadata_api() -> bool {
        P::METADATA_ONLY
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Projects an answer of the API server to one of our own writes.
pub(super) fn decode<P: Projection>(object: Value) -> Option<Object<P::Kept>> {
    Wire::<P> { metadata: identity_of(&object), value: P::project(object) }.object()
}

/// Projects the answer to a write of an app's status.
pub fn app_from(object: Value) -> Option<Object<StoredApp>> {
    decode::<StoredApp>(object)
}

/// Projects the answer to a write of a child.
pub fn child_from(kind: ChildKind, object: &Value) -> Object<StoredChild> {
    let metadata = identity_of(object);
    Object {
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        resource_version: metadata.resource_version.unwrap_or_default(),
        value: StoredChild::new(kind, object),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_app_of_any_shape_is_decoded() {
        for spec in [json!(null), json!("text"), json!({"services": 7}), json!({"services": [{"nam": "a"}]})]
        {
            let object =
                json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec, "status": ["odd"]});
            let wire: Wire<StoredApp> = serde_json::from_value(object).expect("decodes");
            let app = wire.object().expect("is kept");
            assert_eq!((app.value.status, app.value.services.len()), (None, 0));
        }
    }

    #[test]
    fn the_names_of_the_services_are_known_without_resolving() {
        let object = json!({"metadata": {"name": "a"}, "spec": {"services": [{"name": "b"}, {"name": "c"}]}});
        let app = decode::<StoredApp>(object).expect("is kept");
        assert_eq!(app.value.services.into_iter().collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn of_a_config_map_each_entry_is_digested_and_of_a_foreign_object_little_is_kept() {
        let object = json!({"metadata": {"name": "flags", "uid": "u", "resourceVersion": "7", "managedFields": [
            {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}}]},
            "data": {"a": "1", "b": "2"}, "binaryData": {"c": "AA=="}});
        let kept = child_from(ChildKind::ConfigMap, &object);
        assert_eq!(kept.value.entries.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_ne!(kept.value.entries["a"], kept.value.entries["b"]);
        assert!(kept.value.child.rivals.is_empty());
        assert!(matches!(kept.value.child.owner, Owner::Foreign(_)));
    }

    #[test]
    fn only_events_that_explain_something_are_kept_and_their_text_is_bounded() {
        let event = |reason: &str| {
            let message = "x".repeat(2000);
            json!({"metadata": {"name": "e"}, "reason": reason, "message": message, "involvedObject": {"name": "p"}})
        };
        assert!(decode::<PodNote>(event("Scheduled")).is_none());
        let note = decode::<PodNote>(event("FailedMount")).expect("is kept").value;
        assert_eq!((note.pod.as_str(), note.warning.message.len()), ("p", NOTE_LENGTH));
    }

    #[test]
    fn resources_of_children_agree_with_the_core() {
        for (index, kind) in ChildKind::ALL.into_iter().enumerate() {
            let (group, version, name, plural) = child_resource(index);
            let api_version =
                if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
            assert_eq!(
                (api_version.as_str(), name, plural),
                (kind.api_version(), kind.as_str(), kind.plural())
            );
        }
    }
}
