//! What runs a backing service in a cluster.

use serde_json::{Value, json};

use super::{Service, USER};
use crate::images::{Image, Source};

/// A database, cache or broker of our own images: one pod, and the Service before it. It fits a namespace that enforces
/// the Pod Security Standard `restricted`, and forgets everything when its pod is deleted.
#[derive(Clone, Debug)]
pub struct Backing<'a> {
    /// Which one.
    pub image: Image,
    /// The name of its Deployment and its Service.
    pub name: &'a str,
    /// The labels of its pod; there must be at least one, and they are its own.
    pub labels: &'a [(&'a str, &'a str)],
    /// What the image takes of its environment, such as `POSTGRES_PASSWORD`; docs/samples.md has a list.
    pub environment: &'a [(&'a str, &'a str)],
}

impl Backing<'_> {
    /// The Deployment and the Service, for `kubectl apply`. None when the image is not one of a backing service.
    pub fn manifest(&self) -> Option<Value> {
        let Source::Service(service) = self.image.source() else {
            return None;
        };
        let labels: Value = self.labels.iter().copied().collect();
        let port = json!([{"port": service.port}]);
        Some(json!({"apiVersion": "v1", "kind": "List", "items": [
            {
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": self.name},
                "spec": {
                    "selector": {"matchLabels": labels},
                    // Two pods would be two databases.
                    "strategy": {"type": "Recreate"},
                    "template": {"metadata": {"labels": labels}, "spec": self.pod(service)},
                },
            },
            {
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": self.name},
                "spec": {"selector": labels, "ports": port},
            },
        ]}))
    }

    fn pod(&self, service: &Service) -> Value {
        let variable = |(name, value): &(&str, &str)| json!({"name": name, "value": value});
        json!({
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {
                "runAsNonRoot": true, "fsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": service.name,
                "image": service.image(),
                "env": self.environment.iter().map(variable).collect::<Vec<_>>(),
                "ports": [{"containerPort": service.port}],
                "readinessProbe": {"tcpSocket": {"port": service.port}, "periodSeconds": 1},
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }],
            "volumes": [{"name": "data", "emptyDir": {}}],
        })
    }
}
