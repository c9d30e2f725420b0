//! Single objects as the API server has them.

use anyhow::{Context, Result, ensure};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use msapp_core::{desired::ChildKind, fields::digest_of, observed::project_child};
use msapp_e2e::{PATIENCE, wait_until};
use serde_json::{Value, json};

use crate::{apps::App, manifests::plural};

impl App {
    /// An interface to objects of the kind that a manifest is of.
    fn objects_like(&self, manifest: &Value) -> Result<Api<DynamicObject>> {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        let (api_version, kind) = (text(&manifest["apiVersion"])?, text(&manifest["kind"])?);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural(&kind),
            api_version: api_version.clone(),
            kind,
        };
        Ok(Api::namespaced_with(self.api.clone().into_client(), self.namespace.name(), &resource))
    }

    /// An object as `kubectl get -o json` has it.
    pub(crate) async fn object(&self, child: &str) -> Result<Value> {
        let (kind, name) = child.split_once('/').context("Kind/name")?;
        let text =
            self.namespace.kubectl(&["get", kind, name, "-o", "json", "--show-managed-fields"]).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// One field of an object, as `kubectl get -o jsonpath` prints it.
    pub(crate) async fn field(&self, child: &str, path: &str) -> Result<String> {
        let (kind, name) = child.split_once('/').context("Kind/name")?;
        self.namespace.kubectl(&["get", kind, name, "-o", &format!("jsonpath={{{path}}}")]).await
    }

    /// Waits until a field has a value.
    pub(crate) async fn until_field(&self, child: &str, path: &str, wanted: &str) -> Result<()> {
        wait_until(&format!("{path} of {child} to be {wanted}"), PATIENCE, async || {
            let found = self.field(child, path).await?;
            ensure!(found == wanted, "it is {found:?}");
            Ok(())
        })
        .await
    }

    /// Asks the API server what would be different if the manifest were applied as the operator does, with the owner
    /// reference that only the cluster knows. Nothing may be: every field that the operator applied is in the
    /// manifest, and every field of the manifest was applied. The operator itself must think so too, or else it would
    /// write the object once more after each restart.
    pub(crate) async fn assert_applied(&self, manifest: &Value) -> Result<()> {
        let name = manifest["metadata"]["name"].as_str().context("a name")?;
        let objects = self.objects_like(manifest)?;
        let live = objects.get(name).await?;
        let kind =
            ChildKind::ALL.into_iter().find(|kind| manifest["kind"] == kind.as_str()).context("a child")?;
        let kept = project_child(kind, &serde_json::to_value(&live)?).fields.digest;
        ensure!(kept == digest_of(manifest), "the operator cannot tell that\n{live:#?}\nis as\n{manifest:#}");
        let mut manifest = manifest.clone();
        let controller =
            live.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
        manifest["metadata"]["ownerReferences"] = json!([controller.context("it has no owner")?]);
        let parameters = PatchParams { dry_run: true, ..PatchParams::apply(msapp_crds::MANAGER) };
        let after = objects.patch(name, &parameters, &Patch::Apply(&manifest)).await?;
        let (live, after) =
            (comparable(serde_json::to_value(live)?), comparable(serde_json::to_value(after)?));
        ensure!(live == after, "applying it anew changes\n{live:#}\nto\n{after:#}");
        Ok(())
    }
}

/// An object without what changes by itself.
fn comparable(mut object: Value) -> Value {
    let controllers = |entry: &Value| entry["subresource"] == "status";
    if let Some(Value::Array(entries)) = object.pointer_mut("/metadata/managedFields") {
        entries.retain(|entry| !controllers(entry));
    }
    if let Some(Value::Object(metadata)) = object.pointer_mut("/metadata") {
        metadata.remove("resourceVersion");
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    object
}

/// What somebody declared of an object: without what the API server and controllers note about it.
pub(crate) fn declared(mut object: Value) -> Value {
    if let Some(Value::Object(metadata)) = object.pointer_mut("/metadata") {
        for field in ["managedFields", "resourceVersion", "generation"] {
            metadata.remove(field);
        }
    }
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.remove("deployment.kubernetes.io/revision");
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    object
}
