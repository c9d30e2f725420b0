//! Tries what can be reached and resolved from here: one line of JSON for each.

use crate::duration::milliseconds;
use futures::StreamExt;
use serde::Serialize;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, lookup_host};

/// How many attempts are under way at a time; processes may hold some thousand connections.
const AT_ONCE: usize = 500;

/// What came of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Outcome {
    /// Somebody listens.
    Open,
    /// The other side, or something on the way, has reset it.
    Refused,
    /// Nobody answered in time.
    Silent,
    /// The name has no address.
    Unresolved,
    /// There is no way to it, or none that is allowed.
    Unreachable,
}

#[derive(Serialize)]
struct Tried {
    target: String,
    outcome: Outcome,
    milliseconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Resolved {
    name: String,
    addresses: Vec<String>,
    milliseconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Tries to connect to all `targets` at once.
pub async fn connect(targets: Vec<String>, timeout: Duration) -> anyhow::Result<()> {
    print(given(targets)?, |target| attempt(target, timeout)).await
}

/// Looks all `names` up.
pub async fn resolve(names: Vec<String>, timeout: Duration) -> anyhow::Result<()> {
    print(given(names)?, |name| look_up(name, timeout)).await
}

/// The words of the command line, or of standard input when there are none.
fn given(words: Vec<String>) -> anyhow::Result<Vec<String>> {
    if !words.is_empty() {
        return Ok(words);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Prints each result as it comes.
async fn print<F, R>(words: Vec<String>, one: impl Fn(String) -> F) -> anyhow::Result<()>
where
    F: Future<Output = R>,
    R: Serialize,
{
    let mut results = futures::stream::iter(words).map(one).buffer_unordered(AT_ONCE);
    while let Some(result) = results.next().await {
        println!("{}", serde_json::to_string(&result)?);
    }
    Ok(())
}

async fn attempt(target: String, timeout: Duration) -> Tried {
    let began = Instant::now();
    let (outcome, error) = match reach(&target, timeout).await {
        Ok(()) => (Outcome::Open, None),
        Err((outcome, error)) => (outcome, Some(error.to_string())),
    };
    Tried { target, outcome, milliseconds: milliseconds(began.elapsed()), error }
}

async fn reach(target: &str, timeout: Duration) -> Result<(), (Outcome, std::io::Error)> {
    let found = within(timeout, lookup_host(target)).await.map_err(|error| (Outcome::Unresolved, error))?;
    let addresses: Vec<SocketAddr> = found.collect();
    let connected = within(timeout, TcpStream::connect(addresses.as_slice())).await;
    connected.map(drop).map_err(|error| (outcome(error.kind()), error))
}

async fn within<T>(
    timeout: Duration,
    attempt: impl Future<Output = std::io::Result<T>>,
) -> std::io::Result<T> {
    tokio::time::timeout(timeout, attempt).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

fn outcome(kind: ErrorKind) -> Outcome {
    match kind {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Outcome::Refused,
        ErrorKind::TimedOut => Outcome::Silent,
        _ => Outcome::Unreachable,
    }
}

async fn look_up(name: String, timeout: Duration) -> Resolved {
    let began = Instant::now();
    let (mut addresses, error): (Vec<String>, _) =
        match within(timeout, lookup_host((name.as_str(), 0))).await {
            Ok(found) => (found.map(|address| address.ip().to_string()).collect(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
    addresses.sort();
    Resolved { name, addresses, milliseconds: milliseconds(began.elapsed()), error }
}
