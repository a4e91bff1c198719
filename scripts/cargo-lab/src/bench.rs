//! `cargo lab bench`: what the workbook claims of its tools, measured beside their peers, in pairs, within one run.

mod goodput;
mod peers;
mod queue;

use std::process::Command;
use std::time::Duration;

use testbed::setup::SetUp;

use crate::exit::Exit;
use crate::process;
use crate::workspace::Workspace;

/// How often a pair is measured; the median counts.
const PAIRS: usize = 3;
/// How long each measurement runs.
const RUN: Duration = Duration::from_secs(3);

/// Runs all measurements; exit 1 when a bar is missed.
pub fn run() -> Result<Exit, SetUp> {
    let workspace = Workspace::find();
    crate::clean::when_interrupted()?;
    println!("1  the solution of lab 01 beside pgbench\n");
    let goodput = goodput::measure(&workspace)?;
    println!("\n2  the solution of lab 02 beside the broker and the database\n");
    let queue = queue::measure(&workspace)?;
    println!(
        "\n3  the load generator{}\n",
        if installed("oha") { " beside oha" } else { " (oha is not installed: no peer)" }
    );
    let arguments = ["run", "--release", "--quiet", "--package", "testbed", "--example", "load_ceiling"];
    let ceiling = process::run(process::cargo(&workspace.root, &arguments))?;
    Ok(if goodput && queue && ceiling.success() { Exit::Kept } else { Exit::Broken })
}

/// Whether a program is on the path and runs.
fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Prints pairs of rates with the ratio of the second to the first, and says whether its median reaches the bar.
fn table((peer, ours): (&str, &str), pairs: &[(f64, f64)], bar: f64) -> bool {
    println!("{:<6} {peer:>14} {ours:>16} {:>8}", "pair", "ratio");
    for (pair, (direct, through)) in pairs.iter().enumerate() {
        println!("{:<6} {direct:>14.0} {through:>16.0} {:>8.2}", pair + 1, through / direct);
    }
    let mut ratios: Vec<f64> = pairs.iter().map(|(direct, through)| through / direct).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or(0.0);
    println!("median {median:>40.2}   (at least {bar}: {})", if median >= bar { "held" } else { "MISSED" });
    median >= bar
}
