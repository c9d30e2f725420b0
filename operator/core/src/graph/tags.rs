//! Labels and annotations of the user.

use std::collections::BTreeMap;

use super::inherit::Levels;
use crate::labels::is_reserved;
use crate::scalar::is_dns_name;
use crate::violation::{Code, Violation, Violations};

/// Labels or annotations, but for those of Kubernetes and ours, which nobody may set.
pub(super) fn resolve(
    levels: &Levels<'_>,
    field: &str,
    violations: &mut Violations,
) -> BTreeMap<String, String> {
    let is_labels = field == "labels";
    let merged =
        levels.merged(field, |settings| if is_labels { &settings.labels } else { &settings.annotations });
    let mut tags = BTreeMap::new();
    for (key, written) in merged {
        if is_reserved(key) {
            let message = format!(
                "{key:?} is reserved: keys of kubernetes.io, k8s.io and msapp.dev are not for resources"
            );
            violations.push(Violation::new(written.path, Code::Forbidden, message));
        } else if !is_label_key(key) || is_labels && !is_label_value(written.value) {
            let message = format!("{key}={:?} is no legal entry of {field}", written.value);
            violations.push(Violation::new(written.path, Code::InvalidValue, message));
        } else {
            tags.insert(key.to_owned(), written.value.to_owned());
        }
    }
    tags
}

/// Whether it is the key of a label, an annotation or a resource: a name, with a domain before a slash or without.
pub(super) fn is_label_key(key: &str) -> bool {
    let (domain, name) = key.split_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    domain.is_none_or(is_dns_name) && !name.is_empty() && is_label_value(name)
}

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
pub(super) fn is_label_value(value: &str) -> bool {
    let inner = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
    value.len() <= 63
        && value.bytes().all(inner)
        && value.bytes().next().is_none_or(|letter| letter.is_ascii_alphanumeric())
        && value.bytes().last().is_none_or(|letter| letter.is_ascii_alphanumeric())
}
