//! A cluster as seen through one kubeconfig.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result};
use k8s_openapi::api::{
    authentication::v1::{SelfSubjectReview, TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{
    Api, Client, Config,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tokio::process::Command;

use crate::{process, requests::CREDENTIAL, tools::Tools};

static KUBECONFIGS: AtomicU32 = AtomicU32::new(0);

/// Tokens outlive any test and any demo.
const TOKEN_SECONDS: i64 = 24 * 3600;

/// One identity in one cluster, with `kubectl`, `helm` and clients that use it.
#[derive(Clone, Debug)]
pub struct Access {
    tools: Tools,
    kubeconfig: PathBuf,
    scratch: PathBuf,
}

impl Access {
    /// Through a kubeconfig file. Whatever the tools want to remember goes into
    /// `scratch`, not into the user's home.
    pub fn new(tools: Tools, kubeconfig: PathBuf, scratch: PathBuf) -> Self {
        Self { tools, kubeconfig, scratch }
    }

    /// The kubeconfig file.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The programs that come with it.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// A directory for files that may vanish with the cluster.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A new client. It belongs to the async runtime that it is made in, so
    /// each test makes its own.
    pub async fn client(&self) -> Result<Client> {
        let config = Config::from_custom_kubeconfig(self.read()?, &KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }

    /// Runs `kubectl` and gives what it prints; what it complains about is in
    /// the error.
    pub async fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        self.run("kubectl", arguments, None).await
    }

    /// Runs `kubectl` with a text on its standard input, as in `apply -f -`.
    pub async fn kubectl_with<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Result<String> {
        self.run("kubectl", arguments, Some(input)).await
    }

    /// Runs `helm`, otherwise as [`Access::kubectl`].
    pub async fn helm<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        self.run("helm", arguments, None).await
    }

    /// The same cluster with the identity of a ServiceAccount: asks for a token
    /// and writes it into a kubeconfig.
    pub async fn as_service_account(&self, namespace: &str, name: &str) -> Result<Access> {
        let token = self.token(namespace, name).await?;
        let number = KUBECONFIGS.fetch_add(1, Ordering::Relaxed);
        let kubeconfig = self.scratch.join(format!("{namespace}-{name}-{number}.kubeconfig"));
        fs::create_dir_all(&self.scratch)?;
        fs::write(&kubeconfig, self.kubeconfig_with(&token)?.to_string())
            .with_context(|| format!("write {}", kubeconfig.display()))?;
        Ok(Self { kubeconfig, ..self.clone() })
    }

    /// What the audit log calls the certificate or token of this access.
    pub async fn credential(&self) -> Result<String> {
        let reviews: Api<SelfSubjectReview> = Api::all(self.client().await?);
        let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
        let user = review.status.and_then(|status| status.user_info).context("the review names no user")?;
        let mut credentials = user.extra.unwrap_or_default().remove(CREDENTIAL).unwrap_or_default();
        credentials.pop().context("the API server does not tell credentials apart")
    }

    async fn token(&self, namespace: &str, name: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let spec =
            TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("request a token for ServiceAccount {namespace}/{name}"))?;
        answer.status.and_then(|status| status.token).context("the answer to the TokenRequest has no token")
    }

    /// The current cluster of this kubeconfig, and nobody but this user.
    fn kubeconfig_with(&self, token: &str) -> Result<serde_json::Value> {
        let config = self.read()?;
        let wanted = config.current_context.as_deref().context("the kubeconfig has no current context")?;
        let named = config.contexts.iter().find(|context| context.name == wanted);
        let context = named.and_then(|context| context.context.as_ref());
        let cluster = &context.with_context(|| format!("the kubeconfig has no context {wanted}"))?.cluster;
        let cluster = config.clusters.iter().find(|entry| &entry.name == cluster);
        let cluster = cluster.with_context(|| format!("the cluster of context {wanted} is not defined"))?;
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [cluster],
            "users": [{"name": "operator", "user": {"token": token}}],
            "contexts": [{"name": "operator", "context": {"cluster": cluster.name, "user": "operator"}}],
            "current-context": "operator",
        }))
    }

    fn read(&self) -> Result<Kubeconfig> {
        Kubeconfig::read_from(&self.kubeconfig)
            .with_context(|| format!("read the kubeconfig {}", self.kubeconfig.display()))
    }

    async fn run<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
        input: Option<&str>,
    ) -> Result<String> {
        process::run(self.command(program, arguments), input).await
    }

    fn command<S: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(self.tools.program(program));
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        command.env("KUBECACHEDIR", self.scratch.join("kubectl"));
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, self.scratch.join("helm"));
        }
        command
    }
}
