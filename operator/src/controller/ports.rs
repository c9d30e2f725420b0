//! Ports that somebody gave another number.
//!
//! The API server merges lists of ports by number, so an apply puts ours beside the one that was moved. Their names
//! are the same then, and the API server refuses the object. So the whole list is put back first.

use kube::core::Status;
use msapp_core::desired::ChildKind;
use msapp_core::name;
use serde_json::{Value, json};

/// Whether an object was refused because two of its ports have one name.
pub(super) fn are_taken(status: &Status) -> bool {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    status.code == 422
        && causes.iter().any(|cause| cause.reason == "FieldValueDuplicate" && cause.field.contains("ports["))
}

/// A strategic merge patch that puts the ports of a manifest in the place of all that are there, for exactly the
/// object with that UID.
pub(super) fn put_back(kind: ChildKind, manifest: &Value, uid: &str) -> Option<Value> {
    let replacing = |ports: &Value| {
        let ports = ports.as_array().into_iter().flatten().cloned();
        std::iter::once(json!({"$patch": "replace"})).chain(ports).collect::<Value>()
    };
    let spec = match kind {
        ChildKind::Service => json!({"ports": replacing(&manifest["spec"]["ports"])}),
        ChildKind::Deployment => {
            let ports = replacing(&manifest["spec"]["template"]["spec"]["containers"][0]["ports"]);
            let container = json!({"name": name::CONTAINER, "ports": ports});
            json!({"template": {"spec": {"containers": [container]}}})
        }
        _ => return None,
    };
    Some(json!({"metadata": {"uid": uid}, "spec": spec}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: &str, field: &str) -> Status {
        let cause = json!({"reason": reason, "message": "", "field": field});
        let status = json!({"status": "Failure", "code": 422, "message": "", "reason": "Invalid", "details": {"causes": [cause]}});
        serde_json::from_value(status).expect("a status")
    }

    #[test]
    fn only_a_name_that_two_ports_have_counts() {
        assert!(are_taken(&refused("FieldValueDuplicate", "spec.ports[1].name")));
        assert!(!are_taken(&refused("FieldValueDuplicate", "spec.template.spec.containers[1].name")));
        assert!(!are_taken(&refused("FieldValueInvalid", "spec.ports[1].port")));
    }

    #[test]
    fn the_whole_list_is_replaced_and_nothing_else() {
        let port = json!({"name": "http", "port": 80});
        let service = json!({"spec": {"selector": {"a": "b"}, "ports": [port]}});
        let patch = put_back(ChildKind::Service, &service, "u").expect("Services have ports");
        assert_eq!(
            patch,
            json!({"metadata": {"uid": "u"}, "spec": {"ports": [{"$patch": "replace"}, port]}})
        );
        assert_eq!(put_back(ChildKind::ConfigMap, &json!({}), "u"), None);
    }
}
