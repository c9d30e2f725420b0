//! `msapp completion`: what a shell needs to complete commands.

use anyhow::Result;
use clap::{Args, ValueEnum};
use clap_complete::aot;

use super::exit::Outcome;
use super::output::print;

const EXAMPLES: &str = "\
Examples:
  # bash, for this session
  source <(msapp completion bash)

  # zsh, for good
  msapp completion zsh > \"${fpath[1]}/_msapp\"

  # fish, for good
  msapp completion fish > ~/.config/fish/completions/msapp.fish";

/// A shell that completes commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

impl Shell {
    /// Name of the script where the shell looks for it.
    pub fn file_name(self) -> &'static str {
        match self {
            Shell::Bash => "msapp.bash",
            Shell::Zsh => "_msapp",
            Shell::Fish => "msapp.fish",
        }
    }
}

/// Prints the completion script of a shell.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct CompletionArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub(super) fn run(args: &CompletionArgs) -> Result<Outcome> {
    print(&completion_script(args.shell))?;
    Ok(Outcome::Fine)
}

/// The completion script of a shell.
pub fn completion_script(shell: Shell) -> String {
    let mut script = Vec::new();
    let mut command = super::command();
    match shell {
        Shell::Bash => aot::generate(aot::Bash, &mut command, "msapp", &mut script),
        Shell::Zsh => aot::generate(aot::Zsh, &mut command, "msapp", &mut script),
        Shell::Fish => aot::generate(aot::Fish, &mut command, "msapp", &mut script),
    }
    String::from_utf8_lossy(&script).into_owned()
}
