//! Help, completion, and the name under which the binary is installed.

use insta::assert_snapshot;

use crate::program::{Directory, run};

fn msapp(arguments: &[&str]) -> String {
    Directory::with(&[]).msapp(arguments).fine()
}

#[test]
fn every_shell_gets_a_completion_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = msapp(&["completion", shell]);
        for word in ["check", "why", "impact", "explain", "render", "plan", "prove", "status", "until-ready"]
        {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn the_definition_is_printed_as_it_is_generated() {
    assert_eq!(msapp(&["crd"]), msapp_crds::manifest());
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["check", "why", "impact", "explain", "render", "plan", "prove", "status", "completion"] {
        assert!(msapp(&[command, "--help"]).contains("Examples:"), "{command}");
    }
    assert_snapshot!(msapp(&["--help"]));
}

#[test]
fn help_does_not_tell_what_is_in_the_environment() {
    let directory = Directory::with(&[]);
    let mut command = directory.command(&["controller", "--help"]);
    command.env("POD_NAMESPACE", "from-the-environment").env("MSAPP_CONCURRENCY", "7");
    let ran = run(command, "");
    assert_eq!(ran.code, 0);
    assert!(!ran.stdout.contains("from-the-environment"), "{}", ran.stdout);
}

#[cfg(unix)]
#[test]
fn as_a_plugin_it_shows_what_the_user_types() {
    let directory = Directory::with(&[]);
    let plugin = directory.path().join("kubectl-msapp");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_msapp"), &plugin).expect("a link can be made");
    let usage = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&plugin);
        command.args(arguments);
        run(command, "")
    };
    assert!(usage(&["--help"]).stdout.contains("Usage: kubectl msapp <COMMAND>"));
    assert!(usage(&["check", "--help"]).stdout.contains("Usage: kubectl msapp check [OPTIONS] <FILE>..."));
    assert!(usage(&["check"]).stderr.contains("Usage: kubectl msapp check"));
}
