//! From events with marks to nodes with spans.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, StrInput, Tag};
use serde_json::Value;

use super::{Content, Field, Node, Span, scalar};

/// Nodes that the anchors and aliases of a file may expand to: far above any real file, far below what would hurt.
const MOST_NODES: usize = 200_000;
/// Lists and fields inside of each other, aliases followed: what reads them later goes down by recursion.
const DEEPEST: usize = 200;
const TOO_DEEP: &str = "too many lists and fields stand inside of each other here";

/// What is wrong with the YAML itself.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) span: Span,
    /// Stable name.
    pub(crate) code: &'static str,
    /// What, in a sentence.
    pub(crate) message: String,
}

impl Problem {
    fn syntax(span: Span, message: impl Into<String>) -> Self {
        Self { span, code: "yaml-syntax", message: message.into() }
    }
}

/// The text of a file. Of one that is not UTF-8 the first byte that is none is the problem; `�` stands for it.
pub(crate) fn decode(bytes: Vec<u8>) -> (String, Option<Problem>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, Some(Problem::syntax(span, "the file is not UTF-8 text")))
        }
    }
}

/// Reads all documents of a text. One with a syntax error is reported and left out; those behind it are still read.
pub(crate) fn load(text: &str) -> (Vec<Node>, Vec<Problem>) {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(text, options);
    let lines = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut loader =
        Loader { text, lines, parser, anchors: BTreeMap::new(), nodes: 0, depth: 0, problems: Vec::new() };
    let mut documents = Vec::new();
    loop {
        match loader.document() {
            Ok(Some(document)) => documents.push(document),
            Ok(None) => break,
            Err(problem) => {
                loader.problems.push(problem);
                if !matches!(loader.parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    documents.retain(|document| !document.is_null());
    (documents, loader.problems)
}

struct Loader<'t> {
    text: &'t str,
    /// Where lines end: a file of many mistakes is not to be searched once for each.
    lines: Vec<usize>,
    parser: Parser<'t, StrInput<'t>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    depth: usize,
    problems: Vec<Problem>,
}

impl<'t> Loader<'t> {
    /// The next event and the bytes it stands for; none at the end of the text.
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Problem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, span.byte_range().unwrap_or_default()))),
            Some(Err(error)) => Err(syntax_error(self.text, &error)),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Problem> {
        self.anchors.clear();
        self.depth = 0;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamEnd => return Ok(None),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => return self.node(event, span).map(Some),
            }
        }
        Ok(None)
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, Problem> {
        self.nodes += 1;
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let value = value(&text, style, tag.as_deref());
                (anchor, Node { span, content: Content::Scalar(value) })
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.below(span, Self::list)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.below(span, Self::fields)?),
            _ => return Err(Problem::syntax(span, "a value is missing here")),
        };
        if anchor != 0 {
            self.count(Size::of(&node).nodes, &node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn below(
        &mut self,
        span: Span,
        read: fn(&mut Self, Span) -> Result<Node, Problem>,
    ) -> Result<Node, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Problem::syntax(span, TOO_DEEP));
        }
        let node = read(self, span)?;
        self.depth -= 1;
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Problem> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(Problem::syntax(span, "the alias stands inside of what it refers to"));
        };
        let size = Size::of(&node);
        self.count(size.nodes, &span)?;
        if self.depth + size.depth > DEEPEST {
            return Err(Problem::syntax(span, TOO_DEEP));
        }
        Ok(node)
    }

    /// Counts copies of nodes, of which a small file can ask for very many.
    fn count(&mut self, copied: usize, span: &Span) -> Result<(), Problem> {
        self.nodes += copied;
        if self.nodes > MOST_NODES {
            return Err(Problem::syntax(span.clone(), "the aliases of this file expand to too much"));
        }
        Ok(())
    }

    fn list(&mut self, start: Span) -> Result<Node, Problem> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node { span: start.start..span.end, content: Content::List(items) });
            }
            items.push(self.node(event, span)?);
        }
        Err(Problem::syntax(start, "the list does not end"))
    }

    fn fields(&mut self, start: Span) -> Result<Node, Problem> {
        let mut fields: Vec<Field> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut merged = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                merge(&mut fields, merged);
                return Ok(Node { span: start.start..span.end, content: Content::Fields(fields) });
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let (key, key_span) = self.key(event, span)?;
            let Some((event, span)) = self.next()? else { break };
            let value = self.node(event, span)?;
            if is_merge {
                merged.push(value);
            } else if let Some(first) = known.get(&key) {
                let line = self.lines.partition_point(|end| end < first) + 1;
                let message = format!("the key {key:?} stands on line {line} already");
                self.problems.push(Problem { span: key_span, code: "duplicate-key", message });
            } else {
                known.insert(key.clone(), key_span.start);
                fields.push(Field { key, key_span, value });
            }
        }
        Err(Problem::syntax(start, "the fields do not end"))
    }

    fn key(&mut self, event: Event<'t>, span: Span) -> Result<(String, Span), Problem> {
        let node = self.node(event, span)?;
        match node.content {
            Content::Scalar(Value::String(text)) => Ok((text, node.span)),
            Content::Scalar(Value::Null) => Err(Problem::syntax(node.span, "the key is empty")),
            Content::Scalar(value) => Ok((value.to_string(), node.span)),
            Content::Fields(_) if self.text[..node.span.start].ends_with('{') => {
                let message = "this looks like a template: render it first, as `helm template` does";
                Err(Problem::syntax(node.span, message))
            }
            Content::List(_) | Content::Fields(_) => {
                Err(Problem::syntax(node.span, "a key is a word, not a list or fields"))
            }
        }
    }
}

/// Fields that `<<` brings in stand behind those that are written, and never replace one
/// (<https://yaml.org/type/merge.html>).
fn merge(fields: &mut Vec<Field>, merged: Vec<Node>) {
    if merged.is_empty() {
        return;
    }
    let mut known: BTreeSet<String> = fields.iter().map(|field| field.key.clone()).collect();
    for node in merged {
        let sources = if node.items().is_empty() { vec![node] } else { node.items().to_vec() };
        for field in sources.iter().flat_map(Node::fields) {
            if known.insert(field.key.clone()) {
                fields.push(field.clone());
            }
        }
    }
}

/// How much is in a node, itself included.
#[derive(Default)]
struct Size {
    nodes: usize,
    /// Lists and fields on the longest way down.
    depth: usize,
}

impl Size {
    fn of(node: &Node) -> Self {
        let children = node.items().iter().chain(node.fields().iter().map(|field| &field.value));
        let below = children.map(Size::of).fold(Size::default(), |all, one| Size {
            nodes: all.nodes + one.nodes,
            depth: all.depth.max(one.depth),
        });
        let is_scalar = matches!(node.content, Content::Scalar(_));
        Size { nodes: below.nodes + 1, depth: below.depth + usize::from(!is_scalar) }
    }
}

fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
    if is_text { Value::String(text.to_owned()) } else { scalar::plain(text) }
}

fn syntax_error(text: &str, error: &ScanError) -> Problem {
    let start = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let end = text[start..line_end].chars().next().map_or(start, |letter| start + letter.len_utf8());
    let before = text[..start].rsplit('\n').next().unwrap_or_default();
    Problem::syntax(start..end, explained(error, before))
}

/// The usual slips in words that tell what to do; `before` is what stands on the line already.
fn explained(error: &ScanError, before: &str) -> String {
    let is_first = before.trim().is_empty();
    match error.kind() {
        _ if is_first && before.contains('\t') => "a tab cannot indent YAML: use spaces".to_owned(),
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation
            if is_first =>
        {
            "this line is indented neither like what it could belong to nor below it".to_owned()
        }
        ErrorKind::MappingValueNotAllowed => "text with ': ' in it needs quotes here".to_owned(),
        ErrorKind::SimpleKeyExpected => "a ':' is missing behind this key".to_owned(),
        ErrorKind::InvalidColonPlacement => {
            "a ':' cannot stand here; is a bracket or a quote above not closed?".to_owned()
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            "a ',' or '}' is expected here; text with ': ' in it needs quotes".to_owned()
        }
        ErrorKind::ExpectedFlowSequenceSeparator => "a ',' or ']' is expected here".to_owned(),
        ErrorKind::UnknownAnchor => "no anchor of this name stands above".to_owned(),
        _ => error.info(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Vec<Value> {
        let (documents, problems) = load(text);
        assert!(problems.is_empty(), "{problems:?}");
        documents.iter().map(Node::to_value).collect()
    }

    #[test]
    fn documents_are_read_one_by_one_and_empty_ones_are_left_out() {
        assert_eq!(
            read("a: 1\n---\n# nothing\n---\nb: [x, 'yes', yes]\n"),
            [json!({"a": 1}), json!({"b": ["x", "yes", true]})]
        );
    }

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        let text = "base: &base {cpu: 1, memory: 2}\none:\n  <<: *base\n  cpu: 3\ntwo: *base\n";
        assert_eq!(
            read(text),
            [
                json!({"base": {"cpu": 1, "memory": 2}, "one": {"cpu": 3, "memory": 2}, "two": {"cpu": 1, "memory": 2}})
            ]
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_a_problem_and_the_first_one_counts() {
        let (documents, problems) = load("a: 1\nb: 2\na: 3\n");
        assert_eq!(documents[0].to_value(), json!({"a": 1, "b": 2}));
        assert_eq!((problems[0].span.clone(), problems[0].code), (10..11, "duplicate-key"));
        assert_eq!(problems[0].message, "the key \"a\" stands on line 1 already");
    }

    #[test]
    fn a_document_behind_a_broken_one_is_still_read() {
        let (documents, problems) = load("a: [1, 2\n---\nb: 1\n");
        assert_eq!(documents.iter().map(Node::to_value).collect::<Vec<_>>(), [json!({"b": 1})]);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn a_template_is_told_from_a_mistake() {
        let (_, problems) = load("a: {{ .Values.image }}\n");
        assert!(problems[0].message.starts_with("this looks like a template"), "{problems:?}");
    }

    #[test]
    fn aliases_cannot_expand_without_end() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..8 {
            let before = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", ")));
        }
        let (_, problems) = load(&text);
        assert_eq!(problems[0].message, "the aliases of this file expand to too much");
    }

    #[test]
    fn anchors_inside_of_each_other_are_not_copied_without_end() {
        let anchors: String = (0..150).map(|level| format!("&a{level} [")).collect();
        let (_, problems) = load(&format!("{anchors}{}{}", "x, ".repeat(10_000), "]".repeat(150)));
        assert_eq!(problems[0].message, "the aliases of this file expand to too much");
    }

    #[test]
    fn nothing_is_nested_too_deeply_to_be_read_by_recursion() {
        let (_, problems) = load(&format!("a: {}{}", "[".repeat(250), "]".repeat(250)));
        assert_eq!(problems[0].message, TOO_DEEP);
        let mut text = "a0: &a0 []\n".to_owned();
        for level in 1..20 {
            let (open, close) = ("[".repeat(20), "]".repeat(20));
            text.push_str(&format!("a{level}: &a{level} {open}*a{}{close}\n", level - 1));
        }
        let (_, problems) = load(&text);
        assert_eq!(problems[0].message, TOO_DEEP);
    }
}
