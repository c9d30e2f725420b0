//! Writes the status: one patch for each change, none when nothing changed.

use kube::Client;
use kube::api::{Patch, PatchParams};
use msapp_crds::v1alpha1::MicroserviceAppStatus;
use serde_json::{Value, json};

use crate::cluster::{Object, StoredApp, View, app_from};

/// What was written last for one app.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// What was asked for.
    wanted: Value,
    /// What the API server made of it.
    stored: Value,
}

/// The patch that turns the stored status into the wanted one, or nothing when it is so already.
///
/// A merge patch replaces lists as a whole and needs a null for a field that goes. It carries the resource version
/// that the status was computed from, so a status of an older generation or a predecessor is never written.
fn patch(app: &Object<StoredApp>, wanted: &Value, last: Option<&Written>) -> Option<Value> {
    let stored = stored(app.value.status.as_deref());
    let same_as_last = last.is_some_and(|last| last.wanted == *wanted && last.stored == stored);
    if stored == *wanted || same_as_last {
        return None;
    }
    let mut status = wanted.clone();
    for field in stored.as_object().into_iter().flatten().map(|(field, _)| field) {
        if wanted[field].is_null() {
            status[field] = Value::Null;
        }
    }
    Some(json!({"metadata": {"resourceVersion": app.resource_version}, "status": status}))
}

fn stored(status: Option<&MicroserviceAppStatus>) -> Value {
    serde_json::to_value(status).expect("a status is plain data")
}

/// Writes the status when it changed; tells whether it did.
///
/// # Errors
/// Those of the request. A conflict means that the resource changed meanwhile, and then another pass follows.
pub(super) async fn write_status(
    client: &Client,
    view: &View,
    app: &Object<StoredApp>,
    wanted: &MicroserviceAppStatus,
    last: &mut Option<Written>,
) -> kube::Result<bool> {
    let wanted = stored(Some(wanted));
    let Some(patch) = patch(app, &wanted, last.as_ref()) else {
        return Ok(false);
    };
    let path = format!("/apis/{}/v1alpha1/namespaces/{}/microserviceapps", msapp_crds::GROUP, app.namespace);
    let parameters =
        PatchParams { field_manager: Some(msapp_crds::MANAGER.to_owned()), ..PatchParams::default() };
    let request = kube::core::Request::new(path)
        .patch_subresource("status", &app.name, &parameters, &Patch::Merge(patch))
        .map_err(kube::Error::BuildRequest)?;
    let answer: Value = client.request(request).await?;
    if let Some(app) = app_from(answer) {
        *last = Some(Written { wanted, stored: stored(app.value.status.as_deref()) });
        view.app_written(app);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(status: &Value) -> Object<StoredApp> {
        let metadata = json!({"name": "shop", "namespace": "shop", "uid": "u", "resourceVersion": "7"});
        app_from(json!({"metadata": metadata, "spec": {}, "status": status})).expect("an app")
    }

    #[test]
    fn an_equal_status_is_not_written() {
        let status = json!({"observedGeneration": 3, "summary": "1/1"});
        assert_eq!(patch(&app(&status), &status, None), None);
    }

    #[test]
    fn a_field_that_goes_becomes_null_and_the_version_is_a_precondition() {
        let stored = json!({"observedGeneration": 3, "url": "https://a/"});
        let patch = patch(&app(&stored), &json!({"observedGeneration": 4}), None).expect("a patch");
        assert_eq!(patch["status"], json!({"observedGeneration": 4, "url": null}));
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn what_the_server_stored_differently_is_not_written_again_and_again() {
        let (wanted, kept) =
            (json!({"observedGeneration": 3, "summary": "x"}), json!({"observedGeneration": 3}));
        let last = Written { wanted: wanted.clone(), stored: kept.clone() };
        assert_eq!(patch(&app(&kept), &wanted, Some(&last)), None);
        assert!(
            patch(&app(&json!({"observedGeneration": 2})), &wanted, Some(&last)).is_some(),
            "somebody edited it"
        );
    }

    #[test]
    fn a_status_that_cannot_be_read_is_replaced() {
        assert!(
            patch(&app(&json!({"conditions": "odd"})), &json!({"observedGeneration": 1}), None).is_some()
        );
    }
}
