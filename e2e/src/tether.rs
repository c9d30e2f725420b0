//! A child process that cannot outlive this one: `cluster tether` kills it
//! when the pipe to it closes, and the kernel closes pipes however we end.

use std::{
    ffi::OsString,
    fs::File,
    io::Write,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{tools::Tools, wait::wait_until};

/// A signal that a tethered process can be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// Ends it at once, without a chance to tidy up.
    Kill,
    /// Asks it to end.
    Terminate,
    /// Freezes it.
    Stop,
    /// Thaws it.
    Continue,
}

impl Signal {
    fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Terminate => "term",
            Self::Stop => "stop",
            Self::Continue => "cont",
        }
    }
}

/// The process, and the pipe it hangs on.
#[derive(Debug)]
pub(crate) struct Tether {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Tether {
    /// Starts `program`, its output going into `log`.
    pub(crate) fn start(
        tools: &Tools,
        program: &[OsString],
        environment: &[(String, OsString)],
        log: &File,
    ) -> Result<Self> {
        let mut command = Command::new(tools.cluster());
        command.arg("tether").args(program).envs(environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        let mut child = command.spawn().with_context(|| format!("start {program:?}"))?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Sends a signal; to a process that has ended, nothing.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if let Some(pipe) = &mut self.pipe {
            // The other end is closed once the process has ended.
            let _ = writeln!(pipe, "{}", signal.word());
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.pipe.take();
        let _ = self.child.wait();
    }
}

/// Waits for the process behind `ended` to end.
pub(crate) async fn wait_for_end(
    patience: Duration,
    mut ended: impl FnMut() -> Result<Option<ExitStatus>>,
) -> Result<ExitStatus> {
    wait_until("the process to end", patience, async || ended()?.context("it still runs")).await
}
