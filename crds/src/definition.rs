//! The CustomResourceDefinition as it is installed: the derived one, made fit for GitOps tools.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use crate::v1alpha1::MicroserviceApp;

/// The CustomResourceDefinition of [`MicroserviceApp`].
///
/// `status` gets the default `{observedGeneration: -1}`: without it kstatus (Flux, `kubectl wait`) reports a
/// resource that no controller has seen yet as current.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = MicroserviceApp::crd();
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) else {
            continue;
        };
        tidy(root);
        if let Some(status) = root.properties.as_mut().and_then(|properties| properties.get_mut("status")) {
            status.default = Some(JSON(json!({"observedGeneration": -1})));
        }
    }
    crd
}

/// Removes what a generator leaves behind and no API server needs: `nullable` (an explicit null would defeat
/// server-side apply), `title`, and number formats that no structural schema knows.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    if schema.format.as_deref().is_some_and(|format| !matches!(format, "int32" | "int64" | "date-time")) {
        schema.format = None;
    }
    for child in schema.properties.iter_mut().flatten().map(|(_, child)| child) {
        tidy(child);
    }
    match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(items)) => tidy(items),
        Some(JSONSchemaPropsOrArray::Schemas(all)) => all.iter_mut().for_each(tidy),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        tidy(values);
    }
}
