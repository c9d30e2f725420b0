//! The user's cluster, as every command that looks at one reaches it, and what is wrong when that fails.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use kube::api::ApiResource;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use msapp_core::violation::nearest;

/// A person waits: better a quick answer than a late one.
const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(30);

const NO_DEFINITION: &str = "this cluster does not know MicroserviceApps; install the operator with its Helm chart, or \
                             the definition alone with `msapp crd | kubectl apply --server-side -f -`";

/// Something that is asked of the API server, for the case that it fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'a> {
    /// `list`, `get`
    pub(super) verb: &'a str,
    /// `Deployments`, `ConfigMap flags`
    pub(super) what: &'a str,
    /// All namespaces when absent.
    pub(super) namespace: Option<&'a str>,
}

/// What the kind that this tool is about is called in an [`Attempt`].
pub(super) const APPS: &str = "MicroserviceApps";

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} in {}", self.verb, self.what, place(self.namespace))
    }
}

/// `namespace shop`
pub(super) fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "any namespace".to_owned(), |namespace| format!("namespace {namespace}"))
}

/// The user's cluster.
pub(super) struct Cluster {
    /// Speaks to its API server.
    pub(super) client: Client,
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

    /// The answer to a request, within the time that a person waits.
    pub(super) async fn answer<T>(
        &self,
        attempt: Attempt<'_>,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T> {
        let answer = tokio::time::timeout(REQUEST, request).await;
        let answer = answer.map_err(|_| anyhow!("the API server at {} does not answer", self.url))?;
        answer.map_err(|error| self.explained(&error, attempt))
    }

    fn explained(&self, error: &kube::Error, attempt: Attempt<'_>) -> anyhow::Error {
        match error {
            kube::Error::Api(status) if status.code == 404 && attempt.what == APPS => {
                anyhow!(NO_DEFINITION)
            }
            kube::Error::Api(status) if status.code == 401 => {
                anyhow!("the API server at {} does not accept your credentials; log in again", self.url)
            }
            kube::Error::Api(status) if status.code == 403 => {
                anyhow!("you may not {attempt}: {}", status.message)
            }
            kube::Error::Api(status) => anyhow!("the API server answered: {}", status.message),
            other => anyhow!("cannot reach the API server at {}: {}", self.url, root(other)),
        }
    }
}

/// The kind that this tool is about, as requests name it.
pub(super) fn app_resource() -> ApiResource {
    ApiResource {
        group: msapp_crds::GROUP.to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: format!("{}/v1alpha1", msapp_crds::GROUP),
        kind: "MicroserviceApp".to_owned(),
        plural: "microserviceapps".to_owned(),
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

/// The deepest cause is the one that a person can act on.
pub(super) fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
