use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};

use super::{metadata, selector};
use crate::graph::{App, Budget, Service};

/// How many pods a node drain may take at once.
pub(super) fn pod_disruption_budget(app: &App, service: &Service) -> Option<PodDisruptionBudget> {
    let (min_available, max_unavailable) = match service.settings.budget.clone()? {
        Budget::MinAvailable(least) => (Some(least), None),
        Budget::MaxUnavailable(most) => (None, Some(most)),
    };
    Some(PodDisruptionBudget {
        metadata: metadata(app, service),
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(selector(app, &service.name)),
            min_available,
            max_unavailable,
            // A pod that is not ready anyway must not block a drain
            // (https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy).
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
        }),
        status: None,
    })
}
