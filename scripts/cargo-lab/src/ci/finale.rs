//! The finale, in its short form.

use std::process::Command;

use experiments::finale::NAME;
use testbed::exit::Exit;

use super::{Context, Proof};
use crate::process;

/// Runs all stages for some seconds each, with the services of this run. A run that shows something else says what.
pub fn is_seen(context: &Context) -> Proof {
    let mut command = Command::new(&context.own);
    command.args(["run", NAME, "--short"]).current_dir(&context.workspace.root);
    context.lend(&mut command);
    let status = process::run(command)?;
    Ok(if Exit::of(status) == Exit::Kept {
        Ok("each stage showed what it is there for".to_owned())
    } else {
        Err(vec![format!("cargo lab run {NAME} --short ended otherwise: what it says stands above")])
    })
}
