//! Where what is reachable and what is declared differ.

use std::fmt;

use serde::Serialize;

use super::ports::Traffic;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum End {
    /// Where it leaves.
    Egress,
    /// Where it enters.
    Ingress,
    /// Both, so that it passes.
    Both,
}

/// How they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Deviation {
    /// Something is open that nothing declares.
    Open,
    /// Something is declared that is closed.
    Closed,
    /// A policy of the app selects pods that are not its own.
    Foreign,
    /// A policy that Kubernetes does not take, or a service without pods.
    Unreadable,
}

/// One difference; [`Display`](fmt::Display) makes a sentence of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// How.
    pub deviation: Deviation,
    /// Who sends.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Who receives.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// At which end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// On which ports.
    #[serde(skip_serializing_if = "Traffic::is_empty")]
    pub ports: Traffic,
    /// The difference in one sentence without a full stop.
    pub sentence: String,
}

impl Difference {
    /// Something is open that nothing declares.
    pub(super) fn open((from, to): (&str, &str), end: End, ports: Traffic) -> Self {
        let sentence = match end {
            End::Both => format!("{from} may reach {to} on {ports} at both ends, which nothing declares"),
            End::Egress => {
                format!("the egress policy of {from} admits {to} on {ports}, which nothing declares")
            }
            End::Ingress => {
                format!("the ingress policy of {to} admits {from} on {ports}, which nothing declares")
            }
        };
        Self::between(Deviation::Open, (from, to), end, ports, sentence)
    }

    /// Something is declared that is closed.
    pub(super) fn closed((from, to): (&str, &str), end: End, ports: Traffic) -> Self {
        let policy = match end {
            End::Egress | End::Both => format!("the egress policy of {from}"),
            End::Ingress => format!("the ingress policy of {to}"),
        };
        let sentence = format!("{from} is declared to reach {to} on {ports}, but {policy} does not admit it");
        Self::between(Deviation::Closed, (from, to), end, ports, sentence)
    }

    /// A policy selects what is not the app's.
    pub(super) fn isolated(place: &str) -> Self {
        let sentence = format!("a policy isolates {place}, which are not of this app");
        Self { from: place.to_owned(), ..Self::told(Deviation::Foreign, sentence) }
    }

    /// Nothing can be compared.
    pub(super) fn unreadable(sentence: String) -> Self {
        Self::told(Deviation::Unreadable, sentence)
    }

    fn between(
        deviation: Deviation,
        (from, to): (&str, &str),
        end: End,
        ports: Traffic,
        sentence: String,
    ) -> Self {
        let (from, to) = (from.to_owned(), to.to_owned());
        Self { deviation, from, to, end: Some(end), ports, sentence }
    }

    fn told(deviation: Deviation, sentence: String) -> Self {
        let (from, to) = (String::new(), String::new());
        Self { deviation, from, to, end: None, ports: Traffic::default(), sentence }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}
