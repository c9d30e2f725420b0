//! Reading apps from the user's cluster, and saying what is wrong when that fails.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use futures::{Stream, StreamExt, TryStreamExt};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Config};
use msapp_core::violation::nearest;

use super::app::App;

/// A person waits: better a quick answer than a late one.
const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(30);

const NO_DEFINITION: &str = "this cluster does not know MicroserviceApps; install the operator with its Helm chart, or \
                             the definition alone with `msapp crd | kubectl apply --server-side -f -`";

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
        self.namespace
            .as_ref()
            .map_or_else(|| "any namespace".to_owned(), |namespace| format!("namespace {namespace}"))
    }
}

/// The user's cluster.
pub(super) struct Cluster {
    client: Client,
    /// The namespace of the context.
    pub(super) namespace: String,
    url: String,
}

impl Cluster {
    /// Reads the kubeconfig, or the configuration of the pod it runs in.
    pub(super) async fn connect(context: Option<&str>) -> Result<Self> {
        let mut config = configuration(context).await?;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = None;
        let (namespace, url) = (config.default_namespace.clone(), config.cluster_url.to_string());
        let client = Client::try_from(config)
            .map_err(|error| anyhow!("cannot use the kubeconfig: {}", root(&error)))?;
        Ok(Self { client, namespace, url })
    }

    /// The apps that are meant, sorted by namespace and name.
    pub(super) async fn fetch(&self, selection: &Selection) -> Result<Vec<App>> {
        let listed = tokio::time::timeout(REQUEST, self.api(selection).list(&ListParams::default())).await;
        let listed = listed.map_err(|_| anyhow!("the API server at {} does not answer", self.url))?;
        let listed = listed.map_err(|error| self.explained(&error, selection))?;
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
        let resource = ApiResource {
            group: msapp_crds::GROUP.to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: format!("{}/v1alpha1", msapp_crds::GROUP),
            kind: "MicroserviceApp".to_owned(),
            plural: "microserviceapps".to_owned(),
        };
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

    fn explained(&self, error: &kube::Error, selection: &Selection) -> anyhow::Error {
        match error {
            kube::Error::Api(status) if status.code == 404 => anyhow!(NO_DEFINITION),
            kube::Error::Api(status) if status.code == 401 => {
                anyhow!("the API server at {} does not accept your credentials; log in again", self.url)
            }
            kube::Error::Api(status) if status.code == 403 => {
                anyhow!("you may not list MicroserviceApps in {}: {}", selection.place(), status.message)
            }
            kube::Error::Api(status) => anyhow!("the API server answered: {}", status.message),
            other => anyhow!("cannot reach the API server at {}: {}", self.url, root(other)),
        }
    }
}

async fn configuration(context: Option<&str>) -> Result<Config> {
    let Some(context) = context else {
        return Config::infer().await.map_err(|error| {
            anyhow!("no cluster is configured: {}; set KUBECONFIG or create ~/.kube/config", root(&error))
        });
    };
    let kubeconfig =
        Kubeconfig::read().map_err(|error| anyhow!("cannot read the kubeconfig: {}", root(&error)))?;
    if !kubeconfig.contexts.iter().any(|known| known.name == context) {
        let names: Vec<&str> = kubeconfig.contexts.iter().map(|known| known.name.as_str()).collect();
        match nearest(context, names.iter().copied()) {
            Some(meant) => bail!("the kubeconfig has no context {context:?}; did you mean {meant:?}?"),
            None => bail!("the kubeconfig has no context {context:?}; it has {}", names.join(", ")),
        }
    }
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| anyhow!("cannot use context {context:?}: {}", root(&error)))
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

/// The deepest cause is the one that a person can act on.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
