//! What looks like a credential is never shown: of a password that somebody wrote as plain text a difference tells
//! only that it differs.
//!
//! Names decide (`DB_PASSWORD`, `tls.key`), and so does the shape of a text (user information of a URL, a private
//! key). Hiding too much costs a look into the file; hiding too little ends up in the log of a pipeline.

use std::sync::LazyLock;

use k8s_openapi::ByteString;
use regex::Regex;

/// Stands for what is hidden.
pub const HIDDEN: &str = "***";

/// Parts of names that say it wherever they stand, even when words are run together.
const ANYWHERE: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "apikey",
    "privatekey",
    "accesskey",
    "accountkey",
    "authorization",
    "authtoken",
];
/// Words that say it on their own.
const WORDS: [&str; 7] = ["token", "tokens", "pass", "pwd", "pw", "jwt", "bearer"];
/// Words that say it at the end of a name: `API_KEY` does, `KEY_PREFIX` does not.
const LAST: [&str; 2] = ["key", "keys"];

/// Fields of a resource that name Secrets: the name of a Secret is none.
const POINTERS: [&str; 2] = ["tlsSecret", "imagePullSecrets"];

/// `scheme://user:password@` up to the host.
static USER_INFORMATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#@]+(?:@[^\s/?#@]+)*)@").expect("a pattern")
});
/// `Bearer TOKEN` and `Basic USER-AND-PASSWORD`, as headers hold them
/// (<https://www.rfc-editor.org/rfc/rfc6750#section-2.1>, <https://www.rfc-editor.org/rfc/rfc7617#section-2>).
static AUTHORIZATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b((?i:bearer|basic) +)([A-Za-z0-9._~+/-]+=*)").expect("a pattern"));
/// `name: value`, `name=value`, `"name": value`, anywhere in a line.
static ASSIGNMENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([A-Za-z0-9_.\-]+)["']?\s*[:=]\s*"#).expect("a pattern"));
/// Values that stand for a credential and are none: references to variables, paths of files, truth values, nothing.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    let value = r"(?:\$\([A-Za-z0-9_.-]+\)|\$\{[A-Za-z0-9_.-]+\}|(?:/[a-z0-9._-]+){2,}|true|false|null)?";
    Regex::new(&format!(r#"^["']?{value}["']?,?\s*$"#)).expect("a pattern")
});
/// Nothing but `$(VAR)` and what stands between user and password.
static VARIABLES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:\$\([A-Za-z0-9_.-]+\)|\$\{[A-Za-z0-9_.-]+\}|:)+$").expect("a pattern"));

/// Whether what has this name is to be taken for a credential.
pub fn is_credential(name: &str) -> bool {
    let words = words(name);
    let joined = words.concat();
    ANYWHERE.iter().any(|part| joined.contains(part))
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.last().is_some_and(|word| LAST.contains(&word.as_str()))
}

/// `dbPassword`, `DB_PASSWORD` and `db.password` as `db`, `password`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            let last = words.last_mut().expect("there is always one");
            last.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A value without what may not be shown, given the name that its author gave it.
pub fn hidden(name: &str, value: &str) -> String {
    if is_credential(name) && !HARMLESS.is_match(value) { HIDDEN.to_owned() } else { hidden_text(value) }
}

/// Words of a command without what may not be shown: `--password hunter2` is a credential in two of them.
pub fn hidden_words<Word: AsRef<str>>(words: &[Word]) -> Vec<String> {
    let mut after_flag = false;
    let shown = words.iter().map(|word| {
        let text = word.as_ref();
        let shown = if after_flag && !text.starts_with('-') { HIDDEN.to_owned() } else { hidden_text(text) };
        after_flag = text.starts_with('-') && !text.contains('=') && is_credential(text);
        shown
    });
    shown.collect()
}

/// A text of any number of lines without what may not be shown.
pub fn hidden_text(text: &str) -> String {
    let mut state = Inside::Nothing;
    let lines = text.split('\n').map(|line| state.line(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// What the lines so far have opened.
enum Inside {
    Nothing,
    /// A private key, until its last line.
    PrivateKey,
    /// Something below a name that stands for a credential, as long as lines are indented deeper.
    Block(usize),
}

impl Inside {
    fn line(&mut self, line: &str) -> String {
        let indent = indent(line);
        match *self {
            Inside::PrivateKey => {
                if line.contains("-----END") {
                    *self = Inside::Nothing;
                }
                return format!("{}{HIDDEN}", &line[..indent]);
            }
            Inside::Block(_) if line.trim().is_empty() => return line.to_owned(),
            Inside::Block(outer) if is_below(line, indent, outer) => {
                return format!("{}{HIDDEN}", &line[..indent]);
            }
            Inside::Block(_) | Inside::Nothing => *self = Inside::Nothing,
        }
        if line.contains("-----BEGIN") && line.contains("PRIVATE KEY") {
            let ends = line.contains("-----END");
            *self = if ends { Inside::Nothing } else { Inside::PrivateKey };
            return format!("{}{HIDDEN}", &line[..indent]);
        }
        self.assignment(&without_authorization(&without_user_information(line)))
    }

    /// Hides from the first value that is a credential to the end of the line: nobody can tell where it ends.
    fn assignment(&mut self, line: &str) -> String {
        for found in ASSIGNMENT.captures_iter(line) {
            let end = found.get(0).map_or(0, |whole| whole.end());
            let value = &line[end..];
            if !is_credential(&found[1]) || POINTERS.contains(&&found[1]) || value.starts_with("//") {
                continue;
            }
            if value.is_empty() || value.starts_with(['|', '>']) {
                *self = Inside::Block(line.len() - line.trim_start_matches([' ', '\t', '-']).len());
                return line.to_owned();
            }
            if !HARMLESS.is_match(value) {
                let comma = if value.ends_with(',') { "," } else { "" };
                return format!("{}{HIDDEN}{comma}", &line[..end]);
            }
        }
        line.to_owned()
    }
}

/// Bytes of blanks at the beginning of a line.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Whether a line belongs to what a name in this column has opened; items of a list need no deeper column.
fn is_below(line: &str, indent: usize, outer: usize) -> bool {
    let is_item = line[indent..].starts_with("- ") || &line[indent..] == "-";
    indent > outer || (indent == outer && is_item)
}

/// `postgres://***@host`; a user and password that are variables say nothing and stay.
fn without_user_information(line: &str) -> String {
    let replaced = USER_INFORMATION.replace_all(line, |found: &regex::Captures<'_>| {
        if VARIABLES.is_match(&found[2]) { found[0].to_owned() } else { format!("{}{HIDDEN}@", &found[1]) }
    });
    replaced.into_owned()
}

/// `Bearer ***`
fn without_authorization(line: &str) -> String {
    let replaced = AUTHORIZATION.replace_all(line, |found: &regex::Captures<'_>| {
        if authorizes(found) { format!("{}{HIDDEN}", &found[1]) } else { found[0].to_owned() }
    });
    replaced.into_owned()
}

/// Whether all of a text is what the header `Authorization` holds.
pub fn is_authorization(text: &str) -> bool {
    let found = AUTHORIZATION.captures(text).filter(|found| found[0] == *text);
    found.is_some_and(|found| authorizes(&found))
}

/// A token can be any word. What follows `Basic` is a user and a password in base64: all else is prose.
fn authorizes(found: &regex::Captures<'_>) -> bool {
    let decoded = || serde_json::from_value::<ByteString>(found[2].into());
    found[1].to_lowercase().starts_with("bearer") || decoded().is_ok_and(|bytes| bytes.0.contains(&b':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_credentials_are_known_in_every_spelling() {
        for name in [
            "DB_PASSWORD",
            "dbPassword",
            "db.password",
            "DBPASSWORD",
            "api-key",
            "apiKey",
            "tls.key",
            "KEY",
            "AUTH_TOKEN",
            "authtoken",
            "CLIENT_SECRET",
            "aws_secret_access_key",
            "AccountKey",
            "Authorization",
            "SMTP_PASS",
            "credentials",
        ] {
            assert!(is_credential(name), "{name}");
        }
        for name in
            ["LOG_LEVEL", "KEY_PREFIX", "keyboard", "passenger", "tokenizer", "COMPASS", "monkey", "host"]
        {
            assert!(!is_credential(name), "{name}");
        }
    }

    #[test]
    fn the_value_of_a_credential_is_hidden_and_a_pointer_to_it_is_not() {
        assert_eq!(hidden("DB_PASSWORD", "hunter2"), HIDDEN);
        for pointer in ["$(ORDERS_DB_PASSWORD)", "/run/secrets/db", "", "true"] {
            assert_eq!(hidden("DB_PASSWORD", pointer), pointer);
        }
        assert_eq!(hidden("TOKEN", "/aBcD/eF+g="), HIDDEN, "no path of a file");
    }

    #[test]
    fn user_information_of_a_url_is_hidden_unless_it_is_variables() {
        let shown = hidden("DATABASE_URL", "postgres://shop:p@ss@db.data:5432/shop and https://x@y");
        assert_eq!(shown, "postgres://***@db.data:5432/shop and https://***@y");
        let variables = "amqp://$(EVENTS_USER):$(EVENTS_PASSWORD)@events:5672/";
        assert_eq!(hidden("AMQP_URL", variables), variables);
        assert_eq!(hidden("CATALOG_URL", "http://catalog:80/a@b"), "http://catalog:80/a@b");
    }

    #[test]
    fn what_a_header_authorizes_with_is_hidden_under_any_name() {
        assert_eq!(hidden("HEADER", "Bearer abc.def=="), "Bearer ***");
        assert_eq!(hidden("HEADER", "x: basic c2hvcDpodW50ZXIy, y"), "x: basic ***, y");
        for prose in ["Basic plan", "Basic security", "Bearer", "forbearer x", "Bearer $(TOKEN)"] {
            assert_eq!(hidden("HEADER", prose), prose);
        }
        assert!(is_authorization("Bearer abc") && !is_authorization("Bearer of news"));
    }

    #[test]
    fn lines_of_a_text_are_hidden_from_the_credential_on() {
        let text = "\
user: shop
password: correct horse battery
db: {host: a, password: b, port: 1}
Server=db;Password=x y;Encrypt=true
\"apiKey\": \"abc\",
limits: 5
path: https://api.example.com/?token=abc&lang=en
- --admin-token=abc";
        let expected = "\
user: shop
password: ***
db: {host: a, password: ***
Server=db;Password=***
\"apiKey\": ***,
limits: 5
path: https://api.example.com/?token=***
- --admin-token=***";
        assert_eq!(hidden_text(text), expected);
    }

    #[test]
    fn what_stands_below_a_credential_is_hidden_too() {
        let text = "a: 1\nsecrets:\n  one: x\n\n  two: y\nb: 2\nkey: |\n  xyz\nc: 3";
        let expected = "a: 1\nsecrets:\n  ***\n\n  ***\nb: 2\nkey: |\n  ***\nc: 3";
        assert_eq!(hidden_text(text), expected);
        let lists = "- token:\n  - x\n  user: y\n- user: z\ntokens:\n- x\nuser: y";
        let expected = "- token:\n  ***\n  user: y\n- user: z\ntokens:\n***\nuser: y";
        assert_eq!(hidden_text(lists), expected);
        let key = "x\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIE\n  -----END RSA PRIVATE KEY-----\ny";
        assert_eq!(hidden_text(key), "x\n  ***\n  ***\n  ***\ny");
    }

    #[test]
    fn names_of_secrets_are_shown() {
        for line in ["expose: {host: a, tlsSecret: shop-tls, class: nginx}", "imagePullSecrets: [registry]"] {
            assert_eq!(hidden_text(line), line);
        }
        assert_eq!(hidden_text("{tlsSecret: shop-tls, password: x}"), "{tlsSecret: shop-tls, password: ***");
    }

    #[test]
    fn the_directory_of_credentials_in_the_discovery_file_is_shown() {
        let line = "      \"credentials\": \"/etc/msapp/credentials/orders-db\",";
        assert_eq!(hidden_text(line), line);
    }

    proptest! {
        #[test]
        fn a_password_is_in_no_form_of_writing_shown(
            password in "[A-Za-z0-9+!%^]{6,20}",
            name in "[a-z]{0,5}(Password|_password|-api-key|Token|_SECRET)",
            form in 0..6,
        ) {
            let text = match form {
                0 => format!("{name}: {password}"),
                1 => format!("  \"{name}\": \"{password}\","),
                2 => format!("a=1 {name}={password} b=2"),
                3 => format!("export {name}='{password}'"),
                4 => format!("{name}:\n  - {password}\n"),
                _ => format!("url: redis://:{password}@cache/0"),
            };
            prop_assert!(!hidden_text(&text).contains(&password), "{}", hidden_text(&text));
        }
    }
}
