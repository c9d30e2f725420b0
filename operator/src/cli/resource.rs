//! What a document is, and what is wrong with it outside of its `spec`.

use msapp_core::scalar::{is_dns_label, is_object_name};
use msapp_core::source::{Bindings, Source};
use msapp_core::violation::{Code, Violation, nearest};
use msapp_crds::GROUP;
use msapp_crds::v1alpha1::ProvisionedService;
use serde_json::Value;

use super::yaml::{Content, Node};

const KIND: &str = "MicroserviceApp";
const VERSION: &str = "v1alpha1";
/// A MicroserviceApp has these fields; `status` is what `kubectl get -o yaml` adds.
const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// What a document is to us.
pub(super) enum Kind {
    /// A MicroserviceApp.
    App,
    /// A v1 ConfigMap.
    ConfigMap,
    /// Meant to be a MicroserviceApp, but written so that no API server takes it for one.
    Mistaken(Violation),
    /// Something else: not ours to judge.
    Other,
}

/// What the document is.
pub(super) fn kind(node: &Node) -> Kind {
    let version = node.text("apiVersion").unwrap_or_default();
    let kind = node.text("kind").unwrap_or_default();
    let ours = format!("{GROUP}/{VERSION}");
    let is_our_group = version.split('/').next() == Some(GROUP);
    if version == ours && kind == KIND {
        Kind::App
    } else if kind == KIND {
        let message = format!("{version:?} has no {KIND}");
        Kind::Mistaken(Violation::new("apiVersion", Code::InvalidValue, message).suggest(Some(&ours)))
    } else if is_our_group {
        let message = format!("{version} has no kind {kind:?}");
        Kind::Mistaken(Violation::new("kind", Code::InvalidValue, message).suggest(Some(KIND)))
    } else if version == "v1" && kind == "ConfigMap" {
        Kind::ConfigMap
    } else {
        Kind::Other
    }
}

/// The documents in a `List`, or the document itself.
pub(super) fn unpacked(node: Node) -> Vec<Node> {
    let is_list = node.text("apiVersion") == Some("v1") && node.text("kind") == Some("List");
    match node.field("items") {
        Some(items) if is_list => items.value.items().to_vec(),
        _ => vec![node],
    }
}

/// Everything that is wrong outside of `spec`.
pub(super) fn check(node: &Node) -> Vec<Violation> {
    let unknown = node.fields().iter().filter(|field| !FIELDS.contains(&field.key.as_str())).map(|field| {
        let message = format!("there is no field {:?} here", field.key);
        Violation::new(&field.key, Code::UnknownField, message).suggest(nearest(&field.key, FIELDS))
    });
    unknown.chain(check_name(node)).chain(check_namespace(node)).collect()
}

fn check_name(node: &Node) -> Option<Violation> {
    let path = "metadata.name";
    let Some(written) = written(node, "name") else {
        return Some(Violation::new(path, Code::MissingField, "the field is required"));
    };
    let Content::Scalar(Value::String(name)) = &written.content else {
        return Some(Violation::new(path, Code::WrongType, "expected text"));
    };
    let message = format!(
        "{name:?} is no name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
    );
    (!is_object_name(name)).then(|| Violation::new(path, Code::InvalidValue, message))
}

/// A namespace may be missing; one that is no text would be read as missing, and the app land in another.
fn check_namespace(node: &Node) -> Option<Violation> {
    let path = "metadata.namespace";
    match &written(node, "namespace")?.content {
        // An empty one counts as none, for the API server too.
        Content::Scalar(Value::Null) => None,
        Content::Scalar(Value::String(name)) if name.is_empty() || is_dns_label(name) => None,
        Content::Scalar(Value::String(name)) => {
            let message = format!("{name:?} is no name of a namespace");
            Some(Violation::new(path, Code::InvalidValue, message))
        }
        _ => Some(Violation::new(path, Code::WrongType, "expected text: put it in quotes")),
    }
}

fn written<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.field("metadata")?.value.field(key).map(|field| &field.value)
}

/// The MicroserviceApp for the core.
pub(super) fn source(node: &Node, usual_namespace: &str) -> Source {
    Source {
        name: name(node),
        namespace: namespace(node, usual_namespace),
        generation: 0,
        bindings: Bindings::new(),
        spec: node.field("spec").map_or(Value::Null, |spec| spec.value.to_value()),
    }
}

/// Whether the document is the Provisioned Service that an app of a namespace refers to.
pub(super) fn is_service(node: &Node, service: &ProvisionedService) -> bool {
    node.text("apiVersion") == Some(&service.api_version)
        && node.text("kind") == Some(&service.kind)
        && name(node) == service.name
}

/// `metadata.name`, empty when there is none.
pub(super) fn name(node: &Node) -> String {
    metadata(node, "name").unwrap_or_default().to_owned()
}

/// `metadata.namespace`, or the usual one.
pub(super) fn namespace(node: &Node, usual: &str) -> String {
    metadata(node, "namespace").filter(|name| !name.is_empty()).unwrap_or(usual).to_owned()
}

fn metadata<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.field("metadata")?.value.text(key)
}
