use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata;
use crate::graph::{App, Service};

/// An identity of its own for every service, without a token and without rights.
pub(super) fn service_account(app: &App, service: &Service) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(app, service),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
