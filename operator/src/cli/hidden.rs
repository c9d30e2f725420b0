//! Where a file holds what may not be shown: mistakes are told with the line that they stand in.

use msapp_core::difference::credential::{HIDDEN, hidden, hidden_text, hidden_words};
use serde_json::Value;

use super::yaml::{Content, Field, Node, Span};

/// The places of credentials in documents, sorted; none lies in another.
pub(super) fn credentials(documents: &[Node]) -> Vec<Span> {
    let mut found = Vec::new();
    documents.iter().for_each(|document| search(document, &mut found));
    found.retain(|span| !span.is_empty());
    found.sort_by_key(|span| span.start);
    found.dedup();
    found
}

fn search(node: &Node, found: &mut Vec<Span>) {
    match &node.content {
        Content::Scalar(_) if text(node).is_some_and(|text| hidden_text(&text) != text) => {
            found.push(node.span.clone());
        }
        Content::Scalar(_) => {}
        Content::List(items) => search_words(items, found),
        Content::Fields(fields) => fields.iter().for_each(|field| search_field(node, field, found)),
    }
}

/// Of the words of a command one can say that the next is a credential.
fn search_words(items: &[Node], found: &mut Vec<Span>) {
    let words: Vec<String> = items.iter().map(|item| text(item).unwrap_or_default()).collect();
    for (item, (shown, word)) in items.iter().zip(hidden_words(&words).iter().zip(&words)) {
        if shown == word { search(item, found) } else { found.push(item.span.clone()) }
    }
}

/// The value of a variable is judged by the name beside it, and everything in a Secret is hidden.
fn search_field(owner: &Node, field: &Field, found: &mut Vec<Span>) {
    let is_credential = |text: String| {
        field.key == "value" && owner.text("name").is_some_and(|name| hidden(name, &text) != text)
    };
    let is_content =
        matches!(field.key.as_str(), "data" | "stringData") && owner.text("kind") == Some("Secret");
    if is_content {
        found.extend(field.value.fields().iter().map(|entry| entry.value.span.clone()));
    } else if text(&field.value).is_some_and(is_credential) {
        found.push(field.value.span.clone());
    } else {
        search(&field.value, found);
    }
}

/// A scalar as it would be read where text is expected.
fn text(node: &Node) -> Option<String> {
    match &node.content {
        Content::Scalar(Value::String(text)) => Some(text.clone()),
        Content::Scalar(value) => Some(value.to_string()),
        Content::List(_) | Content::Fields(_) => None,
    }
}

/// A part of a text with `***` in the place of everything that is hidden. What is no whole letter at its ends is left out.
pub(super) fn shown(text: &str, part: Span, hidden: &[Span]) -> String {
    let mut shown = String::new();
    let mut at = text.ceil_char_boundary(part.start);
    let end = text.floor_char_boundary(part.end).max(at);
    let first = hidden.partition_point(|span| span.end <= at);
    for span in hidden[first..].iter().take_while(|span| span.start < end) {
        shown += text.get(at..span.start).unwrap_or_default();
        shown += HIDDEN;
        at = text.ceil_char_boundary(span.end).min(end);
    }
    shown + &text[at..end]
}

#[cfg(test)]
mod tests {
    use super::super::yaml::load;
    use super::*;

    fn masked(text: &str) -> String {
        let (documents, problems) = load(text);
        assert!(problems.is_empty(), "{problems:?}");
        shown(text, 0..text.len(), &credentials(&documents))
    }

    #[test]
    fn values_of_telling_names_are_hidden_however_they_are_written() {
        assert_eq!(masked("- {name: DB_PASSWORD, value: 'x y'}\n"), "- {name: DB_PASSWORD, value: ***}\n");
        assert_eq!(masked("- value: 123\n  name: DB_PASSWORD\n"), "- value: ***\n  name: DB_PASSWORD\n");
        let harmless = "- {name: LOG, value: info}\n- {name: DB_PASSWORD, value: $(ORDERS)}\n";
        assert_eq!(masked(harmless), harmless);
        let pointer = "- {name: DB_PASSWORD, secret: {name: orders, key: password}}\n";
        assert_eq!(masked(pointer), pointer);
    }

    #[test]
    fn texts_words_of_commands_and_secrets_are_hidden_where_they_hold_a_credential() {
        assert_eq!(masked("host: redis://:x@cache/0\n"), "host: ***\n");
        assert_eq!(masked("args: [--token, abc, --port, 80]\n"), "args: [--token, ***, --port, 80]\n");
        let secret =
            |data: &str| format!("kind: Secret\nmetadata: {{name: a}}\nstringData: {{any: {data}}}\n");
        assert_eq!(masked(&secret("thing")), secret("***"));
    }

    #[test]
    fn a_part_is_shown_with_the_part_of_what_is_hidden_that_lies_in_it() {
        let text = "ab secret cd";
        let hidden = std::slice::from_ref(&(3..9));
        assert_eq!(shown(text, 0..12, hidden), "ab *** cd");
        assert_eq!(shown(text, 0..5, hidden), "ab ***");
        assert_eq!(shown(text, 5..12, hidden), "*** cd");
        assert_eq!(shown(text, 0..3, hidden), "ab ");
        assert_eq!(shown("ä", 1..2, &[]), "");
    }
}
