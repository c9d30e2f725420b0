//! What a request is about, read off its method and path: labels for metrics and what it is allowed to cost.

use http::{Method, Request};

use crate::telemetry::Verb;

/// Resources that are named in metrics; any other is `other`.
const RESOURCES: [&str; 15] = [
    "microserviceapps",
    "deployments",
    "services",
    "serviceaccounts",
    "configmaps",
    "secrets",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "networkpolicies",
    "ingresses",
    "pods",
    "events",
    "leases",
    "namespaces",
    "customresourcedefinitions",
];

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// What it does.
    pub verb: Verb,
    /// The resource, from a closed set.
    pub resource: &'static str,
}

impl Target {
    /// Reads it off a request.
    pub fn of<B>(request: &Request<B>) -> Self {
        let segments: Vec<&str> =
            request.uri().path().split('/').filter(|segment| !segment.is_empty()).collect();
        let resource =
            segments.iter().rev().find_map(|segment| RESOURCES.iter().find(|known| *known == segment));
        let watches = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let named = segments.last().is_some_and(|last| !RESOURCES.contains(last));
        let verb = match *request.method() {
            Method::GET if watches => Verb::Watch,
            Method::GET if named => Verb::Get,
            Method::GET => Verb::List,
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::DELETE => Verb::Delete,
            _ => Verb::Patch,
        };
        Self { verb, resource: resource.copied().unwrap_or("other") }
    }

    /// Whether doing it twice is the same as doing it once. Our applies are, and our deletes name one object.
    pub fn is_idempotent(self) -> bool {
        self.verb != Verb::Create
    }

    /// Whether it changes something.
    pub fn writes(self) -> bool {
        !matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(method: &str, uri: &str) -> Target {
        Target::of(&Request::builder().method(method).uri(uri).body(()).expect("a request"))
    }

    #[test]
    fn verb_and_resource_are_read_off_the_path() {
        let cases = [
            ("GET", "/api/v1/pods?limit=500", Verb::List, "pods"),
            ("GET", "/api/v1/pods?watch=true&resourceVersion=1", Verb::Watch, "pods"),
            ("GET", "/api/v1/namespaces/shop/secrets/db", Verb::Get, "secrets"),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/shop/deployments/cart?force=true",
                Verb::Patch,
                "deployments",
            ),
            (
                "PATCH",
                "/apis/msapp.dev/v1alpha1/namespaces/a/microserviceapps/b/status",
                Verb::Patch,
                "microserviceapps",
            ),
            ("DELETE", "/api/v1/namespaces/shop/services/cart", Verb::Delete, "services"),
            ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", Verb::Create, "events"),
            ("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/msapp", Verb::Update, "leases"),
            ("GET", "/apis/example.dev/v1/widgets", Verb::Get, "other"),
        ];
        for (method, uri, verb, resource) in cases {
            assert_eq!(target(method, uri), Target { verb, resource }, "{method} {uri}");
        }
    }

    #[test]
    fn a_child_with_the_name_of_a_resource_is_still_a_named_object_of_its_kind_or_harmless() {
        let found = target("PATCH", "/api/v1/namespaces/shop/services/events");
        assert_eq!(found.verb, Verb::Patch);
        assert!(found.writes());
    }
}
