//! Images of what a node of our own runs besides: one program each, from our Go modules.

use std::path::Path;

use anyhow::Result;

use super::{archive::Archive, oci::Container, recipe::Recipe, tree::Tree};
use crate::tools::NodePrograms;

const USER: &str = "65535:65535";

/// What holds the namespaces of a pod.
pub(super) fn pause() -> Result<Archive> {
    archive("pause", &["/pause"], &NodePrograms::built()?.program("pause"))
}

/// The cluster's DNS.
pub(super) fn coredns() -> Result<Archive> {
    archive("coredns", &["/coredns"], &NodePrograms::built()?.program("coredns"))
}

fn archive(name: &'static str, entrypoint: &'static [&'static str], program: &Path) -> Result<Archive> {
    let recipe = Recipe {
        file: name,
        names: vec![format!("msapp.test/{name}:1")],
        container: Container { user: USER, entrypoint, ..Container::default() },
        tree: Tree::default().program(name, program),
    };
    recipe.archive()
}
