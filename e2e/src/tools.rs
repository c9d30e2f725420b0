//! The programs that the Go modules in `cluster/`, `node/` and `oracle/` build.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{
    build::{self, Module},
    kept::cache_directory,
};

/// The module of the control plane.
const CONTROL_PLANE: Module = Module {
    name: "cluster",
    packages: &["."],
    tags: "",
    contents: "etcd, Kubernetes, KWOK and Helm",
    programs: &[
        "etcd",
        "helm",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubectl",
        "kwok",
        "metrics-server",
    ],
    versions: build::control_plane_versions,
};

/// The module of the node's programs.
const NODE: Module = Module {
    name: "node",
    packages: &["tool", "./coredns", "./pause"],
    tags: "no_btrfs,no_zfs,no_devmapper,no_aufs,netgo,osusergo",
    contents: "containerd, the network plugins and CoreDNS",
    programs: &[],
    versions: |_| Ok(String::new()),
};

/// The module of the oracle.
const ORACLE: Module = Module {
    name: "oracle",
    packages: &["."],
    tags: "",
    contents: "an independent evaluator of network policies",
    programs: &[],
    versions: |_| Ok(String::new()),
};

/// The programs of the control plane, built from pinned sources and kept in the
/// user's cache directory under the hash of these sources.
#[derive(Clone, Debug)]
pub struct Tools {
    directory: PathBuf,
}

impl Tools {
    /// Where the programs are, or will be once they are built.
    pub fn expected() -> Result<Self> {
        Ok(Self { directory: destination(&CONTROL_PLANE)? })
    }

    /// The programs; builds them when they are not there, which takes minutes
    /// the first time. Blocks, and reports progress on standard error.
    pub fn built() -> Result<Self> {
        Ok(Self { directory: built(&CONTROL_PLANE)? })
    }

    /// The directory, fit for `PATH`.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The binary that is all of the programs.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.program("cluster")
    }

    /// One of the programs, such as `kubectl`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The programs that a real node has beside those of the control plane, built and kept in the same way.
#[derive(Clone, Debug)]
pub struct NodePrograms {
    directory: PathBuf,
}

impl NodePrograms {
    /// The programs; builds them when they are not there, which takes some minutes the first time. Blocks, and
    /// reports progress on standard error.
    pub fn built() -> Result<Self> {
        Ok(Self { directory: built(&NODE)? })
    }

    /// The directory with all of them.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One of the programs, such as `ctr`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// An evaluator of NetworkPolicies that shares nothing with ours, built and kept like the control plane.
#[derive(Clone, Debug)]
pub struct Oracle {
    program: PathBuf,
}

impl Oracle {
    /// The program; builds it when it is not there, which takes a minute or two the first time. Blocks, and reports
    /// progress on standard error.
    pub fn built() -> Result<Self> {
        Ok(Self { program: built(&ORACLE)?.join(ORACLE.name) })
    }

    /// The program, which answers questions on its standard input.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

fn source_directory(module: &Module) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(module.name)
}

/// Where the programs of a module are; builds them when they are not there.
fn built(module: &Module) -> Result<PathBuf> {
    let directory = destination(module)?;
    if !directory.is_dir() {
        build::build(module, &source_directory(module), &directory)?;
    }
    Ok(directory)
}

/// Where what is built of a module is kept.
fn destination(module: &Module) -> Result<PathBuf> {
    let hash = source_hash(&source_directory(module))?;
    Ok(cache_directory()?.join(format!("{}-{hash}", module.name)))
}

/// A hash of everything that decides what the binary becomes.
fn source_hash(directory: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect_files(directory, &mut files)
        .with_context(|| format!("read the sources in {}", directory.display()))?;
    files.sort();
    let mut hash = Sha256::new();
    hash.update(build::RECIPE);
    for file in files {
        let content = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        let name = file.strip_prefix(directory).unwrap_or(&file);
        hash.update(format!("\n{} {}\n", name.display(), content.len()));
        hash.update(content);
    }
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn collect_files(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_files(&path, files)?;
        } else if is_source(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("go" | "mod" | "sum" | "yaml" | "toml" | "conflist"))
}
