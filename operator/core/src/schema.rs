//! The structural schema of the resource, checked without an API server: every mistake, each with its path.
//!
//! The API server prunes unknown fields or stops at what it finds first; users want all of it, with what they
//! probably meant. The schema is the one in the CustomResourceDefinition, so the two cannot disagree.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::violation::{Code, Violation, Violations, field_path, nearest};

static SPEC: LazyLock<Value> = LazyLock::new(|| {
    let crd = serde_json::to_value(msapp_crds::crd()).expect("a CustomResourceDefinition is plain data");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
});

static PATTERNS: LazyLock<BTreeMap<String, Regex>> = LazyLock::new(|| {
    let mut patterns = BTreeMap::new();
    collect_patterns(&SPEC, &mut patterns);
    patterns
});

fn collect_patterns(schema: &Value, patterns: &mut BTreeMap<String, Regex>) {
    match schema {
        Value::Object(fields) => {
            if let Some(pattern) = fields.get("pattern").and_then(Value::as_str) {
                let regex = Regex::new(pattern).expect("patterns of the schema are regular expressions");
                patterns.insert(pattern.to_owned(), regex);
            }
            fields.values().for_each(|field| collect_patterns(field, patterns));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_patterns(item, patterns)),
        _ => {}
    }
}

/// Checks a `spec` against the structural schema.
pub fn validate(spec: &Value) -> Violations {
    let mut violations = Violations::default();
    if spec.is_null() {
        violations.push(Violation::new("spec", Code::MissingField, "the resource has no spec"));
        return violations;
    }
    check(spec, &SPEC, "spec", &mut violations);
    violations
}

/// Whether no list of a `spec` has more items than the schema allows. The graph compares everything with everything,
/// which takes for ever where lists have no bound.
pub fn is_bounded(spec: &Value) -> bool {
    is_list_bounded(spec, &SPEC)
}

fn is_list_bounded(value: &Value, schema: &Value) -> bool {
    match value {
        Value::Array(items) => {
            schema["maxItems"].as_u64().is_none_or(|most| items.len() as u64 <= most)
                && items.iter().all(|item| is_list_bounded(item, &schema["items"]))
        }
        Value::Object(fields) => {
            fields.iter().all(|(name, field)| is_list_bounded(field, &schema["properties"][name]))
        }
        _ => true,
    }
}

fn check(value: &Value, schema: &Value, path: &str, violations: &mut Violations) {
    if schema["x-kubernetes-int-or-string"] == true {
        return check_int_or_string(value, schema, path, violations);
    }
    match (schema["type"].as_str().unwrap_or_default(), value) {
        ("object", Value::Object(_)) => check_object(value, schema, path, violations),
        ("array", Value::Array(items)) => check_array(items, schema, path, violations),
        ("string", Value::String(text)) => check_text(text, schema, path, violations),
        ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => {
            check_number(value, schema, path, violations);
        }
        ("boolean", Value::Bool(_)) => {}
        ("string", Value::Bool(_) | Value::Number(_)) => violations.push(unquoted(path, schema, value)),
        (expected, found) => violations.push(wrong_type(path, expected, found)),
    }
}

fn wrong_type(path: &str, expected: &str, found: &Value) -> Violation {
    let expected = match expected {
        "object" => "fields",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        other => other,
    };
    Violation::new(path, Code::WrongType, format!("expected {expected}, found {}", described(found)))
}

/// A word that YAML reads as something else, as it does with `Off`.
fn unquoted(path: &str, schema: &Value, found: &Value) -> Violation {
    let Some(allowed) = schema["enum"].as_array() else {
        let message = format!("expected text, found {}: write it in quotes", described(found));
        return Violation::new(path, Code::WrongType, message);
    };
    let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
    let message = format!("expected one of {}, found {}", allowed.join(", "), described(found));
    let off = allowed.into_iter().find(|word| *word == "Disabled" && *found == Value::Bool(false));
    Violation::new(path, Code::WrongType, message).suggest(off)
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => format!("{flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", shortened(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "fields".to_owned(),
    }
}

/// At most 60 characters of a text, for messages.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(59).chain(['…']).collect() }
}

fn check_int_or_string(value: &Value, schema: &Value, path: &str, violations: &mut Violations) {
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            check_text(&number.to_string(), schema, path, violations);
        }
        Value::String(text) => check_text(text, schema, path, violations),
        Value::Number(number) => {
            let message = format!("expected a whole number or text, found {number}: write it in quotes");
            violations.push(Violation::new(path, Code::WrongType, message));
        }
        found => violations.push(wrong_type(path, "a whole number or text", found)),
    }
}

fn check_object(value: &Value, schema: &Value, path: &str, violations: &mut Violations) {
    let fields = value.as_object().expect("checked by the caller");
    if let Some(most) = schema["maxProperties"].as_u64().filter(|most| fields.len() as u64 > *most) {
        violations.push(Violation::new(
            path,
            Code::InvalidValue,
            format!("at most {most} entries are allowed"),
        ));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if fields.get(name).is_none_or(Value::is_null) {
            violations.push(Violation::new(
                format!("{path}.{name}"),
                Code::MissingField,
                "the field is required",
            ));
        }
    }
    let known = schema["properties"].as_object();
    for (name, field) in fields.iter().filter(|(_, field)| !field.is_null()) {
        let below = field_path(path, name);
        match known.map(|known| known.get(name)) {
            Some(Some(schema)) => check(field, schema, &below, violations),
            None if schema["additionalProperties"].is_object() => {
                check(field, &schema["additionalProperties"], &below, violations);
            }
            _ => violations.push(unknown_field(
                &below,
                name,
                known.into_iter().flatten().map(|(name, _)| name.as_str()),
            )),
        }
    }
}

fn unknown_field<'a>(path: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Violation {
    Violation::new(path, Code::UnknownField, format!("there is no field {name:?} here"))
        .suggest(nearest(name, known))
}

fn check_array(items: &[Value], schema: &Value, path: &str, violations: &mut Violations) {
    let count = items.len() as u64;
    if let Some(most) = schema["maxItems"].as_u64().filter(|most| count > *most) {
        violations.push(Violation::new(
            path,
            Code::InvalidValue,
            format!("{count} entries, at most {most} are allowed"),
        ));
    }
    if let Some(least) = schema["minItems"].as_u64().filter(|least| count < *least) {
        violations.push(Violation::new(
            path,
            Code::InvalidValue,
            format!("at least {least} entry is needed"),
        ));
    }
    for (index, item) in items.iter().enumerate() {
        check(item, &schema["items"], &format!("{path}[{index}]"), violations);
    }
    if schema["x-kubernetes-list-type"] == "map" {
        check_keys(items, schema, path, violations);
    }
}

/// Entries of a list map differ in their key.
fn check_keys(items: &[Value], schema: &Value, path: &str, violations: &mut Violations) {
    let Some(key) = schema["x-kubernetes-list-map-keys"][0].as_str() else {
        return;
    };
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, name) in
        items.iter().enumerate().filter_map(|(index, item)| Some((index, item[key].as_str()?)))
    {
        if let Some(earlier) = first.get(name) {
            let message = format!("{name:?} is already the {key} of {path}[{earlier}]");
            violations.push(Violation::new(format!("{path}[{index}].{key}"), Code::Duplicate, message));
        } else {
            first.insert(name, index);
        }
    }
}

fn check_text(text: &str, schema: &Value, path: &str, violations: &mut Violations) {
    let length = text.chars().count() as u64;
    if let Some(allowed) = schema["enum"].as_array() {
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        if !allowed.contains(&text) {
            let meant = allowed.iter().copied().find(|known| known.eq_ignore_ascii_case(text));
            let message = format!("{:?} is none of {}", shortened(text), allowed.join(", "));
            let meant = meant.or_else(|| nearest(text, allowed.iter().copied()));
            violations.push(Violation::new(path, Code::InvalidValue, message).suggest(meant));
        }
    } else if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
        let message = format!("{:?} has {length} characters, at most {most} are allowed", shortened(text));
        violations.push(Violation::new(path, Code::NameTooLong, message));
    } else if schema["minLength"].as_u64().is_some_and(|least| length < least) {
        violations.push(Violation::new(path, Code::InvalidValue, "the text is empty"));
    } else if let Some(pattern) = schema["pattern"].as_str()
        && PATTERNS.get(pattern).is_some_and(|regex| !regex.is_match(text))
    {
        violations.push(Violation::new(path, Code::InvalidValue, grammar(text, pattern)));
    }
}

/// What a pattern asks for, in words where it is one of ours.
fn grammar(text: &str, pattern: &str) -> String {
    let found = format!("{:?}", shortened(text));
    match pattern {
        _ if pattern.contains("(h|m|s|ms)") => format!("{found} is no duration such as 250ms, 2s or 1h30m"),
        _ if pattern.contains("[KMGTPE]i") => format!("{found} is no quantity such as 250m, 2 or 128Mi"),
        _ if pattern.contains("%?$") => format!("{found} is neither a number nor a percentage such as 25%"),
        _ if pattern.starts_with("^[a-z]([-a-z0-9]") => {
            format!("{found} is no name: lower-case letters, digits and '-', beginning with a letter")
        }
        _ if pattern.starts_with("^/") => format!("{found} is no absolute path"),
        _ => format!("{found} does not match {pattern}"),
    }
}

fn check_number(value: &Value, schema: &Value, path: &str, violations: &mut Violations) {
    let number = value.as_f64().unwrap_or(f64::MAX);
    let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
        let bounds = match (least, most) {
            (Some(least), Some(most)) => format!("between {least} and {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, most) => format!("at most {}", most.unwrap_or_default()),
        };
        violations.push(Violation::new(path, Code::InvalidValue, format!("{value} is not {bounds}")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(spec: &Value) -> Vec<String> {
        validate(spec).sorted().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_minimal_spec_is_fine() {
        assert_eq!(found(&json!({"services": [{"name": "web", "image": "nginx:1"}]})), Vec::<String>::new());
    }

    #[test]
    fn every_mistake_is_found_at_once_with_its_path() {
        let spec = json!({"servces": [], "services": [
            {"name": "Web", "imge": "nginx:1", "replicas": "two"},
            {"name": "cart", "image": "c:1", "ports": [{"name": "http", "port": 70000, "protocol": "http"}]},
            {"name": "cart", "image": "c:1", "gracefulStop": {"drain": "soon"},
             "resources": {"requests": {"cpu": 0.5, "memory": "1GB"}}},
        ]});
        assert_eq!(
            found(&spec),
            [
                "spec.servces: there is no field \"servces\" here; did you mean \"services\"?",
                "spec.services[0].image: the field is required",
                "spec.services[0].imge: there is no field \"imge\" here; did you mean \"image\"?",
                "spec.services[0].name: \"Web\" is no name: lower-case letters, digits and '-', beginning with a letter",
                "spec.services[0].replicas: expected a whole number, found the text \"two\"",
                "spec.services[1].ports[0].port: 70000 is not between 1 and 65535",
                "spec.services[1].ports[0].protocol: \"http\" is none of HTTP, HTTP2, GRPC, TCP, UDP; did you mean \"HTTP\"?",
                "spec.services[2].gracefulStop.drain: \"soon\" is no duration such as 250ms, 2s or 1h30m",
                "spec.services[2].name: \"cart\" is already the name of spec.services[1]",
                "spec.services[2].resources.requests.cpu: expected a whole number or text, found 0.5: write it in quotes",
                "spec.services[2].resources.requests.memory: \"1GB\" is no quantity such as 250m, 2 or 128Mi",
            ]
        );
    }

    #[test]
    fn a_word_that_yaml_reads_as_something_else_is_told_with_its_cure() {
        let spec = json!({"network": {"isolation": false}, "services": [{"name": 7, "image": true}]});
        assert_eq!(
            found(&spec),
            [
                "spec.network.isolation: expected one of Strict, Lenient, Disabled, found false; did you mean \"Disabled\"?",
                "spec.services[0].image: expected text, found true: write it in quotes",
                "spec.services[0].name: expected text, found the number 7: write it in quotes",
            ]
        );
    }

    #[test]
    fn no_spec_and_no_services_are_mistakes() {
        assert_eq!(found(&Value::Null), ["spec: the resource has no spec"]);
        assert_eq!(found(&json!({"services": []})), ["spec.services: at least 1 entry is needed"]);
    }

    #[test]
    fn a_list_of_more_items_than_allowed_is_not_bounded() {
        let services = |count: usize| json!({"services": vec![json!({"name": "web"}); count]});
        assert!(is_bounded(&services(100)));
        assert!(!is_bounded(&services(101)));
        assert!(!is_bounded(&json!({"services": [{"dependencies": vec![json!({}); 129]}]})));
    }
}
