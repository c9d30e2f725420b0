use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
};

use super::metadata;
use crate::graph::{App, Scaling, Service};

/// Who decides about the number of pods, when it is not fixed.
pub(super) fn horizontal_pod_autoscaler(app: &App, service: &Service) -> Option<HorizontalPodAutoscaler> {
    let Scaling::Auto(spec) = &service.settings.scaling else {
        return None;
    };
    let target = CrossVersionObjectReference {
        api_version: Some("apps/v1".to_owned()),
        kind: "Deployment".to_owned(),
        name: service.name.clone(),
    };
    Some(HorizontalPodAutoscaler {
        metadata: metadata(app, service),
        spec: HorizontalPodAutoscalerSpec { scale_target_ref: target, ..spec.as_ref().clone() },
        status: None,
    })
}
