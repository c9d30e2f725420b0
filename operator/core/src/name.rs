//! Every name the operator makes up, in one place.
//!
//! All objects of a service carry the service's own name: one object of each kind, so names of different services
//! can never meet, and systems that hard-code a DNS name find it. What is left to make up are names inside a pod.

use crate::digest;

/// Name of the one container of a pod.
pub const CONTAINER: &str = "app";
/// Name of the volume with the discovery file.
pub const DISCOVERY_VOLUME: &str = "discovery";
/// Key of the discovery file in the service's ConfigMap.
pub const DISCOVERY_KEY: &str = "discovery.json";
/// Everything below this directory of a container is the operator's.
pub const DIRECTORY: &str = "/etc/msapp";
/// Directory of the discovery file.
pub const DISCOVERY_DIRECTORY: &str = "/etc/msapp/discovery";
/// Directory of the bindings of backing services.
pub const BINDING_DIRECTORY: &str = "/etc/msapp/bindings";
/// Environment variable that tells where the bindings are (servicebinding.io).
pub const BINDING_VARIABLE: &str = "SERVICE_BINDING_ROOT";
/// Environment variable that tells where the discovery file is.
pub const DISCOVERY_VARIABLE: &str = "MSAPP_DISCOVERY_FILE";

/// Longest name of a volume: a DNS label (RFC 1123).
const LABEL: usize = 63;
/// Hex digits that keep shortened or flattened names apart.
const MARK: usize = 12;

/// Directory in the container where everything that is known of a backing service is mounted.
pub fn binding_directory(dependency: &str) -> String {
    format!("{BINDING_DIRECTORY}/{dependency}")
}

/// Volume of the binding of a backing service; a DNS label, different for different dependencies.
pub fn binding_volume(dependency: &str) -> String {
    flattened("binding", dependency)
}

/// Key in the service's ConfigMap of a text of a binding. A dependency is a DNS label, so the parts stay apart.
pub fn binding_key(dependency: &str, file: &str) -> String {
    format!("binding.{dependency}.{file}")
}

/// Volume of a mounted path; a DNS label, different for different paths.
pub fn path_volume(path: &str) -> String {
    flattened("path", path)
}

/// Key in the service's ConfigMap of an inline file: the mounted path and, in a directory, the file's name.
pub fn file_key(path: &str, file: &str) -> String {
    let mark = digest::plain([path.as_bytes(), file.as_bytes()]);
    let readable: String = if file.is_empty() { path } else { file }
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
        .take(100)
        .collect();
    format!("file-{}-{readable}", &mark[..MARK])
}

/// Whether a key of a service's ConfigMap is a text of a binding; keys of files begin otherwise.
pub fn is_binding_key(key: &str) -> bool {
    key.starts_with("binding.")
}

/// Prefix of the environment variables of a dependency: `orders-db` → `ORDERS_DB`.
pub fn variable_prefix(dependency: &str) -> String {
    dependency.to_uppercase().replace('-', "_")
}

/// `<prefix>-<letters of the text>-<mark>`: readable, legal, and different for different texts.
fn flattened(prefix: &str, text: &str) -> String {
    let mark = &digest::plain([text.as_bytes()])[..MARK];
    let room = LABEL - prefix.len() - MARK - 2;
    let mut readable = String::new();
    for letter in text.chars().map(|letter| letter.to_ascii_lowercase()) {
        if readable.len() == room {
            break;
        }
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            readable.push(letter);
        } else if !readable.is_empty() && !readable.ends_with('-') {
            readable.push('-');
        }
    }
    let readable = readable.trim_matches('-');
    if readable.is_empty() { format!("{prefix}-{mark}") } else { format!("{prefix}-{readable}-{mark}") }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::scalar::is_dns_label;

    fn is_key(key: &str) -> bool {
        key.len() <= 253
            && key.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter))
    }

    /// 1,500 different texts make more than a million pairs.
    fn texts(count: usize) -> impl Strategy<Value = std::collections::HashSet<String>> {
        let path = proptest::string::string_regex("/[a-zA-Z0-9._ äß/-]{1,80}").expect("a pattern");
        proptest::collection::hash_set(path, count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2))]
        #[test]
        fn names_are_legal_and_different_for_different_texts_over_a_million_pairs(texts in texts(1500)) {
            let mut seen: HashMap<String, &String> = HashMap::new();
            for text in &texts {
                for name in [path_volume(text), binding_volume(text)] {
                    prop_assert!(is_dns_label(&name), "{name}");
                    prop_assert!(seen.insert(name, text).is_none());
                }
                let key = file_key(text, "");
                prop_assert!(is_key(&key), "{key}");
                prop_assert!(seen.insert(key, text).is_none());
            }
        }
    }

    #[test]
    fn a_file_and_a_directory_entry_never_share_a_key() {
        assert_ne!(file_key("/etc/app", "a.yaml"), file_key("/etc/app/a.yaml", ""));
        assert!(file_key("/etc/app/app.yaml", "").ends_with("-app.yaml"));
    }

    #[test]
    fn volume_names_stay_readable() {
        assert!(path_volume("/etc/app/app.yaml").starts_with("path-etc-app-app-yaml-"));
        assert_eq!(variable_prefix("orders-db"), "ORDERS_DB");
    }
}
