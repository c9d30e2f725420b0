//! Golden files: `<feature>-<situation>.in.yaml` in, `.out.yaml` out; the samples are inputs too.
//!
//! An input holds one MicroserviceApp and the ConfigMaps and Secrets it refers to. The output holds the objects, the
//! proof of their policies and what the checks find, or the violations, and the status of a first pass over an empty
//! namespace; beside that of a sample `.graph.mmd` and `.graph.txt` hold its graph. `make golden` rewrites the outputs;
//! the difference is then read like any other change.

mod scenes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use msapp_core::graph;
use msapp_core::observed::Observed;
use msapp_core::reference::{ReferenceKey, ReferenceKind, ReferenceState, References};
use msapp_core::source::Source;
use msapp_core::status::{Facts, Outcome, status};
use msapp_core::violation::{Violation, Violations};
use msapp_core::{build, digest, picture, plan, policy};
use serde_json::{Value, json};

const UPDATE: &str = "MSAPP_UPDATE_GOLDEN";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every input with the path of its output.
fn cases() -> Vec<(PathBuf, PathBuf)> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let own = files(&golden, ".in.yaml").into_iter().map(|input| {
        let output = input.to_string_lossy().replace(".in.yaml", ".out.yaml");
        (input, PathBuf::from(output))
    });
    let samples = files(&root().join("samples"), ".yaml").into_iter().map(|input| {
        let name = input.file_stem().expect("a file").to_string_lossy().into_owned();
        (input, golden.join(format!("sample-{name}.out.yaml")))
    });
    own.chain(samples.filter(|(input, _)| is_app(input))).collect()
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(suffix));
    paths.sort();
    paths
}

fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("readable");
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_app(path: &Path) -> bool {
    documents(path).iter().any(|document| document["kind"] == "MicroserviceApp")
}

fn source(app: &Value) -> Source {
    let text = |value: &Value, usual: &str| value.as_str().unwrap_or(usual).to_owned();
    Source {
        name: text(&app["metadata"]["name"], ""),
        namespace: text(&app["metadata"]["namespace"], "default"),
        generation: 1,
        spec: app["spec"].clone(),
        ..Source::default()
    }
}

/// What the input's other documents tell of references; with none of a kind, that kind is unknown.
fn references(documents: &[Value], app: &graph::App) -> References {
    let mut references = References::new();
    for (kind, name) in [(ReferenceKind::ConfigMap, "ConfigMap"), (ReferenceKind::Secret, "Secret")] {
        let of_kind: Vec<&Value> = documents.iter().filter(|document| document["kind"] == name).collect();
        if of_kind.is_empty() {
            continue;
        }
        let wanted = app.references().into_iter().filter(|key| key.kind == kind);
        references.extend(wanted.map(|key| (key.clone(), ReferenceState::Missing)));
        for document in of_kind {
            let key = ReferenceKey {
                kind,
                name: document["metadata"]["name"].as_str().expect("a name").to_owned(),
            };
            references.insert(key, ReferenceState::Present(entries(document)));
        }
    }
    references
}

fn entries(document: &Value) -> BTreeMap<String, String> {
    let data = ["data", "stringData"]
        .into_iter()
        .flat_map(|field| document[field].as_object().into_iter().flatten());
    data.map(|(key, value)| (key.clone(), digest::keyed(b"golden", value.to_string().as_bytes()))).collect()
}

fn told(violations: &Violations) -> Vec<Value> {
    let one = |violation: &Violation| {
        let severity = violation.code.severity().as_str();
        json!({"severity": severity, "code": violation.code.as_str(), "message": violation.to_string()})
    };
    violations.iter().map(one).collect()
}

fn output(input: &Path) -> String {
    let documents = documents(input);
    let app =
        documents.iter().find(|document| document["kind"] == "MicroserviceApp").expect("a MicroserviceApp");
    let source = source(app);
    let observed = Observed::default();
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let facts = |outcome| Facts { source: &source, outcome, observed: &observed, previous: None, now };
    let mut values = Vec::new();
    match graph::resolve(&source) {
        Err(violations) => {
            values.push(json!({"violations": told(&violations)}));
            values.push(json!({"status": status(&facts(Outcome::Invalid(&violations)))}));
        }
        Ok(app) => {
            let references = references(&documents, &app);
            let app = app.bound(&references);
            let desired = build::objects(&app);
            let plan = plan::plan(&app, "uid", &desired, &observed);
            values.extend(desired.iter().map(|object| object.manifest.clone()));
            values.push(json!({"proof": policy::prove(&app, &desired)}));
            values.push(json!({"findings": told(&app.findings)}));
            let outcome = Outcome::Valid { app: &app, plan: &plan, failures: &[] };
            values.push(json!({"status": status(&facts(outcome))}));
        }
    }
    let texts: Vec<String> =
        values.iter().map(|value| serde_saphyr::to_string(value).expect("plain data")).collect();
    texts.join("---\n")
}

/// The graph of a valid input, events drawn: each form with the ending of its file.
fn graphs(input: &Path) -> Vec<(&'static str, String)> {
    let documents = documents(input);
    let app = documents.iter().find(|document| document["kind"] == "MicroserviceApp");
    let Ok(app) = graph::resolve(&source(app.expect("a MicroserviceApp"))) else { return Vec::new() };
    let picture = picture::of(&app, true);
    vec![(".graph.mmd", picture::mermaid::render(&picture)), (".graph.txt", picture::text::render(&picture))]
}

/// Everything that is expected: the path of each file with what should be in it.
fn expectations() -> Vec<(PathBuf, String)> {
    let of = |(input, expected): (PathBuf, PathBuf)| {
        let name = expected.to_string_lossy().into_owned();
        // The graphs of the samples are documentation; those of the other inputs would repeat them.
        let graphs = if name.contains("/sample-") { graphs(&input) } else { Vec::new() };
        let graphs =
            graphs.into_iter().map(move |(ending, text)| (name.replace(".out.yaml", ending).into(), text));
        std::iter::once((expected, output(&input))).chain(graphs)
    };
    cases().into_iter().flat_map(of).collect()
}

#[test]
fn golden_files_hold() {
    expect_files(expectations());
}

/// Fails when something else is in these files; writes them anew instead when that is asked for.
fn expect_files(expectations: impl IntoIterator<Item = (PathBuf, String)>) {
    let update = std::env::var_os(UPDATE).is_some();
    let mut differing = Vec::new();
    for (expected, found) in expectations {
        if update {
            std::fs::write(&expected, &found).expect("writable");
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(found.as_str()) {
            differing.push(expected.file_name().expect("a file").to_string_lossy().into_owned());
        }
    }
    assert!(
        differing.is_empty(),
        "these differ; `make golden` rewrites them, then read the difference: {differing:?}"
    );
}

#[test]
fn no_golden_output_is_without_its_input() {
    let expected: Vec<PathBuf> = expectations().into_iter().map(|(path, _)| path).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let outputs =
        [".out.yaml", ".graph.mmd", ".graph.txt"].into_iter().flat_map(|ending| files(&folder, ending));
    let orphans: Vec<PathBuf> = outputs.filter(|path| !expected.contains(path)).collect();
    assert!(orphans.is_empty(), "{orphans:?}");
}
