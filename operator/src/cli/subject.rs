//! One app out of the files that were handed in, and where in them each of its paths stands.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use msapp_core::difference::credential::hidden_text;
use msapp_core::graph::App;
use msapp_core::source::Source;
use serde_json::{Map, Value, json};

use super::diagnostic::File;
use super::input;
use super::yaml::{Node, locate};

/// Which app is asked about.
#[derive(Args, Debug)]
pub(super) struct SubjectArgs {
    /// File or directory with the resource; `-` reads the standard input.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Which of several apps in it is meant.
    #[arg(long, value_name = "NAME")]
    pub(super) app: Option<String>,
    /// Namespace of resources that name none.
    #[arg(short, long, default_value = "default")]
    pub(super) namespace: String,
}

/// An app, what it was made of, and the file that it was read from.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) app: App,
    pub(super) source: Source,
    pub(super) places: Places,
}

/// Where the paths of a resource stand.
#[derive(Debug)]
pub(super) struct Places {
    file: File,
    node: Node,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Name of the file.
    pub(super) file: String,
    /// From 1.
    pub(super) line: usize,
    /// The line itself without its indentation and without credentials.
    pub(super) text: String,
}

impl Place {
    /// `shop.yaml:12`
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// Reads the app that is meant. Nothing when the resource has mistakes, which are told on the standard error.
pub(super) fn read(args: &SubjectArgs) -> Result<Option<Subject>> {
    let input = input::read(std::slice::from_ref(&args.file), &args.namespace)?;
    let Some(mut input) = input.unless_mistaken() else { return Ok(None) };
    let app = chosen(std::mem::take(&mut input.resolved), args.app.as_deref())?;
    let here = |source: &Source| (&source.name, &source.namespace) == (&app.name, &app.namespace);
    let written = input.written.into_iter().find(|written| here(&written.source));
    let written = written.expect("an app is made of what was written");
    let places = Places { file: input.files.swap_remove(written.file), node: written.node };
    Ok(Some(Subject { app, source: written.source, places }))
}

fn chosen(mut apps: Vec<App>, name: Option<&str>) -> Result<App> {
    let known: Vec<String> = apps.iter().map(|app| app.name.clone()).collect();
    apps.retain(|app| name.is_none_or(|name| app.name == name));
    match (apps.pop(), apps.is_empty()) {
        (Some(app), true) => Ok(app),
        (Some(_), false) => bail!("there are several apps: choose one of {} with --app", known.join(", ")),
        (None, _) => bail!("no app {:?}; there is {}", name.unwrap_or_default(), known.join(", ")),
    }
}

impl Places {
    /// Where a path stands; where the nearest of its parents does when nobody wrote it.
    pub(super) fn of(&self, path: &str) -> Place {
        let start = locate(&self.node, path, true).start;
        let (line, bytes) = self.file.line_of(start);
        let text = hidden_text(self.file.shown(bytes).trim());
        Place { file: self.file.name.clone(), line, text }
    }

    /// `shop.yaml:12 spec.services[3]`
    pub(super) fn shown(&self, path: &str) -> String {
        format!("{} {path}", self.of(path).shown())
    }

    /// What is printed for machines: with file and line beside every `path`, and each path of a list named `declared` as
    /// an object that has them too.
    pub(super) fn json(&self, mut told: Value) -> String {
        self.annotate(&mut told);
        format!("{told:#}\n")
    }

    fn annotate(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.annotate(item)),
            Value::Object(fields) => self.annotate_fields(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn annotate_fields(&self, fields: &mut Map<String, Value>) {
        if let Some(Value::Array(paths)) = fields.get_mut("declared") {
            paths.iter_mut().for_each(|path| *path = json!({"path": path.take()}));
        }
        fields.values_mut().for_each(|field| self.annotate(field));
        let path = fields.get("path").and_then(Value::as_str).filter(|path| path.starts_with("spec"));
        if let Some(place) = path.map(|path| self.of(path)) {
            fields.insert("file".to_owned(), place.file.into());
            fields.insert("line".to_owned(), place.line.into());
        }
    }
}
