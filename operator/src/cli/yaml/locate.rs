//! From the path of a mistake to the bytes that are to be pointed at.

use super::{Content, Field, Node, Span};

/// A node, and the field that holds it unless it is an entry of a list or the document.
struct Place<'n> {
    node: &'n Node,
    field: Option<&'n Field>,
}

/// The bytes to point at for a path such as `spec.services[2].dependencies[0].name`: the value when it is a scalar,
/// else its key; the key when the key itself is the mistake; the nearest parent when the path leads nowhere.
pub(crate) fn locate(root: &Node, path: &str, key_is_wrong: bool) -> Span {
    let mut place = Place { node: root, field: None };
    let mut rest = path;
    while !rest.is_empty() {
        let Some((next, behind)) = step(place.node, rest) else {
            return caret(place.node, place.field);
        };
        place = next;
        rest = behind;
    }
    match (place.field, &place.node.content) {
        (Some(field), _) if key_is_wrong => field.key_span.clone(),
        (_, Content::Scalar(_)) if !place.node.span.is_empty() => place.node.span.clone(),
        _ => caret(place.node, place.field),
    }
}

/// Where to point for a whole node: at its key, or at its first field when it is an entry of a list.
fn caret(node: &Node, field: Option<&Field>) -> Span {
    if let Some(field) = field {
        return field.key_span.clone();
    }
    match node.fields().first() {
        Some(Field { key_span, value: Node { span, content: Content::Scalar(_) }, .. })
            if span.start >= key_span.end =>
        {
            key_span.start..span.end
        }
        Some(field) => field.key_span.clone(),
        None => node.span.clone(),
    }
}

/// Follows one step of a path: `[2]` is an item, `[team.example/name]` a key that is no plain word, as
/// [`msapp_core::violation::field_path`] writes them.
fn step<'n, 'p>(node: &'n Node, path: &'p str) -> Option<(Place<'n>, &'p str)> {
    if let Some(inner) = path.strip_prefix('[') {
        let (step, behind) = inner.split_once(']')?;
        let behind = behind.strip_prefix('.').unwrap_or(behind);
        if let Some(field) = node.fields().iter().find(|field| field.key == step) {
            return Some((Place { node: &field.value, field: Some(field) }, behind));
        }
        let item = node.items().get(step.parse::<usize>().ok()?)?;
        return Some((Place { node: item, field: None }, behind));
    }
    let fitting = node.fields().iter().filter(|field| {
        path.strip_prefix(field.key.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    });
    let field = fitting.max_by_key(|field| field.key.len())?;
    let behind = &path[field.key.len()..];
    Some((Place { node: &field.value, field: Some(field) }, behind.strip_prefix('.').unwrap_or(behind)))
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    const TEXT: &str = "\
spec:
  services:
  - name: cart
    labels: {team.example/name: shop}
    ports:
    - {name: http, port: 80}
  - image: web:1
";

    fn pointed_at(path: &str, key_is_wrong: bool) -> &'static str {
        let (documents, _) = load(TEXT);
        &TEXT[locate(&documents[0], path, key_is_wrong)]
    }

    #[test]
    fn a_value_is_pointed_at_itself_and_a_collection_at_its_key() {
        assert_eq!(pointed_at("spec.services[0].ports[0].port", false), "80");
        assert_eq!(pointed_at("spec.services[0].ports", false), "ports");
        assert_eq!(pointed_at("spec.services[0].ports[0].port", true), "port");
    }

    #[test]
    fn a_key_with_dots_is_found() {
        assert_eq!(pointed_at("spec.services[0].labels[team.example/name]", false), "shop");
    }

    #[test]
    fn what_is_missing_is_pointed_at_in_its_nearest_parent() {
        assert_eq!(pointed_at("spec.services[1].name", false), "image: web:1");
        assert_eq!(pointed_at("spec.services[0].expose.host", false), "name: cart");
        assert_eq!(pointed_at("spec.network.isolation", false), "spec");
        assert_eq!(pointed_at("metadata.name", false), "spec");
    }
}
