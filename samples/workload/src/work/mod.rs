//! What a service does when it is asked for anything: it calls what it depends on and publishes its events.

mod call;
mod pool;
mod postgresql;
mod redis;

pub use call::{Clients, cause, causes, connector};

use crate::discovery::{self, Discovery};
use crate::duration::milliseconds;
use crate::events::Event;
use crate::serve::Service;
use crate::settings::Calls;
use crate::trace::Trace;
use crate::trouble;
use serde::Serialize;
use serde_json::Value;
use std::time::Instant;

/// How many services a request or an event may pass: apps may call each other in circles.
const DEEPEST: u32 = 8;

/// One piece of work.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is asked, for the log and the database: `POST`, or the name of an event.
    pub what: String,
    /// The path, which the services that are called get as well.
    pub path: String,
    /// Whether it changes something: then rows are written and events are published.
    pub writes: bool,
    /// The headers that go on.
    pub trace: Trace,
}

impl Job {
    /// The same for the same piece of work, however often it is tried.
    pub fn id(&self) -> String {
        format!("{} {}", self.what, self.trace.request())
    }
}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// Who answers.
    pub service: String,
    /// In which pod.
    pub pod: String,
    /// The id of the request.
    pub request: String,
    /// How many services it had passed before.
    pub depth: u32,
    /// How long it took.
    pub milliseconds: u64,
    /// What each dependency said.
    pub dependencies: Vec<Said>,
    /// The ids of the events that were published.
    pub events: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What one dependency said.
#[derive(Debug, Serialize)]
pub struct Said {
    /// Its name.
    pub name: String,
    /// How it was asked: HTTP, GRPC, PostgreSQL, Redis, Connect or Outbox.
    pub by: &'static str,
    /// Whether its failure does not matter.
    pub optional: bool,
    /// How long it took, with all attempts.
    pub milliseconds: u64,
    /// How often it was asked.
    pub attempts: u32,
    /// What it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Why it said nothing useful.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Why a piece of work failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The code of the HTTP answer.
    pub code: u16,
    /// The dependency that failed, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependency: Option<String>,
    /// What happened.
    pub cause: String,
}

/// Does `job`; never fails otherwise than in its answer.
pub async fn run(service: &Service, job: &Job) -> Answer {
    let began = Instant::now();
    let mut answer = Answer {
        service: String::new(),
        pod: std::env::var("HOSTNAME").unwrap_or_default(),
        request: job.trace.request().to_owned(),
        depth: job.trace.depth,
        milliseconds: 0,
        dependencies: Vec::new(),
        events: Vec::new(),
        failure: None,
    };
    answer.failure = act(service, job, &mut answer).await.err();
    answer.milliseconds = milliseconds(began.elapsed());
    let code = answer.failure.as_ref().map_or(200, |failure| failure.code);
    service.metrics.worked(code, began.elapsed());
    let cause = answer.failure.as_ref().map(|failure| failure.cause.as_str());
    tracing::info!(
        trace = job.trace.id(),
        request = job.trace.request(),
        what = job.what,
        path = job.path,
        code,
        cause,
        milliseconds = answer.milliseconds,
        "worked"
    );
    answer
}

async fn act(service: &Service, job: &Job, answer: &mut Answer) -> Result<(), Failure> {
    let failure = |code, cause| Failure { code, dependency: None, cause };
    suffer(service).await.map_err(|cause| failure(500, cause))?;
    let discovery = discovery::read(service.settings.discovery.as_deref())
        .map_err(|error| failure(500, format!("{error:#}")))?;
    answer.service.clone_from(&discovery.service);
    if job.trace.depth >= DEEPEST {
        return Ok(());
    }
    answer.dependencies = ask_all(service, &discovery, job).await;
    let broken = answer.dependencies.iter().find(|said| said.error.is_some() && !said.optional);
    if let Some(said) = broken {
        let cause = said.error.clone().unwrap_or_default();
        return Err(Failure { code: 502, dependency: Some(said.name.clone()), cause });
    }
    if job.writes {
        answer.events = publish(service, &discovery, job).map_err(|cause| failure(503, cause))?;
    }
    Ok(())
}

/// The trouble that is injected into every piece of work.
async fn suffer(service: &Service) -> Result<(), String> {
    let trouble = service.trouble.borrow().clone();
    tokio::time::sleep(trouble.latency).await;
    if !trouble.effort.is_zero() {
        tokio::task::block_in_place(|| trouble::spin(trouble.effort));
    }
    if fastrand::f64() < trouble.failures { Err("an injected failure".into()) } else { Ok(()) }
}

async fn ask_all(service: &Service, discovery: &Discovery, job: &Job) -> Vec<Said> {
    let targets = call::targets(discovery);
    let asker = discovery.service.as_str();
    if service.settings.calls == Calls::Parallel {
        return futures::future::join_all(targets.iter().map(|target| target.ask(service, asker, job))).await;
    }
    let mut all = Vec::new();
    for target in &targets {
        let said = target.ask(service, asker, job).await;
        let broken = said.error.is_some() && !said.optional;
        all.push(said);
        if broken {
            break;
        }
    }
    all
}

/// Hands the events of the service over to be sent; they are out when the broker has confirmed them.
fn publish(service: &Service, discovery: &Discovery, job: &Job) -> Result<Vec<String>, String> {
    let carried = discovery.publishes.iter().filter(|(_, topic)| discovery.is_spoken_to(&topic.broker));
    carried
        .map(|(name, topic)| {
            let event = Event::new(name, discovery, &job.trace);
            let id = event.id.clone();
            service.events.publish(&topic.broker, event)?;
            Ok(id)
        })
        .collect()
}
