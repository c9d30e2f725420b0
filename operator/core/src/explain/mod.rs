//! Where each effective value of a service comes from: the line of the resource, or why msapp takes it.

mod environment;
mod facts;
mod graph;
mod pod;
mod probes;

use std::fmt;

use serde::Serialize;

use crate::graph::App;
use crate::source::Source;
use crate::violation::nearest;

use facts::Facts;

/// What is known of a service. Equal inputs make equal explanations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Name of the app.
    pub app: String,
    /// Its namespace.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// Where the resource declares it.
    pub path: String,
    /// Its values, those of one section together.
    pub facts: Vec<Fact>,
}

/// One effective value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// Section, and what it is in it: `probes.readiness.period`.
    pub field: String,
    /// The value as text. What looks like a credential is hidden, and the content of Secrets is not known here.
    pub value: String,
    /// Where the resource says so; empty for what msapp takes by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<String>,
    /// Why it is so, where the place alone does not tell. May be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub because: String,
}

impl Fact {
    /// The section that it belongs to.
    pub fn section(&self) -> &str {
        self.field.split_once('.').map_or(&self.field, |(section, _)| section)
    }
}

/// Why nothing is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unexplained {
    /// The app has no such service; what was probably meant.
    Service(String, Option<String>),
    /// The service has no such field; what was probably meant.
    Field(String, Option<String>),
}

impl fmt::Display for Unexplained {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suggestion = match self {
            Unexplained::Service(name, suggestion) => {
                write!(formatter, "there is no service {name:?}")?;
                suggestion
            }
            Unexplained::Field(field, suggestion) => {
                write!(formatter, "there is no value {field:?}")?;
                suggestion
            }
        };
        suggestion.iter().try_for_each(|name| write!(formatter, "; did you mean {name:?}?"))
    }
}

impl std::error::Error for Unexplained {}

/// Every effective value of a service. The source is the one that the app was resolved from.
///
/// # Errors
/// The app has no such service.
pub fn explain(app: &App, source: &Source, name: &str) -> Result<Explanation, Unexplained> {
    let Some(service) = app.service(name) else {
        let known = app.services.iter().map(|service| service.name.as_str());
        return Err(Unexplained::Service(name.to_owned(), nearest(name, known).map(str::to_owned)));
    };
    let mut facts = Facts::new(app, service, &source.spec);
    pod::explain(&mut facts);
    probes::explain(&mut facts);
    pod::explain_operations(&mut facts);
    environment::explain(&mut facts);
    graph::explain(&mut facts);
    Ok(Explanation {
        app: app.name.clone(),
        namespace: app.namespace.clone(),
        service: service.name.clone(),
        path: service.path.clone(),
        facts: facts.told,
    })
}

impl Explanation {
    /// Only what belongs to one field: a section (`probes`), a part of it (`probes.readiness`) or one value.
    ///
    /// # Errors
    /// There is nothing of that name.
    pub fn narrowed(mut self, field: &str) -> Result<Self, Unexplained> {
        let is_within = |fact: &Fact| {
            let rest = fact.field.strip_prefix(field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !self.facts.iter().any(is_within) {
            let sections = self.facts.iter().map(Fact::section);
            let known = sections.chain(self.facts.iter().map(|fact| fact.field.as_str()));
            return Err(Unexplained::Field(field.to_owned(), nearest(field, known).map(str::to_owned)));
        }
        self.facts.retain(is_within);
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
