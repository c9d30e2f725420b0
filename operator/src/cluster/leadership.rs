//! Who leads: keeps the lease, and tells at any moment whether this process may write.
//!
//! The right to write ends earlier than the lease does (two thirds of its duration after the start of the last
//! renewal that succeeded, by the monotonic clock), so a process that was paused finds it gone when it wakes up,
//! before the others may take over. Losing the lease stops all work at once; the process stays as a standby.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lease::{Election, Move};

/// Part of the time between two renewals that is left to chance, so that processes do not ask in step.
const JITTER: f64 = 0.2;
/// How long a process that ends tries to give the lease back. The next one waits for it to run out otherwise.
const RELEASE: Duration = Duration::from_secs(5);

/// Who asks for which lease.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Namespace of the lease.
    pub namespace: String,
    /// Name of the lease.
    pub name: String,
    /// Who we are.
    pub identity: String,
    /// How long a holder may be silent.
    pub duration: Duration,
}

impl LeaseSettings {
    /// How long after a renewal began we may still write.
    fn validity(&self) -> Duration {
        self.duration * 2 / 3
    }

    /// Between two renewals, or two looks at the lease of another.
    fn period(&self) -> Duration {
        self.duration * 2 / 15
    }
}

/// Whether this process leads. Cheap to ask before every write.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<State>);

#[derive(Debug)]
struct State {
    origin: Instant,
    /// Milliseconds after `origin` until which we may write; 0 when we do not lead.
    valid_until: AtomicU64,
    leads: watch::Sender<bool>,
}

impl Leadership {
    /// A process that does not lead (yet).
    pub fn standby() -> Self {
        Self::new(0)
    }

    /// The only process there is.
    pub fn unrivalled() -> Self {
        Self::new(u64::MAX)
    }

    fn new(valid_until: u64) -> Self {
        let leads = watch::Sender::new(valid_until > 0);
        Self(Arc::new(State { origin: Instant::now(), valid_until: AtomicU64::new(valid_until), leads }))
    }

    /// Whether this process may write now.
    pub fn is_valid(&self) -> bool {
        u128::from(self.0.valid_until.load(Ordering::Acquire)) > self.0.origin.elapsed().as_millis()
    }

    /// Tells of changes.
    pub fn subscribe(&self) -> watch::Receiver<bool> {
        self.0.leads.subscribe()
    }

    /// Waits until this process does not lead.
    pub async fn lost(&self) {
        let mut leads = self.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = leads.wait_for(|leads| !leads).await;
    }

    fn extend(&self, until: Instant) {
        let until = until.duration_since(self.0.origin).as_millis();
        self.0.valid_until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Release);
        self.0.leads.send_if_modified(|leads| !std::mem::replace(leads, true));
    }

    fn lose(&self) {
        self.0.valid_until.store(0, Ordering::Release);
        self.0.leads.send_if_modified(|leads| std::mem::replace(leads, false));
    }

    fn ends(&self) -> Option<Instant> {
        let until = self.0.valid_until.load(Ordering::Acquire);
        (until > 0).then(|| self.0.origin + Duration::from_millis(until))
    }
}

/// Keeps the lease, or tries to get it, until it is told to stop; then releases it.
pub async fn lead(client: Client, settings: LeaseSettings, leadership: Leadership, stop: CancellationToken) {
    let api: Api<Lease> = Api::namespaced(client, &settings.namespace);
    let election = Election::new(&settings.identity, &settings.name, settings.duration);
    let mut candidate = Candidate { api, settings, leadership, election, held: None };
    while !stop.is_cancelled() {
        let next = candidate.round().await;
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep_until(next) => {}
        }
    }
    candidate.release().await;
}

struct Candidate {
    api: Api<Lease>,
    settings: LeaseSettings,
    leadership: Leadership,
    election: Election,
    /// The lease as we wrote it last.
    held: Option<Lease>,
}

impl Candidate {
    /// One try to get or keep the lease; gives the time of the next.
    async fn round(&mut self) -> Instant {
        let started = Instant::now();
        let period = self.settings.period();
        let deadline = self.leadership.ends().unwrap_or(started + self.settings.duration / 3);
        let result = tokio::time::timeout_at(deadline, self.attempt(started)).await;
        match result {
            Ok(Ok(Some(lease))) => self.keep(lease, started),
            Ok(Ok(None)) => self.step_down("another process holds the lease"),
            Ok(Err(error)) if is_outdated(&error) => {
                if self.held.take().is_some() {
                    return started;
                }
                tracing::debug!("another process was faster");
            }
            Ok(Err(error)) => tracing::warn!(%error, "the lease could not be read or written"),
            Err(_) => tracing::warn!("the API server did not answer about the lease in time"),
        }
        if !self.leadership.is_valid() {
            self.step_down("the lease could not be renewed in time");
        }
        let jitter = period.mul_f64(fastrand::f64() * JITTER);
        (started + period + jitter).min(self.leadership.ends().unwrap_or(started + 2 * period))
    }

    /// The lease when it is ours afterwards. While we hold it, one write is all that is needed.
    async fn attempt(&mut self, now: Instant) -> kube::Result<Option<Lease>> {
        let found = match self.held.clone() {
            Some(held) => Some(held),
            None => self.api.get_opt(&self.settings.name).await?,
        };
        match self.election.step(found.as_ref(), now, jiff::Timestamp::now()) {
            Move::Wait => Ok(None),
            Move::Create(lease) => self.api.create(&PostParams::default(), &lease).await.map(Some),
            Move::Write(lease) => {
                self.api.replace(&self.settings.name, &PostParams::default(), &lease).await.map(Some)
            }
        }
    }

    fn keep(&mut self, lease: Lease, started: Instant) {
        if !self.leadership.is_valid() {
            tracing::info!(identity = self.settings.identity, "leads");
        }
        self.held = Some(lease);
        self.leadership.extend(started + self.settings.validity());
    }

    fn step_down(&mut self, why: &'static str) {
        self.held = None;
        if self.leadership.ends().is_some() {
            tracing::warn!(identity = self.settings.identity, why, "does not lead any more");
        }
        self.leadership.lose();
    }

    async fn release(&mut self) {
        self.leadership.lose();
        let Some(held) = self.held.take() else {
            return;
        };
        let lease = Election::released(&held, jiff::Timestamp::now());
        let parameters = PostParams::default();
        let released = self.api.replace(&self.settings.name, &parameters, &lease);
        match tokio::time::timeout(RELEASE, released).await {
            Ok(Ok(_)) => tracing::info!("released the lease"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease could not be released"),
            Err(_) => tracing::warn!("the lease could not be released in time"),
        }
    }
}

/// Whether the lease is not what we thought: somebody wrote or deleted it.
fn is_outdated(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 404 | 409))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use http::{Method, Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::{BoxError, service_fn};

    use super::*;

    /// An API server with one lease.
    #[derive(Default)]
    struct Server {
        lease: Mutex<(u64, Option<Value>)>,
        hangs: AtomicBool,
    }

    impl Server {
        fn answer(&self, method: &Method, body: Value) -> (u16, Value) {
            let mut lease = self.lease.lock().expect("not poisoned");
            let version = json!(lease.0.to_string());
            let refused = |code: u16| {
                let reason = if code == 404 { "NotFound" } else { "Conflict" };
                (code, json!({"status": "Failure", "code": code, "message": "", "reason": reason}))
            };
            match (method.as_str(), &lease.1) {
                ("GET", Some(found)) => return (200, found.clone()),
                ("GET" | "PUT", None) => return refused(404),
                ("POST", Some(_)) => return refused(409),
                ("PUT", Some(_)) if body["metadata"]["resourceVersion"] != version => return refused(409),
                _ => {}
            }
            lease.0 += 1;
            let mut stored = body;
            stored["metadata"]["resourceVersion"] = json!(lease.0.to_string());
            lease.1 = Some(stored.clone());
            (200, stored)
        }

        fn client(self: &Arc<Self>) -> Client {
            let server = self.clone();
            let service = service_fn(move |request: Request<Body>| {
                let server = server.clone();
                async move {
                    if server.hangs.load(Ordering::Relaxed) {
                        std::future::pending::<()>().await;
                    }
                    let (head, body) = request.into_parts();
                    let body = serde_json::from_slice(&body.collect_bytes().await?).unwrap_or_default();
                    let (code, answer) = server.answer(&head.method, body);
                    let answer = Body::from(answer.to_string().into_bytes());
                    Ok::<_, BoxError>(Response::builder().status(code).body(answer)?)
                }
            });
            Client::new(service, "default")
        }

        /// Starts a candidate; the token makes it stop.
        fn start(self: &Arc<Self>, identity: &str) -> (Leadership, CancellationToken) {
            let (leadership, stop) = (Leadership::standby(), CancellationToken::new());
            let settings = LeaseSettings {
                namespace: "msapp-system".into(),
                name: "msapp".into(),
                identity: identity.into(),
                duration: Duration::from_secs(15),
            };
            tokio::spawn(lead(self.client(), settings, leadership.clone(), stop.clone()));
            (leadership, stop)
        }
    }

    async fn led(leadership: &Leadership) -> Duration {
        let started = Instant::now();
        let mut leads = leadership.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(60), leads.wait_for(|leads| *leads));
        waited.await.expect("it leads in the end").expect("the sender lives");
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_released_changes_hands_at_once() {
        let server = Arc::new(Server::default());
        let (first, stop) = server.start("first");
        led(&first).await;
        let (second, _stop) = server.start("second");
        tokio::time::sleep(Duration::from_secs(40)).await;
        assert!(first.is_valid() && !second.is_valid(), "it is renewed again and again");
        stop.cancel();
        assert!(led(&second).await <= Duration::from_secs(3));
        assert!(!first.is_valid());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_ends_the_right_to_write_before_another_may_take_over() {
        let server = Arc::new(Server::default());
        let (first, _stop) = server.start("first");
        led(&first).await;
        server.hangs.store(true, Ordering::Relaxed);
        let started = Instant::now();
        first.lost().await;
        assert!(started.elapsed() <= Duration::from_secs(10));
        server.hangs.store(false, Ordering::Relaxed);
        led(&first).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_holder_is_followed_after_its_duration_and_never_by_two() {
        let server = Arc::new(Server::default());
        let silent = json!({"metadata": {"name": "msapp", "resourceVersion": "0"},
            "spec": {"holderIdentity": "gone", "leaseDurationSeconds": 15}});
        *server.lease.lock().expect("not poisoned") = (0, Some(silent));
        let (second, _second) = server.start("second");
        let (third, _third) = server.start("third");
        tokio::time::sleep(Duration::from_millis(14_500)).await;
        assert!(!second.is_valid() && !third.is_valid());
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(!(second.is_valid() && third.is_valid()));
        }
        assert!(second.is_valid() || third.is_valid());
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_to_write_ends_by_itself() {
        let leadership = Leadership::standby();
        assert!(!leadership.is_valid());
        leadership.extend(Instant::now() + Duration::from_secs(10));
        assert!(leadership.is_valid());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!leadership.is_valid(), "nobody had to take it away");
    }

    #[tokio::test(start_paused = true)]
    async fn losing_it_wakes_whoever_waits() {
        let leadership = Leadership::unrivalled();
        let waiting = leadership.clone();
        let task = tokio::spawn(async move { waiting.lost().await });
        tokio::task::yield_now().await;
        leadership.lose();
        task.await.expect("it ends");
        assert!(!leadership.is_valid());
    }
}
