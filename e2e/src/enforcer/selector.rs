//! Which labels a selector selects: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// A selector of which everything is understood. Without any requirement it selects everything.
#[derive(Debug, Default)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug)]
struct Requirement {
    key: String,
    holds: Holds,
}

#[derive(Debug)]
enum Holds {
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
    Anything,
    Nothing,
}

impl Selector {
    /// Refuses operators that are not known, and values where they mean nothing.
    pub fn read(selector: &LabelSelector) -> Result<Self> {
        let labels = selector.match_labels.iter().flatten();
        let labels = labels.map(|(key, value)| {
            Ok(Requirement { key: key.clone(), holds: Holds::OneOf(vec![value.clone()]) })
        });
        let expressions = selector.match_expressions.iter().flatten().enumerate();
        let expressions = expressions.map(|(at, expression)| {
            Requirement::read(expression).with_context(|| format!("matchExpressions[{at}]"))
        });
        labels.chain(expressions).collect::<Result<_>>().map(Self)
    }

    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| requirement.met_by(labels.get(&requirement.key)))
    }
}

impl Requirement {
    fn read(expression: &LabelSelectorRequirement) -> Result<Self> {
        let values = expression.values.clone().unwrap_or_default();
        let holds = match (expression.operator.as_str(), values.is_empty()) {
            ("In", false) => Holds::OneOf(values),
            ("NotIn", false) => Holds::NoneOf(values),
            ("Exists", true) => Holds::Anything,
            ("DoesNotExist", true) => Holds::Nothing,
            (operator, _) => bail!("`{operator}` with {} values is not known", values.len()),
        };
        Ok(Self { key: expression.key.clone(), holds })
    }

    /// What has no such label has none of the values either.
    fn met_by(&self, value: Option<&String>) -> bool {
        match &self.holds {
            Holds::OneOf(values) => value.is_some_and(|value| values.contains(value)),
            Holds::NoneOf(values) => value.is_none_or(|value| !values.contains(value)),
            Holds::Anything => value.is_some(),
            Holds::Nothing => value.is_none(),
        }
    }
}
