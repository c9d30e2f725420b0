//! The msapp binary: the operator and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    msapp::cli::run()
}
