//! The commands that need no cluster, over bytes in the place of files: for the fuzzer and for benches.

use anyhow::Result;
use msapp_core::graph::App;
use serde_json::Value;

use super::input::{self, Input};
use super::render::{self, Format};
use super::{check, yaml};

/// Where the bytes are said to come from.
const NAME: &str = "<bytes>";
/// Namespace of resources that name none, as on the command line.
const NAMESPACE: &str = "default";

/// What `msapp check` finds in a file of these bytes, and what the other commands would go on with.
#[derive(Debug)]
pub struct Judgement {
    input: Input,
}

impl Judgement {
    /// Reads and judges the bytes, the proof of the policies included.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { input: input::read_bytes(NAME, bytes, NAMESPACE) }
    }

    /// What `msapp check` prints; `styled` is with colours.
    pub fn text(&self, styled: bool) -> String {
        check::text(&self.input, styled)
    }

    /// What `msapp check --output json` prints.
    pub fn json(&self) -> String {
        check::json(&self.input)
    }

    /// The apps that the other commands go on with: none when one has an error, as those commands refuse then.
    pub fn apps(&self) -> &[App] {
        if self.input.has_errors() { &[] } else { &self.input.resolved }
    }

    /// The objects of `msapp render`, and what it prints of them; fails when they cannot be written as YAML.
    pub fn rendered(mut self) -> Result<(Vec<Value>, String)> {
        if self.input.has_errors() {
            return Ok((Vec::new(), String::new()));
        }
        let manifests = render::manifests(&mut self.input);
        let text = render::text(Format::Yaml, &manifests)?;
        Ok((manifests, text))
    }
}

/// The documents of a text as `msapp check` reads them; none when something is wrong with the YAML.
pub fn read_yaml(text: &str) -> Option<Vec<Value>> {
    let (documents, problems) = yaml::load(text);
    problems.is_empty().then(|| documents.iter().map(yaml::Node::to_value).collect())
}
