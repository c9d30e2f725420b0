//! Reading apps from the user's cluster.

use anyhow::{Result, anyhow};
use futures::{Stream, StreamExt, TryStreamExt};
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use msapp_core::violation::nearest;

use super::app::App;
use crate::cli::cluster::{APPS, Attempt, Cluster, app_resource, place, root};

/// Which apps are meant.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// All namespaces when absent.
    pub(super) namespace: Option<String>,
    /// All apps when absent.
    pub(super) name: Option<String>,
}

impl Selection {
    /// `namespace shop`
    pub(super) fn place(&self) -> String {
        place(self.namespace.as_deref())
    }
}

impl Cluster {
    /// The apps that are meant, sorted by namespace and name.
    pub(super) async fn fetch(&self, selection: &Selection) -> Result<Vec<App>> {
        let attempt = Attempt { verb: "list", what: APPS, namespace: selection.namespace.as_deref() };
        let listed = self.answer(attempt, self.api(selection).list(&ListParams::default())).await?;
        let mut apps: Vec<App> = listed.items.iter().map(app).collect();
        apps.sort_by(|left, right| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)));
        if let Some(name) = &selection.name {
            if !apps.iter().any(|app| app.name == *name) {
                return Err(self.missing(name, &apps, selection).await);
            }
            apps.retain(|app| app.name == *name);
        }
        Ok(apps)
    }

    /// Every change of the apps that are meant; the watch mends itself.
    pub(super) fn changes(&self, selection: &Selection) -> impl Stream<Item = Result<Seen, String>> + use<> {
        let fields = selection.name.as_ref().map(|name| format!("metadata.name={name}"));
        let config = watcher::Config { field_selector: fields, ..watcher::Config::default() };
        let events = watch(self.api(selection), config).default_backoff();
        events.map_ok(Seen::from).map_err(|error| root(&error)).boxed()
    }

    fn api(&self, selection: &Selection) -> Api<DynamicObject> {
        let resource = app_resource();
        match &selection.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }

    /// No such app: a slip of the finger, or the wrong namespace?
    async fn missing(&self, name: &str, apps: &[App], selection: &Selection) -> anyhow::Error {
        let place = selection.place();
        if let Some(meant) = nearest(name, apps.iter().map(|app| app.name.as_str())) {
            return anyhow!("no MicroserviceApp {name:?} in {place}; did you mean {meant:?}?");
        }
        let anywhere = Selection { namespace: None, name: None };
        let elsewhere =
            self.api(&anywhere).list(&ListParams::default().fields(&format!("metadata.name={name}"))).await;
        let namespace = elsewhere
            .ok()
            .and_then(|listed| listed.items.into_iter().find_map(|found| found.metadata.namespace));
        if let Some(namespace) = namespace {
            return anyhow!(
                "no MicroserviceApp {name:?} in {place}; there is one in namespace {namespace}: add `-n {namespace}`"
            );
        }
        let known: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
        let known = if known.is_empty() { String::new() } else { format!("; there is {}", known.join(", ")) };
        anyhow!("no MicroserviceApp {name:?} in {place}{known}")
    }
}

/// What a watch saw.
#[derive(Debug)]
pub(super) enum Seen {
    /// All apps are told anew from here on.
    Anew,
    /// An app, one of those that are told anew.
    Known(Box<App>),
    /// All apps were told.
    Complete,
    /// An app is new or changed.
    Changed(Box<App>),
    /// An app is gone.
    Gone(Box<App>),
}

impl From<Event<DynamicObject>> for Seen {
    fn from(event: Event<DynamicObject>) -> Self {
        match event {
            Event::Init => Seen::Anew,
            Event::InitApply(object) => Seen::Known(Box::new(app(&object))),
            Event::InitDone => Seen::Complete,
            Event::Apply(object) => Seen::Changed(Box::new(app(&object))),
            Event::Delete(object) => Seen::Gone(Box::new(app(&object))),
        }
    }
}

fn app(object: &DynamicObject) -> App {
    App::from_resource(&serde_json::to_value(object).expect("a resource is plain data"))
}
