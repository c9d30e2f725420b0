//! The documentation: every check has a page, and what a page shows is what happens.

use std::fs;
use std::path::{Path, PathBuf};

use msapp_core::graph::Check;
use msapp_core::violation::Code;
use serde_json::Value;

const HEADINGS: [&str; 6] =
    ["## Why it matters", "## Example", "## What it says", "## Mend it", "## Waive it", "## Source"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks")
}

fn page(name: &str) -> String {
    let path = folder().join(format!("{name}.md"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first block of a language below a heading.
fn block<'a>(page: &'a str, heading: &str, language: &str) -> Option<&'a str> {
    let (_, below) = page.split_once(&format!("{heading}\n"))?;
    let section = below.split("\n## ").next()?;
    let (_, open) = section.split_once(&format!("```{language}\n"))?;
    Some(open.split_once("```")?.0)
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

/// The spec of a page's example.
fn example(page: &str) -> Value {
    yaml(block(page, "## Example", "yaml").expect("a page has an example"))["spec"].clone()
}

fn found(spec: &Value) -> Vec<(Code, String)> {
    let violations = match crate::resolved(&spec.to_string()) {
        Ok(app) => app.findings,
        Err(violations) => violations,
    };
    violations.iter().map(|one| (one.code, one.message.clone())).collect()
}

#[test]
fn every_check_has_a_page_with_the_same_headings_and_its_weight() {
    for check in Check::ALL {
        let page = page(check.as_str());
        assert!(page.starts_with(&format!("# {}\n", check.as_str())), "{}", check.as_str());
        let weight = format!("Weight: {}:", check.severity().as_str());
        assert!(page.contains(&weight), "{}: {weight}", check.as_str());
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, HEADINGS, "{}", check.as_str());
    }
}

#[test]
fn every_page_is_in_the_table_with_its_weight_and_every_page_is_of_a_check() {
    let table = page("README");
    for check in Check::ALL {
        let (code, weight) = (check.as_str(), check.severity().as_str());
        assert!(table.contains(&format!("\n| [{code}]({code}.md) | {weight} | ")), "{code}");
    }
    let files = fs::read_dir(folder()).expect("the folder is there");
    for file in files {
        let name = file.expect("it can be read").file_name().into_string().expect("UTF-8");
        let known = ["README.md", "mistakes.md"].contains(&name.as_str())
            || name.strip_suffix(".md").and_then(Check::parse).is_some();
        assert!(known, "{name} is the page of no check");
    }
}

#[test]
fn every_example_gives_its_finding_and_the_page_shows_what_is_said() {
    for check in Check::ALL {
        let page = page(check.as_str());
        let found = found(&example(&page));
        assert!(found.iter().any(|(code, _)| *code == Code::Check(check)), "{}: {found:?}", check.as_str());
        let shown = block(&page, "## What it says", "text").expect("a page shows what is said");
        for (code, message) in &found {
            let told = format!("{}[{}]: {message}\n", code.severity().as_str(), code.as_str());
            assert!(shown.contains(&told), "{} does not show {told}", check.as_str());
        }
    }
}

#[test]
fn every_waiver_of_a_page_accepts_the_finding_of_its_example() {
    for check in Check::ALL.into_iter().filter(|check| *check != Check::StaleWaiver) {
        let page = page(check.as_str());
        let mut spec = example(&page);
        let waiver = yaml(block(&page, "## Waive it", "yaml").expect("a page shows the waiver"));
        spec["checks"] = waiver["checks"].clone();
        let left = found(&spec);
        let related = [Code::Check(check), Code::Check(Check::StaleWaiver), Code::UnknownName];
        assert!(!left.iter().any(|(code, _)| related.contains(code)), "{}: {left:?}", check.as_str());
    }
}

#[test]
fn the_page_of_mistakes_has_all_of_them() {
    let page = page("mistakes");
    for code in Code::MISTAKES {
        assert!(page.contains(&format!("\n| `{}` | ", code.as_str())), "{}", code.as_str());
    }
}
