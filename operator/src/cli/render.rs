//! `msapp render`: exactly what the controller applies.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use msapp_core::build;
use msapp_core::reference::References;
use serde_json::{Value, json};

use super::exit::Outcome;
use super::input::{FilesArgs, Input};
use super::output::print;

const EXAMPLES: &str = "\
Examples:
  # what would the operator apply?
  msapp render shop.yaml

  # what does a change of the resource change in the cluster?
  diff <(git show HEAD:shop.yaml | msapp render -) <(msapp render shop.yaml)

  # let policy checkers see it
  msapp render shop.yaml -n shop | kubeconform -strict -

Exit codes:
  0  rendered
  1  the resource has mistakes; nothing is printed but them
  2  wrong usage, or a file cannot be read, or holds no MicroserviceApp";

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One YAML document for each object.
    Yaml,
    /// One v1 List.
    Json,
}

/// Prints every object that the operator applies for a MicroserviceApp, without a cluster.
///
/// It is the same code as in the operator, so the output is what will be applied, byte for byte, but for the owner
/// reference, which carries the UID that only the cluster knows. The objects stand in the order in which they are
/// written; shuffling the input changes nothing.
///
/// ConfigMaps in the same input count as existing: the digest that restarts pods when their content changes is
/// computed from them. The content of Secrets is unknown to a file (the operator digests it with a key of its own),
/// so the annotation msapp.dev/reference-digest can differ from the one in the cluster.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct RenderArgs {
    /// What is printed.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Format,
    #[command(flatten)]
    files: FilesArgs,
}

/// Runs the command.
pub(super) fn run(args: &RenderArgs) -> Result<Outcome> {
    let Some(mut input) = args.files.read()?.unless_mistaken() else { return Ok(Outcome::Mistakes) };
    print(&text(args.output, &manifests(&mut input))?)?;
    Ok(Outcome::Fine)
}

/// The objects of all apps, which are taken out of the input.
pub(super) fn manifests(input: &mut Input) -> Vec<Value> {
    let unknown = References::new();
    let mut manifests = Vec::new();
    for app in std::mem::take(&mut input.resolved) {
        let references = input.references.get(&app.namespace).unwrap_or(&unknown);
        let objects = build::objects(&app.bound(references));
        manifests.extend(objects.iter().map(|object| object.manifest.clone()));
    }
    manifests
}

/// The objects as they are printed.
pub(super) fn text(format: Format, manifests: &[Value]) -> Result<String> {
    match format {
        Format::Yaml => manifests.iter().map(document).collect(),
        Format::Json => {
            Ok(format!("{:#}\n", json!({"apiVersion": "v1", "kind": "List", "items": manifests})))
        }
    }
}

/// One YAML document. Long text is not folded: what is one line stays one line.
fn document(manifest: &Value) -> Result<String> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let text = serde_saphyr::to_string_with_options(manifest, options).context("cannot write YAML")?;
    Ok(format!("---\n{text}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::yaml::load;
    use super::*;

    /// Text that YAML readers, kubectl's among them, take for something else when it stands without quotes.
    const TRAPS: [&str; 52] = [
        "",
        " ",
        "yes",
        "no",
        "y",
        "N",
        "on",
        "Off",
        "true",
        "False",
        "null",
        "Null",
        "~",
        "1",
        "1.0",
        "-1",
        "+1",
        "0644",
        "0o17",
        "0x1F",
        "0b11",
        "1_000",
        "1e3",
        ".5",
        "5.",
        ".inf",
        "-.INF",
        ".nan",
        "2026-01-02",
        "12:30:45",
        "1:30",
        "-",
        "- a",
        "?",
        ":",
        "a: b",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "'a",
        "\"a",
        "<<",
        "=",
    ];

    fn assert_round_trip(value: &Value) {
        let text = document(value).expect("it can be written");
        let (documents, problems) = load(&text);
        assert!(problems.is_empty(), "{problems:?} in {text}");
        assert_eq!(&documents[0].to_value(), value, "{text}");
    }

    #[test]
    fn text_that_looks_like_something_else_stays_text() {
        for trap in TRAPS {
            assert_round_trip(&json!({"a": trap, "b": [trap], "c": {trap.trim_end(): 1}}));
        }
    }

    #[test]
    fn text_of_several_lines_stays_as_it_is() {
        for text in [
            "a\nb",
            "a\nb\n",
            "a\n\n\n",
            "\na",
            "  a\n b\n",
            "a\r\nb",
            "a\tb\n",
            "\u{1}\n",
            "a \n b \n",
            "---\na",
            "…\u{2028}x\n",
        ] {
            assert_round_trip(&json!({"data": {"file.txt": text}, "list": [text]}));
        }
        assert_round_trip(&json!({"long": "word ".repeat(100)}));
    }

    #[test]
    fn other_values_stay_what_they_are() {
        assert_round_trip(
            &json!({"a": [], "b": {}, "c": null, "d": [[1, [2]], {"e": [{}]}], "f": -1, "g": 0.25, "h": true}),
        );
    }
}
