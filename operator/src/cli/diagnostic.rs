//! A mistake as the user sees it: the file, the line, what is pointed at, and what was probably meant.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};
use msapp_core::graph::Check;
use msapp_core::violation::Severity;
use serde_json::{Value, json};

use super::hidden::shown;
use super::yaml::Span;

/// Where the pages of the graph checks are.
const PAGES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/checks");

/// Bytes of a line that is still shown as a whole: every report of it costs as much as it is long.
const LONG: usize = 1000;
/// Bytes that are shown of a longer one before and behind where it is pointed at.
const NEAR: usize = 200;

/// A file as it was read.
#[derive(Debug)]
pub(super) struct File {
    /// Its name as the user gave it; `<stdin>` for the standard input.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
    /// Where in it credentials stand, which are not shown; sorted.
    pub(super) hidden: Vec<Span>,
}

impl File {
    /// A part of the text without the credentials in it.
    pub(super) fn shown(&self, part: Span) -> String {
        shown(&self.text, part, &self.hidden)
    }

    /// The line in which a byte stands: its number from 1, and its bytes.
    pub(super) fn line_of(&self, at: usize) -> (usize, Span) {
        let begin = line_start(&self.text, at);
        let length = self.text[begin..].lines().next().map_or(0, str::len);
        (self.text[..begin].matches('\n').count() + 1, begin..begin + length)
    }
}

/// One mistake in a file.
#[derive(Debug)]
pub(super) struct Diagnostic {
    /// Which of the files.
    pub(super) file: usize,
    /// The bytes that are pointed at.
    pub(super) span: Span,
    /// Where in the resource; empty for mistakes of the YAML itself.
    pub(super) path: String,
    /// Stable name of the kind of mistake.
    pub(super) code: &'static str,
    /// How much it weighs.
    pub(super) severity: Severity,
    /// What is wrong, in one sentence.
    pub(super) message: String,
    /// What was probably meant.
    pub(super) suggestion: Option<String>,
}

impl Diagnostic {
    /// One about the text, not about a field.
    pub(super) fn plain(
        file: usize,
        span: Span,
        code: &'static str,
        (severity, message): (Severity, String),
    ) -> Self {
        Self { file, span, path: String::new(), code, severity, message, suggestion: None }
    }

    /// Line and column, from 1, columns in characters.
    fn position(&self, text: &str) -> (usize, usize) {
        let start = self.start(text);
        let line_start = line_start(text, start);
        (text[..start].matches('\n').count() + 1, text[line_start..start].chars().count() + 1)
    }

    fn start(&self, text: &str) -> usize {
        text.floor_char_boundary(self.span.start)
    }

    /// The diagnostic as a compiler would print it.
    fn report(&self, file: &File, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Advice => Level::INFO.with_name("advice"),
        };
        let mut group = self.pointed_at(file, level.primary_title(&self.message).id(self.code));
        if let Some(suggestion) = &self.suggestion {
            group = group.element(Level::HELP.message(format!("did you mean {}?", quoted(suggestion))));
        }
        if let Some(page) = self.page() {
            group = group.element(Level::NOTE.message(format!("see {page}")));
        }
        renderer.render(&[group])
    }

    /// The line with what is pointed at. Of a very long one, such as all of a file of JSON, only what is near.
    fn pointed_at<'a>(&'a self, file: &'a File, title: Title<'a>) -> Group<'a> {
        let (_, column) = self.position(&file.text);
        let (number, line) = file.line_of(self.start(&file.text));
        let start = self.start(&file.text).min(line.end);
        let end = self.span.end.clamp(start, line.end);
        let part = if line.len() > LONG { near(&file.text, &line, start, end) } else { line.clone() };
        let column_of = |at: usize| file.shown(part.start..at).len();
        let annotation = AnnotationKind::Primary.span(column_of(start)..column_of(end.min(part.end)));
        let annotation = if self.path.is_empty() { annotation } else { annotation.label(&self.path) };
        let is_in_its_column = part.start == line.start && column_of(start) == start - line.start;
        let snippet = Snippet::source(file.shown(part)).line_start(number).annotation(annotation);
        if is_in_its_column {
            return title.element(snippet.path(&file.name));
        }
        title.element(Origin::path(&file.name).line(number).char_column(column)).element(snippet)
    }

    /// What explains a finding of a graph check.
    fn page(&self) -> Option<String> {
        Check::parse(self.code).map(|check| format!("{PAGES}/{}.md", check.as_str()))
    }

    fn to_json(&self, file: &File) -> Value {
        let (line, column) = self.position(&file.text);
        json!({
            "file": file.name,
            "line": line,
            "column": column,
            "path": self.path,
            "code": self.code,
            "message": self.message,
            "severity": self.severity.as_str(),
            "suggestion": self.suggestion,
            "page": self.page(),
        })
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The part of a line around some bytes of it, and not much more than their beginning when they are many.
fn near(text: &str, line: &Span, start: usize, end: usize) -> Span {
    let first = start.saturating_sub(NEAR).max(line.start);
    let last = end.min(start + NEAR).saturating_add(NEAR).min(line.end);
    text.floor_char_boundary(first)..text.ceil_char_boundary(last)
}

/// Text that already has quotes is not given more of them.
fn quoted(suggestion: &str) -> String {
    if suggestion.contains('"') { format!("`{suggestion}`") } else { format!("\"{suggestion}\"") }
}

/// Sorts by file and place, so that the output reads from top to bottom.
pub(super) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| (diagnostic.file, diagnostic.span.start));
}

/// All of them, one below another.
pub(super) fn report(diagnostics: &[Diagnostic], files: &[File], styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let reports = diagnostics.iter().map(|diagnostic| diagnostic.report(&files[diagnostic.file], &renderer));
    reports.map(|report| format!("{report}\n\n")).collect()
}

/// All of them as a JSON array.
pub(super) fn to_json(diagnostics: &[Diagnostic], files: &[File]) -> Value {
    diagnostics.iter().map(|diagnostic| diagnostic.to_json(&files[diagnostic.file])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_very_long_line_only_what_is_near_is_shown_and_the_column_is_that_of_the_file() {
        let text = format!("{}é: here, {}\n", "ä, ".repeat(1_000), "ö, ".repeat(1_000));
        let start = text.find("here").expect("it is there");
        let message = "it is wrong".to_owned();
        let found = Diagnostic::plain(0, start..start + 4, "yaml-syntax", (Severity::Error, message));
        let report = report(&[found], &[File { name: "a.yaml".to_owned(), text, hidden: Vec::new() }], false);
        assert!(report.contains("a.yaml:1:3004"), "{report}");
        assert!(report.contains("é: here, ö"), "{report}");
        assert!(report.len() < 3_000, "{report}");
    }
}
