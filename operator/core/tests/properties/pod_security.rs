//! The level "restricted" of the Pod Security Standards
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>), the level "baseline" included.

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec, Probe, SecurityContext};
use serde_json::{Value, json};

/// Volume types that a restricted pod may have.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Everything that the standard forbids of this pod.
pub(crate) fn offences(template: &PodTemplateSpec) -> Vec<String> {
    let mut offences = Vec::new();
    let pod = template.spec.as_ref().expect("a pod has a spec");
    let mut forbid = |offends: bool, what: &str| {
        if offends {
            offences.push(what.to_owned());
        }
    };
    let shares = [pod.host_network, pod.host_pid, pod.host_ipc];
    forbid(shares.contains(&Some(true)), "shares a namespace with the node");
    let context = pod.security_context.clone().unwrap_or_default();
    forbid(context.windows_options.is_some(), "has Windows options");
    forbid(context.se_linux_options.is_some(), "has SELinux options");
    forbid(context.app_armor_profile.is_some(), "chooses an AppArmor profile");
    forbid(context.sysctls.is_some(), "sets sysctls");
    forbid(context.run_as_user == Some(0), "runs as root");
    for volume in pod.volumes.iter().flatten() {
        let volume = serde_json::to_value(volume).expect("plain data");
        let fields = volume.as_object().expect("an object").keys();
        let kinds: Vec<&String> = fields.filter(|name| *name != "name").collect();
        forbid(
            !matches!(kinds[..], [kind] if VOLUMES.contains(&kind.as_str())),
            "has a volume of another type",
        );
    }
    let annotations = template.metadata.iter().flat_map(|metadata| metadata.annotations.iter().flatten());
    for (key, value) in annotations {
        let armor = key.starts_with("container.apparmor.security.beta.kubernetes.io/");
        forbid(armor && value != "runtime/default" && !value.starts_with("localhost/"), "disables AppArmor");
    }
    let containers = pod.containers.iter().chain(pod.init_containers.iter().flatten());
    for container in containers {
        let own = container.security_context.clone().unwrap_or_default();
        offences.extend(container_offences(container, &own));
        let non_root = own.run_as_non_root.or(context.run_as_non_root);
        let profile = own.seccomp_profile.as_ref().or(context.seccomp_profile.as_ref());
        if non_root != Some(true) {
            offences.push("may run as root".to_owned());
        }
        if !profile.is_some_and(|profile| matches!(profile.type_.as_str(), "RuntimeDefault" | "Localhost")) {
            offences.push("has no seccomp profile".to_owned());
        }
    }
    offences.extend(pod.ephemeral_containers.is_some().then(|| "has ephemeral containers".to_owned()));
    offences
}

fn container_offences(container: &Container, own: &SecurityContext) -> Vec<String> {
    let capabilities = own.capabilities.clone().unwrap_or_default();
    let drops_all = capabilities.drop.iter().flatten().any(|name| name == "ALL");
    let adds_more = capabilities.add.iter().flatten().any(|name| name != "NET_BIND_SERVICE");
    let host_port = container.ports.iter().flatten().any(|port| port.host_port.unwrap_or_default() != 0);
    let probes = [&container.startup_probe, &container.readiness_probe, &container.liveness_probe];
    let found = [
        (own.privileged == Some(true), "is privileged"),
        (own.allow_privilege_escalation != Some(false), "may escalate its privileges"),
        (!drops_all, "does not drop all capabilities"),
        (adds_more, "adds a capability"),
        (own.run_as_user == Some(0), "runs as root"),
        (own.proc_mount.as_deref().is_some_and(|mount| mount != "Default"), "has another mount of /proc"),
        (own.se_linux_options.is_some(), "has SELinux options"),
        (own.app_armor_profile.is_some(), "chooses an AppArmor profile"),
        (own.windows_options.is_some(), "has Windows options"),
        (host_port, "has a port of the node"),
        (probes.into_iter().flatten().any(probes_elsewhere), "probes another host"),
        (calls_elsewhere(&json!(container.lifecycle)), "calls another host when it starts or stops"),
    ];
    found.into_iter().filter(|(offends, _)| *offends).map(|(_, what)| what.to_owned()).collect()
}

fn probes_elsewhere(probe: &Probe) -> bool {
    let http = probe.http_get.as_ref().is_some_and(|check| check.host.is_some());
    http || probe.tcp_socket.as_ref().is_some_and(|check| check.host.is_some())
}

fn calls_elsewhere(lifecycle: &Value) -> bool {
    let hooks = ["postStart", "preStop"].map(|hook| &lifecycle[hook]);
    hooks.iter().any(|hook| ["httpGet", "tcpSocket"].iter().any(|check| hook[check]["host"].is_string()))
}

#[test]
fn a_pod_that_says_nothing_offends() {
    let template: PodTemplateSpec = serde_json::from_value(json!({"spec": {
        "hostNetwork": true, "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
        "containers": [{"name": "app", "ports": [{"containerPort": 80, "hostPort": 80}]}]
    }}))
    .expect("a template");
    let expected = [
        "shares a namespace with the node",
        "has a volume of another type",
        "may escalate its privileges",
        "does not drop all capabilities",
        "has a port of the node",
        "may run as root",
        "has no seccomp profile",
    ];
    assert_eq!(offences(&template), expected);
}
