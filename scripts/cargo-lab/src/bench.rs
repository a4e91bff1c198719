//! `cargo lab bench`: what the workbook claims of its tools, measured beside their peers, in pairs, within one run.

mod cache;
mod drain;
mod goodput;
mod pair;
mod peers;
mod queue;
mod refresh;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::{Args, ValueEnum};
use testbed::bed::Bed;
use testbed::exit::Exit;
use testbed::images::Service;
use testbed::progress::Progress;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::submission::Submission;
use testbed::verdict::Stop;

use crate::artifact::{Artifact, Target};
use crate::process;
use crate::workspace::Workspace;

/// How often a pair is measured; the median counts.
const PAIRS: usize = 3;
/// How long each measurement runs.
const RUN: Duration = Duration::from_secs(3);

/// What to measure.
#[derive(Args)]
pub struct Bench {
    /// Measure only this; all of it without a name
    #[arg(value_enum)]
    pub what: Option<What>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The solution of lab 01 beside pgbench
    Direct,
    /// The solution of lab 02 beside the broker and the database
    Queue,
    /// The solution of lab 03 beside a handler of the same bytes
    Cache,
    /// The load generator beside oha
    Load,
}

/// Measures what was asked for, or everything; exit 1 when a bar is missed.
pub fn run(which: &Bench) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let asked = |one| which.what.is_none_or(|what| what == one);
    Run::hold(which.what != Some(What::Load), |run| {
        let mut held = true;
        if asked(What::Direct) {
            println!("the solution of lab 01 beside pgbench\n");
            held &= goodput::measure(run, &workspace)?;
        }
        if asked(What::Queue) {
            println!("\nthe solution of lab 02 beside the broker and the database\n");
            held &= queue::measure(run, &workspace)?;
        }
        if asked(What::Cache) {
            println!("\nthe solution of lab 03 beside a handler of the same bytes\n");
            held &= cache::measure(run, &workspace)?;
        }
        if asked(What::Load) {
            let peer = if installed("oha") { "beside oha" } else { "(oha is not installed: no peer)" };
            println!("\nthe load generator {peer}\n");
            let arguments =
                ["run", "--release", "--quiet", "--package", "testbed", "--example", "load_ceiling"];
            held &= process::run(process::cargo(&workspace.root, &arguments))?.success();
        }
        Ok(if held { Exit::Kept } else { Exit::Broken })
    })
}

/// Measures on a bed of its own, whose subject is the release build of `package`.
fn on_a_bed(
    run: &Run,
    workspace: &Workspace,
    package: &str,
    needs: &[Service],
    measure: impl AsyncFnOnce(Bed) -> Result<bool, Stop>,
) -> Result<bool, SetUp> {
    let subject = built(workspace, Artifact::of(package, Target::Program).release())?;
    let measured = Bed::with_own_services("bench", Submission::of(subject), needs, Progress::Silent, measure);
    run.block_on(measured).map_err(|stop| match stop {
        Stop::SetUp(fault) => fault,
        other => SetUp::new(
            format!("measure {package}"),
            format!("{other:?}"),
            "look whether it keeps its promises: cargo lab check NN --solution",
        ),
    })
}

/// The executable of something that has to compile.
fn built(workspace: &Workspace, artifact: Artifact<'_>) -> Result<PathBuf, SetUp> {
    let absent = || {
        SetUp::new(
            format!("build `{}`", artifact.name()),
            "it does not compile",
            "look at what cargo says above",
        )
    };
    artifact.build(&workspace.root)?.ok_or_else(absent)
}

/// The release build of one of a package's examples.
fn example(workspace: &Workspace, package: &str, name: &str) -> Result<PathBuf, SetUp> {
    built(workspace, Artifact::of(package, Target::Example(name)).release())
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
    let median = median(pairs.iter().map(|(direct, through)| through / direct));
    judged(median, bar)
}

fn median(ratios: impl Iterator<Item = f64>) -> f64 {
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(0.0)
}

/// Prints a median beside its bar, and says whether it reaches it.
fn judged(median: f64, bar: f64) -> bool {
    println!("median {median:>40.2}   (at least {bar}: {})", word(median >= bar));
    median >= bar
}

/// What became of a bar, in a word.
fn word(held: bool) -> &'static str {
    if held { "held" } else { "MISSED" }
}
