//! Running a program to its end.

use std::{ffi::OsStr, fmt::Write, process::Stdio};

use anyhow::{Context, Result, bail};
use tokio::{io::AsyncWriteExt, process::Command};

/// Runs a command, feeds it `input` and gives what it printed. The error of a
/// failed command holds its arguments and its standard error.
pub(crate) async fn run(mut command: Command, input: Option<&str>) -> Result<String> {
    let line = describe(&command);
    command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().with_context(|| format!("start `{line}`"))?;
    // Who ends without reading all of it has a reason, and tells that itself.
    let written = match (input, child.stdin.take()) {
        (Some(text), Some(mut stdin)) => stdin.write_all(text.as_bytes()).await,
        _ => Ok(()),
    };
    let output = child.wait_with_output().await?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}\n{}{}", output.status, stderr, stdout);
    }
    written.with_context(|| format!("write to `{line}`"))?;
    Ok(stdout)
}

fn describe(command: &Command) -> String {
    let command = command.as_std();
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("?"));
    let mut line = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        // Writing to a String cannot fail.
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}
