//! Scalars with a grammar of their own. They are kept as written; the core parses them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A whole number or text, as YAML writers use them interchangeably.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl From<Scalar> for String {
    fn from(scalar: Scalar) -> String {
        match scalar {
            Scalar::Integer(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
            Scalar::Text(text) => text,
        }
    }
}

macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident, $schema:expr) => {
        $(#[$doc])*
        #[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[serde(from = "Scalar")]
        pub struct $name(pub String);

        impl From<Scalar> for $name {
            fn from(scalar: Scalar) -> Self {
                Self(scalar.into())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

scalar!(
    /// An amount with an optional suffix, as Kubernetes writes resources: `250m`, `2`, `128Mi`, `1.5Gi`.
    Quantity,
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "maxLength": 32,
        "pattern": r"^\+?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
    })
);

scalar!(
    /// A length of time as Gateway API writes it (GEP-2257): `250ms`, `2s`, `1h30m`.
    Duration,
    json_schema!({"type": "string", "maxLength": 24, "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"})
);

scalar!(
    /// A number of pods, or a percentage of them: `1`, `25%`.
    IntOrPercent,
    json_schema!({"x-kubernetes-int-or-string": true, "maxLength": 8, "pattern": r"^[0-9]{1,5}%?$"})
);

scalar!(
    /// A port by its number or by the name it has in `ports`: `8080`, `http`.
    PortReference,
    json_schema!({"x-kubernetes-int-or-string": true, "maxLength": 15})
);

/// Drops the description of an enum type, so that the field that uses it is described by its own comment.
pub(super) fn field_describes(schema: &mut Schema) {
    schema.remove("description");
}
