//! Labels and annotations that the operator sets, and the keys that nobody else may.

use std::collections::BTreeMap;

use msapp_crds::MANAGER;

/// Label: name of the app. Part of every selector, so it never changes.
pub const APP: &str = "msapp.dev/app";
/// Label: name of the service. Part of every selector, so it never changes.
pub const SERVICE: &str = "msapp.dev/service";
/// Label: who manages the object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Annotation on the pods: digest of the configuration that a running process cannot see change.
pub const CONFIG_DIGEST: &str = "msapp.dev/config-digest";
/// Annotation on the pods: digest of the ConfigMaps and Secrets they refer to.
pub const REFERENCE_DIGEST: &str = "msapp.dev/reference-digest";

/// The labels that select the pods of a service.
pub fn selector(app: &str, service: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(APP.to_owned(), app.to_owned()), (SERVICE.to_owned(), service.to_owned())])
}

/// All labels of an object of a service: the user's, the recommended set
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>) and the selector's.
pub fn all(app: &str, service: &str, user: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let recommended = [
        ("app.kubernetes.io/name", service),
        ("app.kubernetes.io/instance", app),
        ("app.kubernetes.io/component", service),
        ("app.kubernetes.io/part-of", app),
        (MANAGED_BY, MANAGER),
    ];
    let mut labels = user.clone();
    labels.extend(recommended.map(|(key, value)| (key.to_owned(), value.to_owned())));
    labels.extend(selector(app, service));
    labels
}

/// Whether a selector selects what has these labels.
pub fn select(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a label or annotation key belongs to Kubernetes or to this operator, so that a resource may not set it.
pub fn is_reserved(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else {
        return false;
    };
    ["msapp.dev", "kubernetes.io", "k8s.io"]
        .iter()
        .any(|reserved| domain == *reserved || domain.ends_with(&format!(".{reserved}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_cannot_override_a_label_of_the_selector() {
        let user = BTreeMap::from([(SERVICE.to_owned(), "other".to_owned())]);
        assert_eq!(all("shop", "cart", &user)[SERVICE], "cart");
    }

    #[test]
    fn reserved_keys_are_those_of_kubernetes_and_ours() {
        assert!(is_reserved("msapp.dev/app"));
        assert!(is_reserved("sub.msapp.dev/x"));
        assert!(is_reserved("app.kubernetes.io/name"));
        assert!(is_reserved("container.apparmor.security.beta.kubernetes.io/app"));
        assert!(!is_reserved("team.example/name"));
        assert!(!is_reserved("notkubernetes.io/x"));
        assert!(!is_reserved("plain"));
    }
}
