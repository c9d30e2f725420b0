//! The program at work, with a program that keeps what it is told in place of nft.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{core::v1::Pod, networking::v1::NetworkPolicy};
use kube::api::DeleteParams;
use msapp_e2e::enforcer::Enforced;
use msapp_e2e::{Cluster, Namespace, PATIENCE, wait_until};
use tempfile::TempDir;

const WEB: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, image: web}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: web}}}
";

const IPV6: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: of-tomorrow}
spec: {ingress: [{from: [{ipBlock: {cidr: '2001:db8::/32'}}]}]}
";

/// Ends with the test.
struct Program {
    child: Child,
    directory: TempDir,
}

impl Program {
    fn start(cluster: &Cluster, nft: &str) -> Result<Self> {
        let directory = TempDir::new()?;
        let path = directory.path().join("nft");
        fs::write(&path, format!("#!/bin/sh\n{nft}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        let child = Command::new(env!("CARGO_BIN_EXE_enforcer"))
            .current_dir(directory.path())
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .arg("--nft")
            .arg(&path)
            .args(["--pod-range=10.0.0.0/8", "--state=state.json"])
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Self { child, directory })
    }

    fn keeping(cluster: &Cluster) -> Result<Self> {
        Self::start(cluster, "cat > loaded")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn loaded(&self) -> Result<String> {
        Ok(fs::read_to_string(self.file("loaded"))?)
    }

    /// What it says when it ends.
    async fn wait_for_end(&mut self) -> Result<String> {
        let status = wait_until("the end of the enforcer", PATIENCE, async || {
            self.child.try_wait()?.context("it goes on")
        })
        .await?;
        ensure!(!status.success(), "it ends well");
        let mut told = String::new();
        std::io::Read::read_to_string(self.child.stderr.as_mut().context("no output")?, &mut told)?;
        Ok(told)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_policy_is_enforced_when_it_comes_and_no_longer_when_it_goes() -> Result<()> {
    let cluster = Cluster::start().await?;
    let client = cluster.client().await?;
    let program = Program::keeping(&cluster)?;
    let enforced = Enforced::in_file(program.file("state.json"));
    let namespace = Namespace::create(&cluster, "followed").await?;
    namespace.apply(WEB).await?;
    let address = wait_until("the address of the pod", PATIENCE, async || {
        let web = namespace.api::<Pod>(&client).get("web").await?;
        web.status.and_then(|status| status.pod_ip).context("it has none")
    })
    .await?;
    enforced.wait_for(&client, namespace.name()).await?;
    let chain = format!("chain ingress-{address} {{");
    assert!(program.loaded()?.contains(&chain), "{}", program.loaded()?);
    assert!(enforced.state()?.policies.contains_key(&format!("{}/closed", namespace.name())));
    namespace.api::<NetworkPolicy>(&client).delete("closed", &DeleteParams::default()).await?;
    enforced.wait_for(&client, namespace.name()).await?;
    assert!(!program.loaded()?.contains(&chain), "{}", program.loaded()?);
    assert!(program.loaded()?.contains(&address), "the pod is still known");
    Ok(())
}

#[tokio::test]
async fn the_enforcer_ends_at_a_policy_that_it_does_not_know_and_at_a_load_that_fails() -> Result<()> {
    let cluster = Cluster::start().await?;
    let mut refused = Program::start(&cluster, "echo 'no such kernel' >&2; exit 1")?;
    let told = refused.wait_for_end().await?;
    assert!(told.starts_with("The enforcer stops here: load the rules"), "{told}");
    assert!(told.contains("no such kernel"), "{told}");
    assert!(!Path::new(&refused.file("state.json")).exists(), "nothing is enforced");
    let mut program = Program::keeping(&cluster)?;
    let namespace = Namespace::create(&cluster, "unknown").await?;
    namespace.apply(IPV6).await?;
    let told = program.wait_for_end().await?;
    let name = namespace.name();
    let place =
        format!("NetworkPolicy {name}/of-tomorrow: spec.ingress[0].from[0]: ipBlock: cidr: `2001:db8::/32`");
    assert!(told.contains(&place), "{told}");
    Ok(())
}
