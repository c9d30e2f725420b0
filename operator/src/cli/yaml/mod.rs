//! YAML whose every value still knows where it stood, so that a mistake can be pointed at.
//!
//! Scalars are read as kubectl reads them (YAML 1.1 booleans and octal numbers included), so that `check` and the
//! API server never disagree about what was written.

mod locate;
mod parse;
mod scalar;

use std::ops::Range;

use serde_json::{Map, Value};

pub(super) use locate::locate;
pub(super) use parse::{Problem, decode, load};

/// Bytes of the text.
pub(super) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// From its first to its last byte.
    pub(super) span: Span,
    /// What it is.
    pub(super) content: Content,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Text, a number, a truth value or nothing.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// Fields, each key once, in the order of writing.
    Fields(Vec<Field>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The key as text.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) key_span: Span,
    /// The value.
    pub(super) value: Node,
}

impl Node {
    /// The field of that name.
    pub(super) fn field(&self, key: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.key == key)
    }

    /// All fields; none when it is something else.
    pub(super) fn fields(&self) -> &[Field] {
        match &self.content {
            Content::Fields(fields) => fields,
            Content::Scalar(_) | Content::List(_) => &[],
        }
    }

    /// The entries of a list; none when it is something else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Fields(_) => &[],
        }
    }

    /// The text of the field of that name, when it is text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.field(key)?.value.content {
            Content::Scalar(Value::String(text)) => Some(text),
            Content::Scalar(_) | Content::List(_) | Content::Fields(_) => None,
        }
    }

    /// Whether it is nothing, as an empty document is.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Value::Null))
    }

    /// The value without the places.
    pub(super) fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Content::Fields(fields) => {
                let entries = fields.iter().map(|field| (field.key.clone(), field.value.to_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}
