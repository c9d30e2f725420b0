//! The chart and the program that it runs fit each other.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use msapp_e2e::msapp_binary;

use super::{
    helm::{render_file, values_files},
    values::{example_of, notes},
};

#[test]
fn the_operator_takes_the_arguments_of_every_set_of_values() -> Result<()> {
    for name in values_files() {
        let rendered = render_file(&name);
        // It reads its arguments first and then looks for a cluster, of which there is none.
        let ended = msapp(&rendered.arguments(), "")?;
        let printed =
            [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        ensure!(
            printed.contains("no cluster is configured"),
            "{name}: {:?}\n{printed}",
            rendered.arguments()
        );
    }
    Ok(())
}

#[test]
fn the_application_in_the_notes_passes_the_check() -> Result<()> {
    let checked = msapp(&["check", "-"], &example_of(&notes(&[])))?;
    ensure!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    Ok(())
}

/// Runs the built program with this text on its standard input.
fn msapp(arguments: &[&str], input: &str) -> Result<Output> {
    let mut command = Command::new(msapp_binary()?);
    command
        .args(arguments)
        .env("KUBECONFIG", "/none")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("start msapp")?;
    child.stdin.take().context("no pipe")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}
