//! The core knows no client, no runtime, no clock and no randomness: not by promise, but because it links none.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::workspace;

/// Crates that would let the core see the outside world.
#[rustfmt::skip]
const FORBIDDEN: [&str; 16] = [
    "axum", "chrono", "fastrand", "getrandom", "hyper", "hyper-util", "kube-client", "kube-runtime", "mio", "rand", "rand_core",
    "reqwest", "socket2", "time", "tokio", "tower",
];

/// Fails, and names the forbidden crates that the core links.
pub(crate) fn check() -> Result<()> {
    let tree = workspace::output(workspace::cargo(&[
        "tree",
        "-p",
        "msapp-core",
        "-e",
        "normal",
        "--prefix",
        "none",
    ]))?;
    let found = forbidden(&tree);
    if !found.is_empty() {
        bail!(
            "msapp-core links {}; `cargo tree -p msapp-core -e normal -i <crate>` tells why",
            found.join(", ")
        );
    }
    Ok(())
}

fn forbidden(tree: &str) -> Vec<String> {
    let linked: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    FORBIDDEN.iter().filter(|name| linked.contains(*name)).map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_crate_is_found_by_its_whole_name() {
        assert_eq!(forbidden("msapp-core v0.1.0\ntokio v1.0.0\ntower-layer v0.3.0\n"), ["tokio"]);
    }
}
