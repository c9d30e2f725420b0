//! What the chart says about itself: values, their schema, README, metadata, notes.

use msapp_crds::v1alpha1::MicroserviceApp;
use serde_json::Value;

use super::helm::{NAMESPACE, RELEASE, chart, helm, text_of, workspace};

#[test]
fn the_readme_lists_every_value_with_its_default_and_meaning() {
    let path = workspace().join("charts/msapp/README.md");
    let readme = text_of("charts/msapp/README.md");
    let (before, _) = readme.split_once("| Value |").expect("a table of values");
    let expected = format!("{before}{}", table());
    if std::env::var_os("MSAPP_UPDATE").is_some() {
        std::fs::write(&path, &expected).expect("the README can be written");
    }
    assert!(text_of("charts/msapp/README.md") == expected, "run this test once with MSAPP_UPDATE=1");
}

#[test]
fn the_installation_page_names_only_values_that_exist() {
    let (page, values) = (text_of("docs/install.md"), values());
    let mut named = 0;
    for quoted in page.split('`').skip(1).step_by(2) {
        let path = quoted.split('=').next().unwrap_or_default();
        let mut names = path.split('.').peekable();
        if names.peek().is_none_or(|root| values.get(root).is_none()) {
            continue;
        }
        assert!(!names.fold(&values, |node, name| &node[name]).is_null(), "docs/install.md names `{path}`");
        named += 1;
    }
    assert!(named > 15, "only {named} values were found on the page");
}

#[test]
fn the_schema_describes_every_value_in_the_words_of_the_values_file() {
    let schema = schema();
    for (path, comment) in comments() {
        let described =
            path.split('.').fold(&schema, |node, name| &node["properties"][name])["description"].clone();
        assert_eq!(described, comment, "description of {path} in values.schema.json");
    }
}

#[test]
fn every_value_has_a_comment_and_every_property_a_value() {
    let commented: Vec<String> = comments().into_iter().map(|(path, _)| path).collect();
    let mut bare = Vec::new();
    leaves(&schema(), &values(), "", &mut |path, given| {
        let covered = commented.iter().any(|known| path == known || path.starts_with(&format!("{known}.")));
        if !covered || !given {
            bare.push(path.to_owned());
        }
    });
    assert_eq!(bare, ["global"], "neither commented nor given");
}

#[test]
fn the_schema_is_closed_everywhere() {
    let mut open = Vec::new();
    open_objects(&schema(), "", &mut open);
    // The API server checks these; `global` belongs to parent charts.
    let known = [".global", ".affinity.nodeAffinity", ".affinity.podAffinity", ".affinity.podAntiAffinity"];
    open.retain(|path| !known.contains(&path.as_str()));
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_chart_has_the_version_of_the_workspace() {
    let chart: Value = serde_saphyr::from_str(&text_of("charts/msapp/Chart.yaml")).expect("YAML");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(chart["version"], version);
    assert_eq!(chart["appVersion"], version);
    let images = chart["annotations"]["artifacthub.io/images"].as_str().expect("images");
    assert!(images.contains(&format!("ghcr.io/msapp/msapp:{version}\n")), "{images}");
}

#[test]
fn the_notes_hold_an_application_of_at_most_twelve_lines_that_every_page_repeats() {
    let example = example_of(&notes(&[]));
    assert!(example.lines().count() <= 12, "{example}");
    let app: MicroserviceApp = serde_saphyr::from_str(&example).expect("a MicroserviceApp");
    assert_eq!(app.spec.services.len(), 1);
    assert!(text_of("charts/msapp/README.md").contains(&format!("```yaml\n{example}```\n")));
    let chart: Value = serde_saphyr::from_str(&text_of("charts/msapp/Chart.yaml")).expect("YAML");
    let listed = chart["annotations"]["artifacthub.io/crdsExamples"].as_str().expect("examples");
    let listed: Vec<Value> = serde_saphyr::from_str(listed).expect("YAML");
    assert_eq!(listed, [serde_saphyr::from_str::<Value>(&example).expect("YAML")]);
}

#[test]
fn the_notes_say_where_the_operator_works_and_what_it_cannot_do() {
    let plain = notes(&[]);
    assert!(
        plain.contains("It watches all namespaces.") && plain.contains("kubectl get msapp -A"),
        "{plain}"
    );
    let narrow =
        notes(&["--set", "watch.scope=Namespaces,watch.namespaces={shop,till},rbac.readSecrets=false"]);
    assert!(narrow.contains("It watches: shop, till."), "{narrow}");
    assert!(narrow.contains("kubectl wait -n shop --for=condition=Ready"), "{narrow}");
    assert!(narrow.contains("It does not read Secrets"), "{narrow}");
    assert!(notes(&["--set", "crds.keep=false"]).contains("WARNING: crds.keep is false"));
}

#[test]
fn the_image_is_built_from_every_member_of_the_workspace() {
    let manifest = text_of("Cargo.toml");
    let members = manifest.lines().find(|line| line.starts_with("members = ")).expect("members");
    let context = text_of(".dockerignore");
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.split('/').next().expect("a folder");
        assert!(
            context.lines().any(|line| line == format!("!{folder}")),
            "{folder} is not in the build context"
        );
    }
}

/// The notes that an installation prints.
pub(crate) fn notes(arguments: &[&str]) -> String {
    let chart = chart().display().to_string();
    let mut all = vec!["install", RELEASE, chart.as_str(), "--namespace", NAMESPACE, "--dry-run=client"];
    all.extend(arguments);
    let printed = helm(&all).expect("the chart renders");
    let (_, notes) = printed.split_once("\nNOTES:\n").expect("notes");
    notes.to_owned()
}

/// The resource in the notes.
pub(crate) fn example_of(notes: &str) -> String {
    let (_, rest) = notes.split_once("<<YAML\n").expect("a resource to paste");
    let (example, _) = rest.split_once("YAML\n").expect("its end");
    example.to_owned()
}

fn values() -> Value {
    serde_saphyr::from_str(&text_of("charts/msapp/values.yaml")).expect("YAML")
}

fn schema() -> Value {
    serde_json::from_str(&text_of("charts/msapp/values.schema.json")).expect("JSON")
}

/// The table of the README.
fn table() -> String {
    let values = values();
    let mut table = String::from("| Value | Default | Meaning |\n|---|---|---|\n");
    for (path, comment) in comments() {
        let default = path.split('.').fold(&values, |node, name| &node[name]);
        table.push_str(&format!("| `{path}` | `{default}` | {} |\n", comment.replace('|', "\\|")));
    }
    table
}

/// Path and comment of every commented value, in the order of the file.
fn comments() -> Vec<(String, String)> {
    let (mut found, mut path, mut comment) = (Vec::new(), Vec::<String>::new(), Vec::<String>::new());
    for line in text_of("charts/msapp/values.yaml").lines() {
        let text = line.trim_start();
        if let Some(words) = text.strip_prefix('#') {
            comment.push(words.trim().to_owned());
            continue;
        }
        let words = std::mem::take(&mut comment).join(" ");
        let Some((name, _)) = text.split_once(':') else { continue };
        path.truncate((line.len() - text.len()) / 2);
        path.push(name.to_owned());
        if !words.is_empty() {
            found.push((path.join("."), words));
        }
    }
    found
}

/// Calls for every property that has none of its own: its path, and whether values.yaml gives it.
fn leaves(schema: &Value, values: &Value, path: &str, visit: &mut impl FnMut(&str, bool)) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let given = values.get(name);
        match given {
            Some(given) if given.is_object() && !property["description"].is_string() => {
                leaves(property, given, &path, visit);
            }
            _ => visit(&path, given.is_some()),
        }
    }
}

/// Paths of the objects that take unknown properties.
fn open_objects(node: &Value, path: &str, open: &mut Vec<String>) {
    let additional = &node["additionalProperties"];
    if node["type"] == "object" && additional != &Value::Bool(false) && !additional.is_object() {
        open.push(path.to_owned());
    }
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        open_objects(property, &format!("{path}.{name}"), open);
    }
    open_objects_of_items(&node["items"], path, open);
}

fn open_objects_of_items(items: &Value, path: &str, open: &mut Vec<String>) {
    if items.is_object() {
        open_objects(items, &format!("{path}[]"), open);
    }
}
