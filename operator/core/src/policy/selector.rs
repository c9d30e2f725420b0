//! Label selectors, checked
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::fault::Faults;

/// What a selector asks of the value of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// One of these.
    In(Vec<String>),
    /// None of these; a label that is absent has none of them.
    NotIn(Vec<String>),
    /// Any.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl Asked {
    fn satisfied_by(&self, value: Option<&str>) -> bool {
        let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|other| other == value));
        match self {
            Asked::In(values) => among(values),
            Asked::NotIn(values) => !among(values),
            Asked::Exists => value.is_some(),
            Asked::DoesNotExist => value.is_none(),
        }
    }

    fn values(&self) -> &[String] {
        match self {
            Asked::In(values) | Asked::NotIn(values) => values,
            Asked::Exists | Asked::DoesNotExist => &[],
        }
    }
}

/// A selector: all of its requirements have to hold, and without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    pub requirements: Vec<(String, Asked)>,
}

impl Selector {
    /// Checks a selector that stands at `place`.
    pub fn new(selector: &LabelSelector, place: &str, faults: &mut Faults) -> Self {
        let labels = selector.match_labels.iter().flatten();
        let mut requirements: Vec<(String, Asked)> =
            labels.map(|(key, value)| (key.clone(), Asked::In(vec![value.clone()]))).collect();
        for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
            match asked(expression) {
                Ok(asked) => requirements.push((expression.key.clone(), asked)),
                Err(message) => faults.push(&format!("{place}.matchExpressions[{index}]"), message),
            }
        }
        Self { requirements }
    }

    /// The fewest labels that it selects; nothing when it contradicts itself.
    pub fn example(&self) -> Option<BTreeMap<String, String>> {
        let keys: BTreeSet<&String> = self.requirements.iter().map(|(key, _)| key).collect();
        let mut labels = BTreeMap::new();
        for key in keys {
            let asked: Vec<&Asked> =
                self.requirements.iter().filter(|(of, _)| of == key).map(|(_, asked)| asked).collect();
            if let Some(value) = example_value(&asked)? {
                labels.insert(key.clone(), value);
            }
        }
        Some(labels)
    }
}

/// A value that satisfies all: absence, one of those that are named, or one that is not; there are no other cases.
fn example_value(asked: &[&Asked]) -> Option<Option<String>> {
    let named: Vec<&String> = asked.iter().flat_map(|asked| asked.values()).collect();
    let longest = named.iter().map(|value| value.len()).max().unwrap_or_default();
    let unnamed = "x".repeat(longest + 1);
    let candidates = [None].into_iter().chain(named.into_iter().cloned().map(Some)).chain([Some(unnamed)]);
    let mut fitting =
        candidates.filter(|value| asked.iter().all(|asked| asked.satisfied_by(value.as_deref())));
    fitting.next()
}

fn asked(expression: &LabelSelectorRequirement) -> Result<Asked, String> {
    let values = expression.values.clone().unwrap_or_default();
    let operator = expression.operator.as_str();
    match (operator, values.is_empty()) {
        ("In", false) => Ok(Asked::In(values)),
        ("NotIn", false) => Ok(Asked::NotIn(values)),
        ("Exists", true) => Ok(Asked::Exists),
        ("DoesNotExist", true) => Ok(Asked::DoesNotExist),
        ("In" | "NotIn", true) => Err(format!("{operator} needs values")),
        ("Exists" | "DoesNotExist", false) => Err(format!("{operator} takes no values")),
        _ => Err(format!("{operator:?} is none of In, NotIn, Exists and DoesNotExist")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(requirements: &[(&str, Asked)]) -> Selector {
        let requirements = requirements.iter().map(|(key, asked)| ((*key).to_owned(), asked.clone()));
        Selector { requirements: requirements.collect() }
    }

    fn values(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn an_example_has_the_fewest_labels_that_are_selected() {
        let asked = selector(&[
            ("app", Asked::In(values(&["a", "b"]))),
            ("app", Asked::NotIn(values(&["a"]))),
            ("gone", Asked::DoesNotExist),
            ("other", Asked::NotIn(values(&["x"]))),
            ("any", Asked::Exists),
            ("any", Asked::NotIn(values(&["x"]))),
        ]);
        let example = asked.example().expect("it selects something");
        assert_eq!(example, BTreeMap::from([("any".into(), "xx".into()), ("app".into(), "b".into())]));
        assert_eq!(Selector::default().example(), Some(BTreeMap::new()));
    }

    #[test]
    fn a_selector_that_contradicts_itself_has_no_example() {
        let asked = [("app", Asked::In(values(&["a"]))), ("app", Asked::DoesNotExist)];
        assert_eq!(selector(&asked).example(), None);
    }

    #[test]
    fn expressions_that_kubernetes_refuses_are_reported_with_their_place() {
        let expression = |operator: &str, values: Option<Vec<String>>| LabelSelectorRequirement {
            key: "app".to_owned(),
            operator: operator.to_owned(),
            values,
        };
        let written = LabelSelector {
            match_labels: None,
            match_expressions: Some(vec![
                expression("In", None),
                expression("Exists", Some(values(&["x"]))),
                expression("Gt", Some(values(&["1"]))),
                expression("NotIn", Some(values(&["1"]))),
            ]),
        };
        let mut faults = Faults::of("shop/cart".to_owned());
        let checked = Selector::new(&written, "spec.podSelector", &mut faults);
        assert_eq!(checked.requirements.len(), 1);
        let told: Vec<String> = faults.found().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "shop/cart: spec.podSelector.matchExpressions[0]: In needs values",
                "shop/cart: spec.podSelector.matchExpressions[1]: Exists takes no values",
                "shop/cart: spec.podSelector.matchExpressions[2]: \"Gt\" is none of In, NotIn, Exists and DoesNotExist",
            ]
        );
    }
}
