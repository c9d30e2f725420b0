//! Names of the objects that a resource refers to, and of their keys. Kubernetes checks some of them only when a pod is
//! started, or never: then the pod waits for ever for an object that cannot exist.

use crate::scalar::is_object_name;
use crate::violation::{Code, Violation, Violations};

/// Reports what can be the name of no ConfigMap, Secret or IngressClass.
pub(super) fn check_name(name: &str, what: &str, path: &str, violations: &mut Violations) {
    if !is_object_name(name) {
        let message = format!(
            "{name:?} is no name of {what}: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
        );
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
}

/// Reports what can be no key of a ConfigMap or Secret.
pub(super) fn check_key(key: &str, path: &str, violations: &mut Violations) {
    if !is_key(key) {
        let message = format!(
            "{key:?} is no key: letters, digits, '-', '_' and '.', but not '.' or beginning with '..'"
        );
        violations.push(Violation::new(path, Code::InvalidValue, message));
    }
}

/// `IsConfigMapKey` of k8s.io/apimachinery.
fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 253
        && key.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter))
        && key != "."
        && !key.starts_with("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_the_api_server_takes() {
        // Each was tried on a kube-apiserver 1.36.
        for key in ["b", ".b", "tls.crt", "A_b-c.D"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", ".", "..", "..b", "b/c", "b c", "ä", &"k".repeat(254)] {
            assert!(!is_key(key), "{key}");
        }
    }
}
