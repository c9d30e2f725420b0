//! From bytes to specs that are near the schema: each byte decides something, and without bytes the least is written.

use std::sync::OnceLock;

use msapp_core::source::{Bindings, Source};
use serde_json::{Map, Value, json};

/// How deep a value may lie; the schema is not deeper, but for what it leaves open.
const DEEPEST: usize = 24;

/// Names, so that what refers to something often finds it.
const NAMES: [&str; 8] = ["web", "cart", "orders", "pay", "db", "broker", "partner", "placed"];

/// Text of every kind that some field takes, and some that none does.
const WORDS: [&str; 32] = [
    "/x",
    "/etc/app",
    "1s",
    "250ms",
    "100m",
    "128Mi",
    "50%",
    "80",
    "http",
    "grpc",
    "10.0.0.0/8",
    "10.1.2.3",
    "::/0",
    "shop.example.com",
    "*.example.com",
    "pg.data",
    "registry.example/web:1",
    "web@sha256:0",
    "metadata.name",
    "{host}:{port}",
    "{user}",
    "$(A)$(B)",
    "A_B",
    "team.example/name",
    "limits.memory",
    "isolation-off",
    "",
    "-",
    "é\u{2028}",
    "\0",
    "yes",
    "a-name-that-is-as-long-as-no-label-of-dns-may-ever-be-on-any-of-the-hosts",
];

/// An app whose spec is made of the bytes.
pub(crate) fn source(bytes: &[u8]) -> Source {
    let spec = Choices { rest: bytes }.value(schema(), "spec", 0);
    Source {
        name: "shop".to_owned(),
        namespace: "shop".to_owned(),
        generation: 1,
        bindings: Bindings::new(),
        spec,
    }
}

/// The schema of `spec`.
fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let definition = serde_json::to_value(msapp_crds::crd()).expect("the definition is JSON");
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    })
}

/// The bytes that have not decided anything yet.
struct Choices<'b> {
    rest: &'b [u8],
}

impl Choices<'_> {
    /// The next byte; 0 when there is none.
    fn next(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }

    fn one_of<'c, T>(&mut self, choices: &'c [T]) -> Option<&'c T> {
        choices.get(usize::from(self.next()) % choices.len().max(1))
    }

    /// A value of the schema, now and then another one.
    fn value(&mut self, schema: &Value, key: &str, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.one_of(values).cloned().unwrap_or_default();
        }
        match schema["type"].as_str() {
            Some("object") => self.object(schema, key, depth),
            Some("array") => {
                let most = if depth < 3 { 8 } else { 4 };
                let count = self.next() % most;
                (0..count).map(|_| self.value(&schema["items"], key, depth + 1)).collect()
            }
            Some("string") => self.text(key),
            Some("integer" | "number") => self.number(schema),
            Some("boolean") => json!(self.next().is_multiple_of(2)),
            _ if self.next().is_multiple_of(2) => self.number(schema),
            _ => self.text(key),
        }
    }

    fn object(&mut self, schema: &Value, key: &str, depth: usize) -> Value {
        let mut fields = Map::new();
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        let known = schema["properties"].as_object();
        // One byte for eight fields; what is rare in it leaves required ones out.
        let mut mask = 0;
        for (at, (name, field)) in known.into_iter().flatten().enumerate() {
            if at % 8 == 0 {
                mask = self.next();
            }
            let is_required = required.iter().any(|required| required == name) && mask != 0xff;
            if is_required || mask >> (at % 8) & 1 == 1 {
                fields.insert(name.clone(), self.value(field, name, depth + 1));
            }
        }
        if schema["additionalProperties"].is_object() {
            for _ in 0..self.next() % 4 {
                let name = self.word();
                fields.insert(name, self.value(&schema["additionalProperties"], key, depth + 1));
            }
        }
        Value::Object(fields)
    }

    fn number(&mut self, schema: &Value) -> Value {
        let bound = |name: &str| schema[name].as_f64().map(|bound| bound as i64);
        match self.next() {
            0 => json!(bound("minimum").unwrap_or(1)),
            1 => json!(bound("maximum").unwrap_or(i64::MAX)),
            2 => json!(-1),
            3 => json!(0.5),
            4 => json!(i64::from(self.next()) << 24),
            small => json!(small),
        }
    }

    fn text(&mut self, key: &str) -> Value {
        match (key, self.next()) {
            (_, 0xff) => Value::Null,
            (_, 0xf8..) => json!(self.word()),
            ("image", _) => json!("registry.example/web:1.2"),
            ("host", choice) if choice < 0x80 => json!("pg.data"),
            ("reason" | "content", _) => json!("text of\nmore than one line"),
            ("path" | "mountPath", choice) => json!(format!("/{}", NAMES[usize::from(choice) % NAMES.len()])),
            (_, choice) if choice < 0xc0 => json!(NAMES[usize::from(choice) % NAMES.len()]),
            _ => json!(self.word()),
        }
    }

    /// A word of the list, or the bytes as they are.
    fn word(&mut self) -> String {
        match usize::from(self.next()) {
            at if at < 0xf0 => WORDS[at % WORDS.len()].to_owned(),
            long => {
                let (word, rest) = self.rest.split_at((long - 0xf0).min(self.rest.len()));
                self.rest = rest;
                String::from_utf8_lossy(word).into_owned()
            }
        }
    }
}
