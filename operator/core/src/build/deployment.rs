use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, KeyToPath, Lifecycle,
    LifecycleHandler, LocalObjectReference, PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile,
    SecurityContext, SleepAction, TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use msapp_crds::v1alpha1::{Capability, SpreadRule};

use super::config_map::config_digest;
use super::{metadata, selector};
use crate::graph::{App, Scaling, Service};
use crate::{labels, name};

/// The pods of a service.
///
/// Fields that the API server would drop (zero, empty) are left out, so that what is applied is what is read back.
pub(super) fn deployment(app: &App, service: &Service) -> Deployment {
    Deployment {
        metadata: metadata(app, service),
        spec: DeploymentSpec {
            replicas: match service.settings.scaling {
                Scaling::Fixed(replicas) => Some(replicas),
                Scaling::Unset | Scaling::Auto(_) => None,
            },
            selector: selector(app, &service.name),
            strategy: Some(strategy(service)),
            progress_deadline_seconds: Some(service.settings.strategy.progress_deadline),
            min_ready_seconds: Some(service.settings.strategy.min_ready).filter(|seconds| *seconds > 0),
            revision_history_limit: Some(service.settings.strategy.revision_history),
            template: PodTemplateSpec {
                metadata: Some(template_metadata(app, service)),
                spec: Some(pod(app, service)),
            },
            ..DeploymentSpec::default()
        },
        status: None,
    }
}

fn strategy(service: &Service) -> DeploymentStrategy {
    match service.settings.strategy.rolling.clone() {
        None => DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None },
        Some((surge, unavailable)) => DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_surge: Some(surge),
                max_unavailable: Some(unavailable),
            }),
        },
    }
}

/// No operator version and nothing that changes by itself: a different template restarts every pod.
fn template_metadata(app: &App, service: &Service) -> ObjectMeta {
    let mut annotations: BTreeMap<String, String> = service.settings.annotations.clone();
    annotations.insert(labels::CONFIG_DIGEST.to_owned(), config_digest(service));
    if let Some(digest) = &service.reference_digest {
        annotations.insert(labels::REFERENCE_DIGEST.to_owned(), digest.clone());
    }
    ObjectMeta {
        labels: Some(labels::all(&app.name, &service.name, &service.settings.labels)),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}

fn pod(app: &App, service: &Service) -> PodSpec {
    let mut volumes = service.volumes.clone();
    volumes.push(discovery_volume(service));
    let secrets =
        service.settings.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    let constraints = spread(app, service);
    PodSpec {
        service_account_name: Some(service.name.clone()),
        automount_service_account_token: Some(false),
        // Links would put the address of every Service of the namespace into the environment.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(service.settings.stop.period),
        image_pull_secrets: Some(secrets.collect::<Vec<_>>()).filter(|secrets| !secrets.is_empty()),
        security_context: Some(pod_security(service)),
        topology_spread_constraints: (!constraints.is_empty()).then_some(constraints),
        containers: vec![container(service)],
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

fn discovery_volume(service: &Service) -> Volume {
    let item = KeyToPath {
        key: name::DISCOVERY_KEY.to_owned(),
        path: name::DISCOVERY_KEY.to_owned(),
        ..KeyToPath::default()
    };
    let source = ConfigMapVolumeSource {
        name: service.name.clone(),
        items: Some(vec![item]),
        ..ConfigMapVolumeSource::default()
    };
    Volume { name: name::DISCOVERY_VOLUME.to_owned(), config_map: Some(source), ..Volume::default() }
}

fn container(service: &Service) -> Container {
    let mut mounts = service.mounts.clone();
    mounts.push(VolumeMount {
        name: name::DISCOVERY_VOLUME.to_owned(),
        mount_path: name::DISCOVERY_DIRECTORY.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    });
    let ports = container_ports(service);
    Container {
        name: name::CONTAINER.to_owned(),
        image: Some(service.image.clone()),
        command: Some(service.command.clone()).filter(|words| !words.is_empty()),
        args: Some(service.args.clone()).filter(|words| !words.is_empty()),
        env: Some(environment(service)),
        ports: (!ports.is_empty()).then_some(ports),
        resources: Some(service.settings.resources.clone())
            .filter(|resources| resources.requests.is_some() || resources.limits.is_some()),
        startup_probe: service.settings.probes.startup.clone(),
        readiness_probe: service.settings.probes.readiness.clone(),
        liveness_probe: service.settings.probes.liveness.clone(),
        lifecycle: lifecycle(service),
        security_context: Some(container_security(service)),
        // Last words of a crash come from the log when the program writes no termination message.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn environment(service: &Service) -> Vec<EnvVar> {
    let file = format!("{}/{}", name::DISCOVERY_DIRECTORY, name::DISCOVERY_KEY);
    let variable =
        |name: &str, value: String| EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() };
    let mut environment = vec![variable(name::DISCOVERY_VARIABLE, file)];
    if !service.bindings.is_empty() {
        environment.push(variable(name::BINDING_VARIABLE, name::BINDING_DIRECTORY.to_owned()));
    }
    environment.extend(service.env.iter().cloned());
    environment
}

/// Two ports of a Service may lead to one port of the container.
fn container_ports(service: &Service) -> Vec<ContainerPort> {
    let mut ports: Vec<ContainerPort> = Vec::new();
    for port in &service.ports {
        let known = |other: &ContainerPort| {
            other.container_port == port.target && other.protocol.as_deref() == Some(port.transport())
        };
        if !ports.iter().any(known) {
            ports.push(ContainerPort {
                name: Some(port.name.clone()),
                container_port: port.target,
                protocol: Some(port.transport().to_owned()),
                ..ContainerPort::default()
            });
        }
    }
    ports
}

/// Between leaving the endpoints and SIGTERM the pod goes on serving, because its callers learn of it later.
fn lifecycle(service: &Service) -> Option<Lifecycle> {
    let sleep =
        (service.settings.stop.drain > 0).then_some(SleepAction { seconds: service.settings.stop.drain })?;
    let pre_stop = LifecycleHandler { sleep: Some(sleep), ..LifecycleHandler::default() };
    Some(Lifecycle { pre_stop: Some(pre_stop), ..Lifecycle::default() })
}

/// Pod Security Standard "restricted" (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>).
fn pod_security(service: &Service) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: service.settings.security.run_as_user,
        run_as_group: service.settings.security.run_as_group,
        fs_group: service.settings.security.fs_group,
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

fn container_security(service: &Service) -> SecurityContext {
    let add: Vec<String> = service
        .settings
        .security
        .add_capabilities
        .iter()
        .map(|capability| match capability {
            Capability::NetBindService => "NET_BIND_SERVICE".to_owned(),
        })
        .collect();
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(service.settings.security.read_only_root_filesystem.unwrap_or(true)),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: (!add.is_empty()).then_some(add),
        }),
        ..SecurityContext::default()
    }
}

fn spread(app: &App, service: &Service) -> Vec<TopologySpreadConstraint> {
    [
        ("topology.kubernetes.io/zone", service.settings.spread.zones),
        ("kubernetes.io/hostname", service.settings.spread.nodes),
    ]
    .into_iter()
    .filter_map(|(key, rule)| {
        let when_unsatisfiable = match rule {
            SpreadRule::Disabled => return None,
            SpreadRule::Preferred => "ScheduleAnyway",
            SpreadRule::Required => "DoNotSchedule",
        };
        Some(TopologySpreadConstraint {
            max_skew: 1,
            topology_key: key.to_owned(),
            when_unsatisfiable: when_unsatisfiable.to_owned(),
            label_selector: Some(selector(app, &service.name)),
            // Each version is spread for itself, or a rollout would count the old pods too.
            match_label_keys: Some(vec!["pod-template-hash".to_owned()]),
            ..TopologySpreadConstraint::default()
        })
    })
    .collect()
}
