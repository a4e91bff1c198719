//! The command line, run as a reader runs it.

use std::process::{Command, Output};

/// Runs the command line, without colour, to its end.
pub fn lab(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lab"));
    command.args(arguments).env("NO_COLOR", "1").output().expect("the CLI runs")
}

/// What it said there.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it said there.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
