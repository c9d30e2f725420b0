//! What is there: small projections of what the API server holds, as far as plan and status need it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::{ChildKey, ChildKind};
use crate::fields::{Fields, Rival};
use crate::labels;

/// Everything observed for one app.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Every object of the app's namespace that carries the name of a wanted child or belongs to the app.
    pub children: BTreeMap<ChildKey, Child>,
    /// The app's pods.
    pub pods: Vec<Pod>,
    /// Services that another app of the namespace has a better claim to: service name → name of that app.
    pub claims: BTreeMap<String, String>,
    /// Services whose pods were started before: those that have a Deployment of this app, and those that had one by
    /// the previous status. `startAfter` holds none of them again.
    pub started: BTreeSet<String>,
}

/// An object of one of the kinds the operator makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Whose it is.
    pub owner: Owner,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The fields that the operator owns, and their values.
    pub fields: Fields,
    /// Other managers that own fields of the kinds of fields the operator writes.
    pub rivals: Vec<Rival>,
    /// Deployments only.
    pub workload: Option<Workload>,
}

/// Whose an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Made for the app with this name and UID.
    App {
        /// Name of the app.
        name: String,
        /// UID of the app, from the controlling owner reference; none when somebody removed the reference.
        uid: Option<String>,
    },
    /// Somebody else's: the text says whose, as well as the object tells.
    Foreign(String),
}

/// How a Deployment is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// `spec.replicas`, as somebody or the default set it.
    pub replicas: i32,
    /// `status.replicas`.
    pub current: i32,
    /// `status.updatedReplicas`.
    pub updated: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// `status.availableReplicas`.
    pub available: i32,
    /// Message of the condition `ReplicaFailure` while it is true: quota, admission.
    pub replica_failure: Option<String>,
    /// Whether `Progressing` is False with reason `ProgressDeadlineExceeded`.
    pub deadline_exceeded: bool,
    /// Whether `Progressing` has the reason `NewReplicaSetAvailable`: all pods of a version were up together.
    pub rolled_out: bool,
    /// `spec.selector.matchLabels`: immutable, so it is compared before a write.
    pub selector: BTreeMap<String, String>,
    /// Annotation [`labels::REFERENCE_DIGEST`] of the pod template.
    pub reference_digest: Option<String>,
}

impl Workload {
    /// Whether all pods of this version, and no others, are up: the Deployment controller's own rule
    /// (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#complete-deployment>).
    pub fn is_complete(&self) -> bool {
        self.observed_generation >= self.generation
            && self.updated >= self.replicas
            && self.current <= self.updated
            && self.available >= self.replicas
    }

    /// Whether the pods of the latest version are still being brought up. Pods that fail once all of them have been up
    /// do not count, nor does a rollout that has come to nothing: it may stay so for ever.
    pub fn is_rolling_out(&self) -> bool {
        let replaced = self.updated >= self.replicas && self.current <= self.updated;
        let seen = self.observed_generation >= self.generation;
        let over = seen && (self.deadline_exceeded || (self.rolled_out && replaced));
        !self.is_complete() && !over
    }
}

/// A pod of the app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`.
    pub name: String,
    /// The service, by label.
    pub service: String,
    /// Label `pod-template-hash`: which version of the Deployment it belongs to.
    pub template_hash: String,
    /// `metadata.creationTimestamp`, RFC 3339; only compared.
    pub created: String,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether it has ended for good and only its record is left, as that of an evicted pod is.
    pub ended: bool,
    /// Whether its condition `Ready` is true.
    pub ready: bool,
    /// When its condition `Ready` changed last, RFC 3339, while it is not true.
    pub unready_since: String,
    /// Whether its volumes are mounted and it has a network (`PodReadyToStartContainers`).
    pub prepared: bool,
    /// Failures of its readiness probe that count: `failureThreshold`; without a probe none are needed.
    pub readiness_failures: u32,
    /// Message of `PodScheduled` while it is False with reason `Unschedulable`.
    pub unschedulable: Option<String>,
    /// Init and main containers, in order.
    pub containers: Vec<Container>,
    /// Warning events about mounts and probes, oldest first, as far as events are watched.
    pub warnings: Vec<Warning>,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image, as the status tells it.
    pub image: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it runs.
    pub running: bool,
    /// Whether it runs and its startup probe has not succeeded yet.
    pub starting: bool,
    /// The most memory that it may use, as the pod says it.
    pub memory_limit: Option<String>,
    /// `state.waiting`.
    pub waiting: Option<Waiting>,
    /// `state.terminated`, else `lastState.terminated`.
    pub terminated: Option<Terminated>,
}

/// Why a container waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// `reason`, such as `ImagePullBackOff`.
    pub reason: String,
    /// `message`.
    pub message: String,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terminated {
    /// `exitCode`.
    pub exit_code: i32,
    /// `reason`, such as `OOMKilled`.
    pub reason: String,
    /// `message`: its last words.
    pub message: String,
    /// `finishedAt`, RFC 3339.
    pub finished: String,
}

/// A warning event about a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// `reason`: `FailedMount`, `Unhealthy`, …
    pub reason: String,
    /// `message`.
    pub message: String,
    /// How often it was told.
    pub count: u32,
}

/// Projects a live object (as the API server sends it, managedFields included) of a kind the operator makes.
pub fn project_child(kind: ChildKind, object: &Value) -> Child {
    let metadata = &object["metadata"];
    let (fields, rivals) = crate::fields::project(kind, object);
    Child {
        uid: text(&metadata["uid"]),
        resource_version: text(&metadata["resourceVersion"]),
        owner: owner(metadata),
        deleting: metadata["deletionTimestamp"].is_string(),
        fields,
        rivals,
        workload: (kind == ChildKind::Deployment).then(|| workload(object)),
    }
}

fn owner(metadata: &Value) -> Owner {
    let controller = metadata["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|owner| owner["controller"] == true);
    match controller {
        Some(controller) if controller["kind"] == "MicroserviceApp" => {
            Owner::App { name: text(&controller["name"]), uid: Some(text(&controller["uid"])) }
        }
        Some(controller) => {
            Owner::Foreign(format!("{} {}", text(&controller["kind"]), text(&controller["name"])))
        }
        None => match metadata["labels"][labels::APP].as_str().filter(|_| is_applied_by_us(metadata)) {
            Some(app) => Owner::App { name: app.to_owned(), uid: None },
            None => Owner::Foreign(foreign_manager(metadata)),
        },
    }
}

fn is_applied_by_us(metadata: &Value) -> bool {
    let entries = metadata["managedFields"].as_array().into_iter().flatten();
    entries.into_iter().any(|entry| entry["manager"] == msapp_crds::MANAGER && entry["operation"] == "Apply")
}

/// Who made an object without a controller, as its labels or its first field manager tell.
fn foreign_manager(metadata: &Value) -> String {
    let label =
        metadata["labels"][labels::MANAGED_BY].as_str().filter(|manager| *manager != msapp_crds::MANAGER);
    let first = metadata["managedFields"].as_array().and_then(|entries| entries.first());
    let manager = label.or_else(|| first.and_then(|entry| entry["manager"].as_str()));
    manager.map_or_else(|| "somebody else".to_owned(), |manager| format!("field manager {manager:?}"))
}

fn workload(object: &Value) -> Workload {
    let status = &object["status"];
    let condition = |name: &str| {
        status["conditions"].as_array().into_iter().flatten().find(|condition| condition["type"] == name)
    };
    let selector = object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    Workload {
        generation: object["metadata"]["generation"].as_i64().unwrap_or_default(),
        observed_generation: status["observedGeneration"].as_i64().unwrap_or_default(),
        replicas: number(&object["spec"]["replicas"]),
        current: number(&status["replicas"]),
        updated: number(&status["updatedReplicas"]),
        ready: number(&status["readyReplicas"]),
        available: number(&status["availableReplicas"]),
        replica_failure: condition("ReplicaFailure")
            .filter(|condition| condition["status"] == "True")
            .map(|condition| text(&condition["message"])),
        deadline_exceeded: condition("Progressing")
            .is_some_and(|condition| condition["reason"] == "ProgressDeadlineExceeded"),
        rolled_out: condition("Progressing")
            .is_some_and(|condition| condition["reason"] == "NewReplicaSetAvailable"),
        selector: selector.map(|(key, value)| (key.clone(), text(value))).collect(),
        reference_digest: object["spec"]["template"]["metadata"]["annotations"][labels::REFERENCE_DIGEST]
            .as_str()
            .map(str::to_owned),
    }
}

/// Projects a live pod, or nothing when it is not a pod of an app.
pub fn project_pod(object: &Value) -> Option<(String, Pod)> {
    let metadata = &object["metadata"];
    let app = metadata["labels"][labels::APP].as_str()?;
    let service = metadata["labels"][labels::SERVICE].as_str()?;
    let status = &object["status"];
    let condition = |name: &str| {
        status["conditions"].as_array().into_iter().flatten().find(|condition| condition["type"] == name)
    };
    let is = |name: &str| condition(name).is_some_and(|condition| condition["status"] == "True");
    let containers = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|list| status[list].as_array().into_iter().flatten())
        .map(|status| container(&object["spec"], status))
        .collect();
    let pod = Pod {
        name: text(&metadata["name"]),
        service: service.to_owned(),
        template_hash: text(&metadata["labels"]["pod-template-hash"]),
        created: text(&metadata["creationTimestamp"]),
        deleting: metadata["deletionTimestamp"].is_string(),
        ended: status["phase"] == "Failed" || status["phase"] == "Succeeded",
        ready: is("Ready"),
        unready_since: condition("Ready")
            .filter(|condition| condition["status"] != "True")
            .map(|condition| text(&condition["lastTransitionTime"]))
            .unwrap_or_default(),
        prepared: is("PodReadyToStartContainers"),
        readiness_failures: readiness_failures(&object["spec"]),
        unschedulable: condition("PodScheduled")
            .filter(|condition| condition["reason"] == "Unschedulable")
            .map(|condition| text(&condition["message"])),
        containers,
        warnings: Vec::new(),
    };
    Some((app.to_owned(), pod))
}

fn readiness_failures(spec: &Value) -> u32 {
    let containers = spec["containers"].as_array().into_iter().flatten();
    let mut thresholds = containers.map(|container| &container["readinessProbe"]["failureThreshold"]);
    thresholds.find_map(Value::as_u64).and_then(|threshold| threshold.try_into().ok()).unwrap_or_default()
}

fn container(spec: &Value, status: &Value) -> Container {
    let waiting = &status["state"]["waiting"];
    let terminated = [&status["state"]["terminated"], &status["lastState"]["terminated"]]
        .into_iter()
        .find(|end| end.is_object());
    let running = status["state"]["running"].is_object();
    let declared = spec["containers"].as_array().into_iter().flatten();
    let mut declared = declared.filter(|container| container["name"] == status["name"]);
    Container {
        name: text(&status["name"]),
        image: text(&status["image"]),
        ready: status["ready"] == true,
        running,
        starting: running && status["started"] == false,
        memory_limit: declared
            .find_map(|container| container["resources"]["limits"]["memory"].as_str())
            .map(str::to_owned),
        waiting: waiting
            .is_object()
            .then(|| Waiting { reason: text(&waiting["reason"]), message: text(&waiting["message"]) }),
        terminated: terminated.map(|end| Terminated {
            exit_code: number(&end["exitCode"]),
            reason: text(&end["reason"]),
            message: text(&end["message"]),
            finished: text(&end["finishedAt"]),
        }),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
}
