//! The chart, installed by Helm, without the pods of its Deployment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::PodSpec},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, api::ListParams};

use crate::access::Access;

/// A release of the chart: the CRD, the ServiceAccount and its permissions. Its
/// Deployment has no replicas; [`crate::Operator`] runs the same program with
/// the same arguments as a process instead.
#[derive(Clone, Debug)]
pub struct Installation {
    access: Access,
    release: String,
    namespace: String,
    service_account: String,
    arguments: Vec<String>,
}

impl Installation {
    /// Installs the chart into a namespace of its own, which is created. The
    /// values are as after Helm's `--set`.
    pub async fn install(access: &Access, namespace: &str, values: &[&str]) -> Result<Self> {
        // Names of cluster-wide objects follow from the release's.
        let release = if namespace == "msapp-system" { "msapp" } else { namespace };
        let crd = format!("crds.enabled={}", !crd_exists(access).await?);
        let chart = chart_directory();
        let chart = chart.to_str().context("the path of the chart is not UTF-8")?;
        let mut arguments = vec!["install", release, chart, "--namespace", namespace, "--create-namespace"];
        // No replicas is nothing the chart's schema would let a user ask for.
        arguments.extend(["--skip-schema-validation", "--set", "replicaCount=0", "--set", &crd]);
        for value in values {
            arguments.extend(["--set", value]);
        }
        access.helm(&arguments).await?;
        let pod = pod_template(access, namespace, release).await?;
        let container = pod.containers.into_iter().next().context("the Deployment has no container")?;
        Ok(Self {
            access: access.clone(),
            release: release.to_owned(),
            namespace: namespace.to_owned(),
            service_account: pod.service_account_name.context("the Deployment names no ServiceAccount")?,
            arguments: container.args.unwrap_or_default(),
        })
    }

    /// Takes the release away again; the CRD stays.
    pub async fn uninstall(&self) -> Result<()> {
        self.access.helm(["uninstall", &self.release, "--namespace", &self.namespace]).await?;
        Ok(())
    }

    /// The cluster it is in, as its administrator.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The operator's own namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The ServiceAccount that the chart made.
    pub fn service_account(&self) -> &str {
        &self.service_account
    }

    /// Who its operators are for the API server.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.service_account)
    }

    /// The arguments that the chart gives to `msapp`.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }
}

fn chart_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/msapp")
}

async fn crd_exists(access: &Access) -> Result<bool> {
    let definitions: Api<CustomResourceDefinition> = Api::all(access.client().await?);
    Ok(definitions.get_opt("microserviceapps.msapp.dev").await?.is_some())
}

async fn pod_template(access: &Access, namespace: &str, release: &str) -> Result<PodSpec> {
    let deployments: Api<Deployment> = Api::namespaced(access.client().await?, namespace);
    let of_release = ListParams::default().labels(&format!("app.kubernetes.io/instance={release}"));
    let found = deployments.list(&of_release).await?;
    let spec = found.into_iter().find_map(|deployment| deployment.spec.template.spec);
    match spec {
        Some(spec) => Ok(spec),
        None => bail!("release {release} has no Deployment in namespace {namespace}"),
    }
}
