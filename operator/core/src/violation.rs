//! What is wrong with a resource: all of it at once, each with its path.

use std::fmt;

use crate::graph::Check;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Stops this change; what runs keeps running.
    Error,
    /// Stops nothing, and is very likely a mistake.
    Warning,
    /// Stops nothing, and is worth a thought.
    Advice,
}

impl Severity {
    /// The word for it, as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        }
    }
}

/// Stable name of a kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A field that does not exist.
    UnknownField,
    /// A value of the wrong type, or a missing one.
    WrongType,
    /// A required field is missing.
    MissingField,
    /// A value outside its bounds, grammar or enumeration.
    InvalidValue,
    /// Two entries of a list have the same name, or two uses of a name collide.
    Duplicate,
    /// A name is too long for what is made of it.
    NameTooLong,
    /// A name that nothing declares.
    UnknownName,
    /// A dependency on a service without a port that could be called.
    NoUsablePort,
    /// A service that depends on itself.
    SelfDependency,
    /// Services that wait for each other's first start.
    StartCycle,
    /// Fields that exclude each other, or none of those of which one is needed.
    Exclusive,
    /// Something a tenant may not ask for.
    Forbidden,
    /// The policies would open something else than what is declared: a defect of msapp.
    ProofFailed,
    /// A finding of a graph check.
    Check(Check),
}

impl Code {
    /// Every kind of mistake that is none of a graph check.
    pub const MISTAKES: [Code; 13] = [
        Code::UnknownField,
        Code::WrongType,
        Code::MissingField,
        Code::InvalidValue,
        Code::Duplicate,
        Code::NameTooLong,
        Code::UnknownName,
        Code::NoUsablePort,
        Code::SelfDependency,
        Code::StartCycle,
        Code::Exclusive,
        Code::Forbidden,
        Code::ProofFailed,
    ];

    /// The name as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::UnknownField => "unknown-field",
            Code::WrongType => "wrong-type",
            Code::MissingField => "missing-field",
            Code::InvalidValue => "invalid-value",
            Code::Duplicate => "duplicate",
            Code::NameTooLong => "name-too-long",
            Code::UnknownName => "unknown-name",
            Code::NoUsablePort => "no-usable-port",
            Code::SelfDependency => "self-dependency",
            Code::StartCycle => "start-cycle",
            Code::Exclusive => "exclusive",
            Code::Forbidden => "forbidden",
            Code::ProofFailed => "proof-failed",
            Code::Check(check) => check.as_str(),
        }
    }

    /// How much it weighs: every mistake is an error, a finding of a check what the check says.
    pub fn severity(self) -> Severity {
        match self {
            Code::Check(check) => check.severity(),
            _ => Severity::Error,
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where: `spec.services[2].dependencies[0].name`.
    pub path: String,
    /// What kind.
    pub code: Code,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Violation {
    /// A mistake without a suggestion.
    pub fn new(path: impl Into<String>, code: Code, message: impl Into<String>) -> Self {
        Self { path: path.into(), code, message: message.into(), suggestion: None }
    }

    /// Adds what was probably meant.
    #[must_use]
    pub fn suggest(mut self, suggestion: Option<&str>) -> Self {
        self.suggestion = suggestion.map(str::to_owned);
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(formatter, "; did you mean {suggestion:?}?")?;
        }
        Ok(())
    }
}

/// The path of a field: `spec.services`, or `labels[team.example/name]` for a key that is no plain word.
pub fn field_path(parent: &str, field: &str) -> String {
    let plain = !field.is_empty()
        && field.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_');
    if plain { format!("{parent}.{field}") } else { format!("{parent}[{field}]") }
}

/// The steps of a path as [`field_path`] writes it: names of fields, keys and numbers of items.
pub fn steps(path: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, behind) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']').unwrap_or((inner, "")),
            None => {
                let word = rest.trim_start_matches('.');
                word.split_at(word.find(['.', '[']).unwrap_or(word.len()))
            }
        };
        steps.push(step);
        rest = behind;
    }
    steps
}

/// All mistakes of a resource, sorted by path; never empty where it stands in an `Err`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Adds one.
    pub fn push(&mut self, violation: Violation) {
        self.0.push(violation);
    }

    /// Adds all of another list.
    pub fn extend(&mut self, others: Violations) {
        self.0.extend(others.0);
    }

    /// Whether one of them stops the change.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Those that stop the change.
    pub fn errors(&self) -> impl Iterator<Item = &Violation> {
        self.iter().filter(|violation| violation.code.severity() == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Sorts by path, numbers by value, and drops repetitions.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_cached_key(|violation| (natural_key(&violation.path), violation.clone()));
        self.0.dedup();
        self
    }
}

impl FromIterator<Violation> for Violations {
    fn from_iter<I: IntoIterator<Item = Violation>>(violations: I) -> Self {
        Self(violations.into_iter().collect())
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.iter().map(ToString::to_string).collect();
        formatter.write_str(&all.join("; "))
    }
}

/// Splits digits from text, so that `[10]` sorts behind `[9]`.
fn natural_key(path: &str) -> Vec<(u64, String)> {
    path.split(['[', ']'])
        .map(|part| {
            part.parse::<u64>().map_or_else(|_| (0, part.to_owned()), |number| (number, String::new()))
        })
        .collect()
}

/// Likeness, of 1 for the same word, from which a word counts as a slip of the other: two swapped or missing letters
/// of a short name reach it, different names do not.
const LIKE_ENOUGH: f64 = 0.82;
/// Bytes of the longest word that is compared; no name is that long, and comparing takes as long as both words multiplied.
const LONGEST_LIKE: usize = 256;

/// The candidate nearest to a misspelt name, when one is near enough to be what was meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST_LIKE {
        return None;
    }
    let near = |candidate: &&str| strsim::jaro_winkler(name, candidate) >= LIKE_ENOUGH;
    candidates.into_iter().filter(near).max_by(|left, right| {
        strsim::jaro_winkler(name, left).total_cmp(&strsim::jaro_winkler(name, right)).then(right.cmp(left))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_different_word_is_not() {
        assert_eq!(nearest("chekout", ["cart", "checkout", "catalog"]), Some("checkout"));
        assert_eq!(nearest("imge", ["image", "name"]), Some("image"));
        assert_eq!(nearest("payment", ["cart", "catalog"]), None);
    }

    #[test]
    fn a_path_is_taken_apart_as_it_was_put_together() {
        let path = field_path("spec.services[2].labels", "team.example/name");
        assert_eq!(steps(&path), ["spec", "services", "2", "labels", "team.example/name"]);
        assert_eq!(steps(&field_path("[0]", "name")), ["0", "name"]);
        assert_eq!(steps(""), [] as [&str; 0]);
    }

    #[test]
    fn violations_are_sorted_by_number_not_by_digit() {
        let at = |path: &str| Violation::new(path, Code::InvalidValue, "x");
        let sorted: Violations = [at("spec.services[10]"), at("spec.services[9]")].into_iter().collect();
        let paths: Vec<_> = sorted.sorted().iter().map(|violation| violation.path.clone()).collect();
        assert_eq!(paths, ["spec.services[9]", "spec.services[10]"]);
    }
}
