//! May one talk to the other, which line of the resource says so, and which line would?
//!
//! The answer is evaluated on the policies that are applied; the graph gives the reason. They cannot disagree while
//! the proof holds.

mod live;
mod party;
mod reason;
mod remedy;

use std::fmt;

use serde::Serialize;

use crate::desired::DesiredSet;
use crate::graph::App;
use crate::policy::{End, Posts, Traffic};

pub use live::{EndSight, Link, Look, Sight, State, first_missing, links};
pub use party::Question;
use party::{Asked, Party};

/// The answer to a question. Equal inputs make equal answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Name of the app.
    pub app: String,
    /// Its namespace.
    pub namespace: String,
    /// Who wants to talk.
    pub from: String,
    /// To whom.
    pub to: String,
    /// On which port, as it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// What was asked for, as policy sees it.
    pub asked: Traffic,
    /// Whether anything passes of what was asked for.
    pub allowed: bool,
    /// What passes of it. Ports are those of the pods: policy is applied behind the translation of a Service.
    pub ports: Traffic,
    /// What each end that this app governs says.
    pub ends: Vec<Verdict>,
    /// Why it is so.
    pub reasons: Vec<Reason>,
    /// What to write, so that it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

/// What one end of a connection says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Which end.
    pub end: End,
    /// The NetworkPolicy that speaks; none when isolation is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What it lets through of what was asked for.
    pub ports: Traffic,
    /// What it lets through of anything, so that another port than the one asked for is seen to be open.
    pub open: Traffic,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// One sentence without a full stop.
    pub sentence: String,
    /// Where the resource says it; nothing for what nobody wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Whether something is added or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Change {
    /// A new entry of a list.
    Append,
    /// A field.
    Set,
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// How.
    pub change: Change,
    /// Where: `spec.services[3].dependencies`.
    pub path: String,
    /// Words for the place: `services[3] (checkout): dependencies`.
    pub place: String,
    /// The line: `- {name: cart}`.
    pub yaml: String,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// A name that the app does not have, and what was probably meant.
    Unknown(String, Option<String>),
    /// A port that the service does not have: the service, the port, and what was probably meant.
    UnknownPort(String, String, Option<String>),
    /// Neither end is a service of the app, so that the app has no say.
    NoService,
    /// The policies cannot be read: a defect of msapp.
    Unreadable(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suggestion = match self {
            Unanswered::Unknown(name, suggestion) => {
                write!(
                    formatter,
                    "there is no service, backing service or external service {name:?} (other words: {})",
                    party::WORDS.join(", ")
                )?;
                suggestion
            }
            Unanswered::UnknownPort(service, port, suggestion) => {
                write!(formatter, "{service} has no port {port:?}")?;
                suggestion
            }
            Unanswered::NoService => return formatter.write_str("neither end is a service of this app"),
            Unanswered::Unreadable(told) => return formatter.write_str(told),
        };
        suggestion.iter().try_for_each(|name| write!(formatter, "; did you mean {name:?}?"))
    }
}

impl std::error::Error for Unanswered {}

/// Answers a question about the objects that an app makes.
///
/// # Errors
/// Names that the app does not have, or ends of which none is a service of it.
pub fn why(app: &App, desired: &DesiredSet, question: &Question) -> Result<Answer, Unanswered> {
    let (from, to) = (Party::named(app, &question.from)?, Party::named(app, &question.to)?);
    if from.service().is_none() && to.service().is_none() {
        return Err(Unanswered::NoService);
    }
    let asked = Asked::of(question, &from, &to)?;
    let posts = Posts::of(app, desired).map_err(|found| {
        Unanswered::Unreadable(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let ends = ends(app, &posts, (&from, &to), &asked);
    let mut ports = asked.traffic.clone();
    ends.iter().for_each(|verdict| ports = ports.intersection(&verdict.ports));
    let routed = !matches!(from, Party::Internet) || to.exposure().is_some();
    let allowed = routed && !ports.is_empty();
    let subject = reason::Subject { app, from: &from, to: &to, asked: &asked, allowed };
    Ok(Answer {
        app: app.name.clone(),
        namespace: app.namespace.clone(),
        from: question.from.clone(),
        to: question.to.clone(),
        port: question.port.clone(),
        asked: asked.traffic.clone(),
        allowed,
        ports: if allowed { ports } else { Traffic::default() },
        ends,
        reasons: reason::reasons(&subject),
        remedy: if allowed { None } else { remedy::remedy(&subject) },
    })
}

/// The ends that the app governs. An end without a place in the network lets nothing through.
fn ends(app: &App, posts: &Posts, (from, to): (&Party<'_>, &Party<'_>), asked: &Asked) -> Vec<Verdict> {
    let passage = from.endpoint(app, posts, to).zip(to.endpoint(app, posts, from));
    let passage = passage.map(|(from, to)| posts.ask(from, to));
    let verdict = |end, party: &Party<'_>, found: Option<&Traffic>| {
        let service = party.service()?;
        let policy = app.network.is_some().then(|| service.name.clone());
        let open = found.cloned().unwrap_or_default();
        Some(Verdict { end, policy, ports: open.intersection(&asked.traffic), open })
    };
    let egress = verdict(End::Egress, from, passage.as_ref().map(|passage| &passage.egress));
    let ingress = verdict(End::Ingress, to, passage.as_ref().map(|passage| &passage.ingress));
    egress.into_iter().chain(ingress).collect()
}

#[cfg(test)]
mod tests;
