//! Keeps the view true: one list and one watch for each resource and part of the cluster, for ever.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use msapp_core::desired::ChildKind;
use msapp_core::labels;
use tokio::task::JoinSet;

use super::cache::{Cache, Change, Part};
use super::projection::{ChildAt, PodNote, Projection, StoredApp, StoredPod, StoredSecret, Wire};
use super::view::{Listener, Trouble, View, read, write};
use crate::telemetry::Metrics;

/// Objects in one page of a list.
const PAGE_SIZE: u32 = 500;
/// Before a list that failed, or a watch that cannot go on, begins anew, at least.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause doubles with every failure in a row, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What all watches need.
#[derive(Clone)]
pub struct WatchSettings {
    /// Where what they tell is kept.
    pub view: Arc<View>,
    /// Who hears of it.
    pub listener: Arc<dyn Listener>,
    /// Counts what breaks.
    pub metrics: Arc<Metrics>,
}

/// How one resource is watched.
struct Feed<P: Projection> {
    cache: fn(&View) -> &RwLock<Cache<P::Kept>>,
    tell: fn(&dyn Listener, &Change<P::Kept>),
    labels: Option<&'static str>,
    fields: Option<&'static str>,
}

/// Watches everything in the scope of the view, with one client for each of its parts. None of the tasks ends.
pub fn mirror_all(clients: Vec<Client>, settings: &WatchSettings) -> JoinSet<()> {
    let parts = settings.view.scope.parts();
    parts.into_iter().zip(clients).flat_map(|(part, client)| mirrors(&client, &part, settings)).collect()
}

fn mirrors(client: &Client, part: &Part, settings: &WatchSettings) -> Vec<BoxFuture<'static, ()>> {
    let mut all = vec![
        start(client, part, settings, apps()),
        start(client, part, settings, children::<0>()),
        start(client, part, settings, children::<1>()),
        start(client, part, settings, children::<2>()),
        start(client, part, settings, children::<3>()),
        start(client, part, settings, children::<4>()),
        start(client, part, settings, children::<5>()),
        start(client, part, settings, children::<6>()),
        start(client, part, settings, children::<7>()),
        start(client, part, settings, pods()),
        start(client, part, settings, notes()),
    ];
    if settings.view.scope.secrets {
        all.push(start(client, part, settings, secrets()));
    }
    all
}

fn apps() -> Feed<StoredApp> {
    Feed {
        cache: |view| &view.apps,
        tell: |listener, change| listener.app(change),
        labels: None,
        fields: None,
    }
}

/// No selector: an object of somebody else that has the name of a child must be seen before a write.
fn children<const INDEX: usize>() -> Feed<ChildAt<INDEX>> {
    Feed {
        cache: |view| &view.children[INDEX],
        tell: |listener, change| listener.child(ChildKind::ALL[INDEX], change),
        labels: None,
        fields: None,
    }
}

fn pods() -> Feed<StoredPod> {
    let labels = Some(labels::APP);
    Feed { cache: |view| &view.pods, tell: |listener, change| listener.pod(change), labels, fields: None }
}

fn secrets() -> Feed<StoredSecret> {
    Feed {
        cache: |view| &view.secrets,
        tell: |listener, change| listener.secret(change),
        labels: None,
        fields: None,
    }
}

fn notes() -> Feed<PodNote> {
    let fields = Some("involvedObject.kind=Pod,type=Warning");
    Feed { cache: |view| &view.notes, tell: |listener, change| listener.note(change), labels: None, fields }
}

fn start<P: Projection>(
    client: &Client,
    part: &Part,
    settings: &WatchSettings,
    feed: Feed<P>,
) -> BoxFuture<'static, ()> {
    let api = match part {
        None => Api::<Wire<P>>::all(client.clone()),
        Some(namespace) => Api::namespaced(client.clone(), namespace),
    };
    let mirror = Mirror { api, part: part.clone(), settings: settings.clone(), feed };
    Box::pin(mirror.run())
}

struct Mirror<P: Projection> {
    api: Api<Wire<P>>,
    part: Part,
    settings: WatchSettings,
    feed: Feed<P>,
}

impl<P: Projection> Mirror<P> {
    async fn run(self) {
        let mut failures = 0;
        loop {
            failures = if self.follow().await { 0 } else { failures + 1 };
            tokio::time::sleep(pause(failures).mul_f64(1.0 + fastrand::f64() * 0.5)).await;
        }
    }

    /// Lists and watches until a list fails or the watch cannot go on from where it was; whether anything was listed.
    ///
    /// A failed list is not left to the backoff of the watcher: that one counts the beginning of each list as a
    /// success and would ask every second.
    async fn follow(&self) -> bool {
        let mut config = watcher::Config::default().page_size(PAGE_SIZE);
        config.label_selector = self.feed.labels.map(str::to_owned);
        config.field_selector = self.feed.fields.map(str::to_owned);
        let mut events = pin!(watcher(self.api.clone(), config).default_backoff());
        let mut listed = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    listed |= matches!(event, watcher::Event::InitDone);
                    self.take(event);
                }
                Err(error) => {
                    self.complain(&error);
                    if cannot_go_on(&error) {
                        return listed;
                    }
                }
            }
        }
        listed
    }

    fn take(&self, event: watcher::Event<Wire<P>>) {
        let cache = (self.feed.cache)(&self.settings.view);
        let changes = match event {
            watcher::Event::Init => {
                write(cache).begin(self.part.clone());
                return;
            }
            watcher::Event::InitApply(wire) => {
                if let Some(object) = wire.object() {
                    write(cache).stage(&self.part, object);
                }
                return;
            }
            watcher::Event::InitDone => write(cache).finish(&self.part),
            watcher::Event::Apply(wire) if wire.value.is_some() => {
                wire.object().and_then(|object| write(cache).observe(object)).into_iter().collect()
            }
            watcher::Event::Apply(wire) | watcher::Event::Delete(wire) => {
                let (namespace, name, uid) = wire.identity();
                write(cache).forget(namespace, name, uid).into_iter().collect()
            }
        };
        self.recovered();
        for change in &changes {
            (self.feed.tell)(&*self.settings.listener, change);
        }
    }

    fn recovered(&self) {
        if self.settings.view.set_trouble(P::RESOURCE.3, &self.part, None) {
            let objects = read((self.feed.cache)(&self.settings.view)).iter().count();
            tracing::info!(resource = P::RESOURCE.3, part = %Place(&self.part), objects, "is watched again");
        }
    }

    fn complain(&self, error: &watcher::Error) {
        self.settings.metrics.watch_restarted(P::RESOURCE.3);
        let trouble =
            Trouble { message: describe::<P>(error), unknown_resource: status_code(error) == Some(404) };
        let message = trouble.message.clone();
        if self.settings.view.set_trouble(P::RESOURCE.3, &self.part, Some(trouble)) {
            tracing::warn!(resource = P::RESOURCE.3, part = %Place(&self.part), error = message, "cannot be watched at present");
        }
    }
}

/// For logs.
struct Place<'a>(&'a Part);

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_deref().unwrap_or("all namespaces"))
    }
}

fn describe<P: Projection>(error: &watcher::Error) -> String {
    let (group, version, kind, plural) = P::RESOURCE;
    match status_code(error) {
        Some(404) if group == msapp_crds::GROUP => {
            format!("the CustomResourceDefinition {plural}.{group} is not installed")
        }
        Some(404) => format!("the API server does not serve {kind} in version {version}"),
        Some(403) => format!("the operator may not list and watch {plural}"),
        Some(410) => "the watch was too far behind".to_owned(),
        _ => error.to_string(),
    }
}

fn status_code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status.code),
        watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

/// A watch that is refused at its start is tried again from the same version for ever: when that version is too old
/// or the resource went away meanwhile, only a new list helps.
fn cannot_go_on(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(_) => true,
        watcher::Error::WatchStartFailed(_) => matches!(status_code(error), Some(404 | 410)),
        _ => false,
    }
}

/// The pause after so many failures in a row, before jitter.
fn pause(failures: u32) -> Duration {
    PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::{BoxError, service_fn};

    use super::super::projection::{StoredChild, StoredPod};
    use super::super::view::Scope;
    use super::*;

    /// Notes the apps that come and go.
    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl Listener for Log {
        fn app(&self, change: &Change<StoredApp>) {
            let sign = if change.after.is_some() { '+' } else { '-' };
            let name = change.object().map(|app| app.name.clone()).unwrap_or_default();
            self.0.lock().expect("not poisoned").push(format!("{sign}{name}"));
        }
        fn child(&self, _: ChildKind, _: &Change<StoredChild>) {}
        fn pod(&self, _: &Change<StoredPod>) {}
        fn secret(&self, _: &Change<StoredSecret>) {}
        fn note(&self, _: &Change<PodNote>) {}
    }

    fn app(name: &str, version: u32) -> Value {
        let metadata =
            json!({"name": name, "namespace": "n", "uid": name, "resourceVersion": version.to_string()});
        json!({"metadata": metadata, "spec": {}})
    }

    fn list(items: &[Value]) -> (u16, String) {
        (200, json!({"metadata": {"resourceVersion": "10"}, "items": items}).to_string())
    }

    fn refusal(code: u16) -> (u16, String) {
        (code, json!({"status": "Failure", "code": code, "message": "no", "reason": ""}).to_string())
    }

    /// Watches apps against prepared answers until they are used up; gives the view and what was heard.
    async fn watched(answers: Vec<(u16, String)>) -> (Arc<View>, Vec<String>) {
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let service = service_fn(move |_: Request<Body>| {
            let next = answers.lock().expect("not poisoned").next();
            async move {
                let Some((code, body)) = next else { return std::future::pending().await };
                Ok::<_, BoxError>(Response::builder().status(code).body(Body::from(body.into_bytes()))?)
            }
        });
        let log = Arc::new(Log::default());
        let view = Arc::new(View::new(Scope { namespaces: Vec::new(), secrets: false }));
        let settings = WatchSettings { view: view.clone(), listener: log.clone(), metrics: Arc::default() };
        let mirror = start(&Client::new(service, "default"), &None, &settings, apps());
        // Nothing is left to do but to wait, so time runs on until here.
        let _ = tokio::time::timeout(Duration::from_secs(240), mirror).await;
        let heard = log.0.lock().expect("not poisoned").clone();
        (view, heard)
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_watch_tells_is_kept_and_passed_on() {
        let event = |kind: &str, app: Value| json!({"type": kind, "object": app}).to_string();
        let events =
            [event("MODIFIED", app("a", 11)), event("ADDED", app("b", 12)), event("DELETED", app("a", 13))];
        let (view, heard) = watched(vec![list(&[app("a", 3)]), (200, events.join("\n") + "\n")]).await;
        assert_eq!(heard, ["+a", "+a", "+b", "-a"]);
        assert!(view.app("n", "b").is_some() && view.app("n", "a").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_too_far_behind_is_listed_anew_once() {
        let answers = vec![list(&[app("a", 3)]), refusal(410), list(&[app("b", 20)])];
        let (view, heard) = watched(answers).await;
        assert_eq!(heard.len(), 3, "{heard:?}");
        assert!(heard.contains(&"-a".to_owned()) && view.app("n", "b").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_definition_that_goes_takes_no_app_along_and_may_come_back() {
        let (view, heard) = watched(vec![list(&[app("a", 3)]), refusal(404), refusal(404)]).await;
        assert_eq!(heard, ["+a"]);
        assert!(view.definition_is_missing());
        assert!(
            view.missing()[0].contains("microserviceapps.msapp.dev is not installed"),
            "{:?}",
            view.missing()
        );
        let (view, _) = watched(vec![refusal(404), list(&[app("a", 3)])]).await;
        assert!(!view.definition_is_missing() && view.app("n", "a").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn missing_rights_are_named_and_never_end_the_watch() {
        let (view, _) = watched(vec![refusal(403), refusal(403), list(&[app("a", 3)])]).await;
        assert!(view.app("n", "a").is_some());
        let (view, _) = watched(vec![refusal(403)]).await;
        assert!(view.missing()[0].contains("may not list and watch"), "{:?}", view.missing());
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_that_stays_away_is_asked_for_every_few_seconds_and_not_more_often() {
        let asked = Arc::new(Mutex::new(0));
        let count = asked.clone();
        let service = service_fn(move |_: Request<Body>| {
            *count.lock().expect("not poisoned") += 1;
            let (code, body) = refusal(404);
            async move { Ok::<_, BoxError>(Response::builder().status(code).body(Body::from(body.into_bytes()))?) }
        });
        let view = Arc::new(View::new(Scope { namespaces: Vec::new(), secrets: false }));
        let settings = WatchSettings { view, listener: Arc::new(Log::default()), metrics: Arc::default() };
        let mirror = start(&Client::new(service, "default"), &None, &settings, apps());
        let _ = tokio::time::timeout(LONGEST_PAUSE * 20, mirror).await;
        let asked = *asked.lock().expect("not poisoned");
        assert!((13..=24).contains(&asked), "{asked} lists in 100 s");
    }

    #[test]
    fn the_pause_grows_and_ends_growing() {
        let seconds: Vec<u64> = (0..6).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 5, 5]);
    }
}
