//! A schema in words.

use serde_json::Value;

/// The schema of the entries of a list, of the values of a map, or the schema itself.
pub(crate) fn inner(schema: &Value) -> &Value {
    match (&schema["items"], &schema["additionalProperties"]) {
        (Value::Object(_), _) => &schema["items"],
        (_, Value::Object(_)) => &schema["additionalProperties"],
        _ => schema,
    }
}

/// What stands behind a field's name in a path.
pub(crate) fn suffix(schema: &Value) -> &'static str {
    match (&schema["items"], &schema["additionalProperties"]) {
        (Value::Object(_), _) => "[]",
        (_, Value::Object(_)) => ".*",
        _ => "",
    }
}

/// Type and bounds: `list of text, at most 32`.
pub(crate) fn type_of(schema: &Value) -> String {
    if let Some(name) = grammar(schema) {
        return name.to_owned();
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return with_bounds("number or text", schema);
    }
    let words = match schema["type"].as_str().unwrap_or_default() {
        "array" => format!("list of {}", plural(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map of text to {}", type_of(&schema["additionalProperties"]))
        }
        "object" => "fields".to_owned(),
        "string" if schema["enum"].is_array() => return one_of(&schema["enum"]),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    };
    with_bounds(&words, schema)
}

fn plural(items: &Value) -> String {
    if items["type"] == "object" && !items["additionalProperties"].is_object() {
        "fields".to_owned()
    } else {
        type_of(items)
    }
}

fn one_of(values: &Value) -> String {
    let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
    values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

fn with_bounds(words: &str, schema: &Value) -> String {
    let mut parts = vec![words.to_owned()];
    let number = |key: &str| schema[key].as_f64();
    parts.extend(bounds(number("minimum"), number("maximum"), ""));
    parts.extend(bounds(number("minLength"), number("maxLength"), " characters"));
    parts.extend(bounds(number("minItems"), number("maxItems"), " entries"));
    parts.extend(bounds(number("minProperties"), number("maxProperties"), " entries"));
    parts.extend(schema["pattern"].as_str().map(|pattern| format!("`{pattern}`")));
    parts.join(", ")
}

/// Grammars that have a name.
fn grammar(schema: &Value) -> Option<&'static str> {
    let pattern = schema["pattern"].as_str()?;
    match pattern {
        _ if pattern.contains("(h|m|s|ms)") => Some("duration"),
        _ if pattern.contains("[KMGTPE]i") => Some("quantity"),
        _ if pattern.contains("%?$") => Some("whole number or percentage"),
        _ => None,
    }
}

fn bounds(least: Option<f64>, most: Option<f64>, unit: &str) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (None, None) => None,
    }
}

/// The description without its example, and the example.
pub(crate) fn described(schema: &Value) -> (String, Option<String>) {
    let text =
        schema["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    match text.rsplit_once("Example: ") {
        Some((before, example)) => (before.trim().to_owned(), Some(example.trim().to_owned())),
        None => (text, None),
    }
}

/// The sentences of the rules that the API server evaluates.
pub(crate) fn rules(schema: &Value) -> Vec<String> {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    rules
        .map(|rule| rule["message"].as_str().or_else(|| rule["rule"].as_str()).unwrap_or_default().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_told_with_their_bounds() {
        assert_eq!(
            type_of(&json!({"type": "integer", "minimum": 1.0, "maximum": 65535.0})),
            "whole number, 1 to 65535"
        );
        assert_eq!(
            type_of(&json!({"type": "array", "items": {"type": "string"}, "maxItems": 8})),
            "list of text, at most 8 entries"
        );
        assert_eq!(type_of(&json!({"type": "string", "enum": ["A", "B"]})), "`A`, `B`");
        assert_eq!(
            type_of(&json!({"type": "object", "additionalProperties": {"type": "string"}})),
            "map of text to text"
        );
        assert_eq!(type_of(&json!({"type": "object", "properties": {}})), "fields");
    }

    #[test]
    fn an_example_is_told_apart() {
        let schema = json!({"description": "Name of\nit. Example: `cart`"});
        assert_eq!(described(&schema), ("Name of it.".to_owned(), Some("`cart`".to_owned())));
    }
}
