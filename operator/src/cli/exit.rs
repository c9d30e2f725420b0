//! Exit codes, the same for every subcommand.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// 0: it did what was asked.
    Fine,
    /// 1: the resource has mistakes, or did not become ready in time.
    Mistakes,
    /// 2: wrong usage, or something could not be read.
    CannotRead,
    /// 3: with `plan --exit-code`, there is something to do.
    Changes,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => ExitCode::SUCCESS,
            Outcome::Mistakes => ExitCode::from(1),
            Outcome::CannotRead => ExitCode::from(2),
            Outcome::Changes => ExitCode::from(3),
        }
    }
}
