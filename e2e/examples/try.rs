//! x
use msapp_e2e::images::debian::{Libc, unpacked};
fn main() -> anyhow::Result<()> {
    let node = unpacked("node", &["runc", "nftables"], Libc::Machine)?;
    println!("{} {} {}\n{}", node.program("runc")?.display(), node.program("nft")?.display(), node.libraries().display(), node.packages()?);
    Ok(())
}
