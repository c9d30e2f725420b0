//! The CustomResourceDefinition as text, one leaf a line.

use serde_json::Value;

use crate::crd;

const HEADER: &str = "# Generated from crds/src by `make generate`; do not edit.\n";

/// The manifest that `kubectl apply --server-side -f` takes, the same bytes at every call.
///
/// It is YAML whose leaves (schemas without properties of their own) are written in flow style: a field is a line,
/// and the file is 40 % smaller than in block style.
pub fn manifest() -> String {
    let value = serde_json::to_value(crd()).expect("a CustomResourceDefinition is plain data");
    let mut text = String::from(HEADER);
    write(&value, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let Value::Object(fields) = value else {
        unreachable!("only objects are written as blocks");
    };
    for (key, field) in fields {
        text.push_str(&" ".repeat(depth));
        text.push_str(key);
        text.push(':');
        write_field(field, depth, text);
    }
}

fn write_field(field: &Value, depth: usize, text: &mut String) {
    match field {
        Value::Object(_) if has_blocks(field) => {
            text.push('\n');
            write(field, depth + 1, text);
        }
        Value::Array(items) if items.iter().any(has_blocks) => {
            text.push('\n');
            for item in items {
                let mut block = String::new();
                write(item, depth + 2, &mut block);
                text.push_str(&" ".repeat(depth));
                text.push_str("- ");
                text.push_str(block.trim_start());
            }
        }
        leaf => {
            text.push(' ');
            text.push_str(&leaf.to_string());
            text.push('\n');
        }
    }
}

/// Whether a schema with properties, or the document's own structure, lies in the value.
fn has_blocks(value: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            ["properties", "openAPIV3Schema", "versions", "names", "group", "name"]
                .iter()
                .any(|key| fields.get(*key).is_some_and(|field| !field.is_null()))
                && !fields.contains_key("jsonPath")
                || fields.values().any(has_blocks)
        }
        Value::Array(items) => items.iter().any(has_blocks),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

    use super::*;

    #[test]
    fn the_manifest_reads_back_as_the_same_definition() {
        let read: CustomResourceDefinition = serde_saphyr::from_str(&manifest()).expect("valid YAML");
        assert_eq!(serde_json::to_value(read).expect("data"), serde_json::to_value(crd()).expect("data"));
    }

    #[test]
    fn the_manifest_stays_below_the_size_that_client_side_apply_and_helm_can_carry() {
        let bytes = manifest().len();
        // The annotation of client-side apply takes 262,144 bytes, a release of Helm 1 MiB for everything.
        assert!(bytes < 150_000, "the manifest has {bytes} bytes; 150,000 is the budget");
    }

    #[test]
    fn every_field_of_the_spec_is_described() {
        let value = serde_json::to_value(crd()).expect("data");
        let mut bare = Vec::new();
        undescribed(
            &value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"],
            "spec",
            &mut bare,
        );
        assert!(bare.is_empty(), "fields without a description: {bare:?}");
    }

    fn undescribed(schema: &Value, path: &str, bare: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if field["description"].as_str().is_none_or(str::is_empty) {
                bare.push(path.clone());
            }
            undescribed(field, &path, bare);
            undescribed(&field["items"], &path, bare);
        }
    }

    #[test]
    fn nothing_inside_a_list_has_a_default() {
        let value = serde_json::to_value(crd()).expect("data");
        let spec =
            value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].to_string();
        assert!(!spec.contains("\"default\":"), "a default in a list item is drift to GitOps tools");
        assert!(!spec.contains("\"nullable\""), "an explicit null defeats server-side apply");
    }
}
