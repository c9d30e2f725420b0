//! Why a write failed, by who must act.

use std::time::Duration;

use kube::core::Status;
use msapp_core::status::FailureKind;

use crate::cluster::{Fenced, TransportError};

/// Longest message that is kept.
const LONGEST: usize = 600;

/// What the API server said about a failed write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Who must act.
    pub kind: FailureKind,
    /// In its words.
    pub message: String,
    /// How long it wants to be left alone at least.
    pub wait: Duration,
}

/// What came of a failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// This process does not lead any more: nothing is to be reported.
    Fenced,
    /// Somebody (or time) must act.
    Because(Complaint),
}

/// Reads the error of a write.
pub(super) fn classify(error: &kube::Error) -> Refused {
    match error {
        kube::Error::Api(status) => {
            let wait = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
            Refused::Because(Complaint {
                kind: kind_of(status),
                message: status.message.chars().take(LONGEST).collect(),
                wait: Duration::from_secs(wait.into()),
            })
        }
        kube::Error::Service(cause) if cause.is::<Fenced>() => Refused::Fenced,
        kube::Error::Service(cause) if cause.is::<TransportError>() => {
            transient("the API server did not answer in time")
        }
        kube::Error::Service(_) | kube::Error::HyperError(_) => transient("the API server cannot be reached"),
        kube::Error::Auth(_) => transient("the credentials of the operator cannot be read"),
        _ => transient("the answer of the API server could not be read"),
    }
}

/// Messages of what passes are fixed, so that a status does not change with every try.
fn transient(message: &str) -> Refused {
    let (kind, message) = (FailureKind::Transient, message.to_owned());
    Refused::Because(Complaint { kind, message, wait: Duration::ZERO })
}

fn kind_of(status: &Status) -> FailureKind {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let caused_by = |reason: &str| causes.iter().any(|cause| cause.reason == reason);
    let says = |text: &str| status.message.contains(text);
    let about_namespace = status.details.as_ref().is_some_and(|details| details.kind == "namespaces");
    match status.code {
        409 if caused_by("FieldManagerConflict") => FailureKind::FieldConflict,
        403 if caused_by("NamespaceTerminating") => FailureKind::NamespaceTerminating,
        404 if about_namespace => FailureKind::NamespaceTerminating,
        403 if says("exceeded quota") => FailureKind::QuotaExceeded,
        400 | 403 if says("admission webhook") || says("ValidatingAdmissionPolicy") => FailureKind::Rejected,
        403 => FailureKind::Forbidden,
        400 | 404 | 405 | 413 | 415 | 422 => FailureKind::Rejected,
        _ => FailureKind::Transient,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tower::BoxError;

    use super::*;

    fn api(code: u16, message: &str, details: serde_json::Value) -> FailureKind {
        let status =
            json!({"status": "Failure", "code": code, "message": message, "reason": "", "details": details});
        let status: Status = serde_json::from_value(status).expect("a status");
        match classify(&kube::Error::Api(status.boxed())) {
            Refused::Because(complaint) => complaint.kind,
            Refused::Fenced => panic!("not fenced"),
        }
    }

    #[test]
    fn every_failure_says_who_must_act() {
        let none = json!({});
        let cause = |reason: &str| json!({"causes": [{"reason": reason, "message": "", "field": ""}]});
        let cases = [
            (409, "Apply failed with 1 conflict", cause("FieldManagerConflict"), FailureKind::FieldConflict),
            (409, "the object has been modified", none.clone(), FailureKind::Transient),
            (
                403,
                "deployments.apps is forbidden: exceeded quota: small",
                none.clone(),
                FailureKind::QuotaExceeded,
            ),
            (
                403,
                "unable to create new content",
                cause("NamespaceTerminating"),
                FailureKind::NamespaceTerminating,
            ),
            (
                404,
                "namespaces \"shop\" not found",
                json!({"kind": "namespaces"}),
                FailureKind::NamespaceTerminating,
            ),
            (403, "deployments.apps is forbidden: User cannot patch", none.clone(), FailureKind::Forbidden),
            (400, "admission webhook \"x\" denied the request: no", none.clone(), FailureKind::Rejected),
            (403, "admission webhook \"x\" denied the request: no", none.clone(), FailureKind::Rejected),
            (422, "Deployment.apps \"cart\" is invalid", none.clone(), FailureKind::Rejected),
            (404, "the server could not find the requested resource", none.clone(), FailureKind::Rejected),
            (429, "too many requests", none.clone(), FailureKind::Transient),
            (500, "failed calling webhook", none.clone(), FailureKind::Transient),
            (504, "request did not complete within the allotted timeout", none, FailureKind::Transient),
        ];
        for (code, message, details, kind) in cases {
            assert_eq!(api(code, message, details), kind, "{code} {message}");
        }
    }

    #[test]
    fn the_fence_is_no_failure() {
        assert_eq!(classify(&kube::Error::Service(BoxError::from(Fenced))), Refused::Fenced);
        let timeout = classify(&kube::Error::Service(BoxError::from(TransportError::TimedOut)));
        assert!(matches!(timeout, Refused::Because(Complaint { kind: FailureKind::Transient, .. })));
    }
}
