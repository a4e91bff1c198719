//! `cargo lab bench`: what the workbook claims of its tools, measured beside their peers, in pairs, within one run.

mod goodput;

use std::process::Command;

use testbed::setup::SetUp;

use crate::exit::Exit;
use crate::process;
use crate::workspace::Workspace;

/// Runs both measurements; exit 1 when a bar is missed.
pub fn run() -> Result<Exit, SetUp> {
    let workspace = Workspace::find();
    crate::clean::when_interrupted()?;
    println!("1  the solution of lab 01 beside pgbench\n");
    let goodput = goodput::measure(&workspace)?;
    println!(
        "\n2  the load generator{}\n",
        if installed("oha") { " beside oha" } else { " (oha is not installed: no peer)" }
    );
    let arguments = ["run", "--release", "--quiet", "--package", "testbed", "--example", "load_ceiling"];
    let ceiling = process::run(process::cargo(&workspace.root, &arguments))?;
    Ok(if goodput && ceiling.success() { Exit::Kept } else { Exit::Broken })
}

/// Whether a program is on the path and runs.
fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}
