//! The demo in the cluster of the user's kubeconfig.

use anyhow::{Context, Result, ensure};
use k8s_openapi::{
    api::core::v1::Namespace, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::Api;
use msapp_e2e::{Access, Installation, Tools, msapp_binary};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::{lookout, shop, shop::Shop, stopped, unless_stopped};

const NAMESPACE: &str = "msapp-demo";
/// Why it may stay unready where nodes are real.
const PLACEHOLDERS: &str = "
The shop is not ready. Its images exist by name only: where nodes are real, they cannot be
pulled, and the status above says so. Everything else about the shop is as it would be.";
const CRD: &str = "microserviceapps.msapp.dev";

pub(crate) async fn run(until_ready: bool) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("msapp-demo-").tempdir()?;
    let tools = tokio::task::spawn_blocking(Tools::built).await??;
    let access = access(&tools, scratch.path())?;
    let context = access.kubectl(["config", "current-context"]).await?;
    println!("The demo uses the cluster of your context {}.", context.trim());
    println!("The operator runs here, from the local binary, as a ServiceAccount of that cluster.\n");
    refuse_what_is_there(&access).await?;
    let outcome = unless_stopped(show(&access, until_ready)).await;
    println!("\nRemoving what the demo created …");
    let removed = remove(&access).await;
    outcome.and(removed)?;
    println!("Nothing is left.");
    Ok(())
}

/// Everything between the first object that is created and the last.
async fn show(access: &Access, until_ready: bool) -> Result<()> {
    println!("Helm installs the chart: the CRD, a ServiceAccount, its permissions …");
    let installation = Installation::install(access, NAMESPACE, &[]).await?;
    let shop = Shop::bring_up(&installation).await?;
    if until_ready {
        ensure!(shop.is_ready, "the shop did not become ready");
        return Ok(());
    }
    if !shop.is_ready {
        println!("{PLACEHOLDERS}");
    }
    let msapp = msapp_binary()?;
    let programs: Vec<&Path> = msapp.parent().into_iter().collect();
    println!("{}", lookout::hints(None, &programs, &[]));
    stopped().await;
    Ok(())
}

/// A copy of the current context alone: the user may switch to another one
/// while the demo runs.
fn access(tools: &Tools, scratch: &Path) -> Result<Access> {
    let mut kubectl = Command::new(tools.program("kubectl"));
    let output = kubectl.args(["config", "view", "--raw", "--minify", "--flatten"]).output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "there is no current context in your kubeconfig: {complaint}");
    let kubeconfig = scratch.join("kubeconfig");
    fs::write(&kubeconfig, output.stdout).with_context(|| format!("write {}", kubeconfig.display()))?;
    fs::set_permissions(&kubeconfig, fs::Permissions::from_mode(0o600))?;
    Ok(Access::new(tools.clone(), kubeconfig, scratch.to_owned()))
}

/// The demo removes what it created. So nothing of it may be there before.
async fn refuse_what_is_there(access: &Access) -> Result<()> {
    let client = access.client().await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crd = definitions.get_opt(CRD).await.context("ask the cluster for its CustomResourceDefinitions")?;
    ensure!(crd.is_none(), "msapp is installed in this cluster already (it has {CRD})");
    let namespaces: Api<Namespace> = Api::all(client);
    for name in [NAMESPACE, shop::NAMESPACE] {
        let namespace = namespaces.get_opt(name).await?;
        ensure!(namespace.is_none(), "this cluster has a namespace {name} already");
    }
    Ok(())
}

/// Takes everything away, whether it came that far or not.
async fn remove(access: &Access) -> Result<()> {
    let shop = access.kubectl(["delete", "namespace", shop::NAMESPACE, "--ignore-not-found"]).await;
    let uninstall =
        access.helm(["uninstall", NAMESPACE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait"]).await;
    let crd = access.kubectl(["delete", "crd", CRD, "--ignore-not-found"]).await;
    let own = access.kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found"]).await;
    shop.and(uninstall).and(crd).and(own).map(drop)
}
