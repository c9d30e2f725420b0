//! What the kernel lets the operator do.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::release::{Release, container, kernel_file, process};
use crate::stage::{OPERATOR, Stage};

/// The user of the image.
const NOBODY: &str = "65532";
/// A pod that the namespace must not admit; else it enforces nothing.
const LAX_POD: &str =
    "{apiVersion: v1, kind: Pod, metadata: {name: lax}, spec: {containers: [{name: a, image: a}]}}";

pub(super) async fn pods(stage: Stage) -> Result<()> {
    let release = Release::installed(&stage.operator().await?).await?;
    let lax = release.node.kubectl_with(["create", "--namespace", OPERATOR, "-f", "-"], LAX_POD).await;
    let refusal = lax.err().context("the namespace admits a pod that is not restricted")?;
    ensure!(format!("{refusal:#}").contains("violates PodSecurity \"restricted"), "{refusal:#}");
    for pod in release.settled().await? {
        confined(&pod).with_context(|| pod.name_any())?;
        ensure!(container(&pod)?.restart_count == 0, "{} was restarted", pod.name_any());
    }
    Ok(())
}

/// What the kernel says of the process.
fn confined(pod: &Pod) -> Result<()> {
    let process = process(pod)?;
    let status = kernel_file(process, "status")?;
    let is = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let users = [NOBODY; 4].join(" ");
    ensure!(is("Uid") == users && is("Gid") == users, "it runs as {} of {}", is("Uid"), is("Gid"));
    ensure!(["CapEff", "CapPrm", "CapBnd"].iter().all(|set| is(set) == "0000000000000000"), "{status}");
    ensure!(is("NoNewPrivs") == "1", "its processes can gain rights");
    ensure!(is("Seccomp") == "2", "no seccomp filter: {}", is("Seccomp"));
    let mounts = kernel_file(process, "mountinfo")?;
    let mut options = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let root = options.rfind(|fields| fields.get(4) == Some(&"/")).context("it has no root")?;
    ensure!(root[5].split(',').any(|option| option == "ro"), "its root can be written: {}", root[5]);
    let kept = names_below(&Path::new("/proc").join(process.to_string()).join("root/var/run/secrets"))?;
    let own = ["ca.crt", "namespace", "token"].map(|file| format!("kubernetes.io/serviceaccount/{file}"));
    ensure!(kept == own.into(), "it is given {kept:?}");
    Ok(())
}

/// The files below a directory, those apart by which the kubelet replaces others.
fn names_below(directory: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() && !name.starts_with("..") {
            names.extend(names_below(&entry.path())?.into_iter().map(|below| format!("{name}/{below}")));
        } else if !name.starts_with("..") {
            names.insert(name);
        }
    }
    Ok(names)
}
