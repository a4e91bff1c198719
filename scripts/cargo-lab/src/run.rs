//! `cargo lab run`: the book's experiments, on the reader's own machine. Each gives a table, a sentence and the raw data, most a figure.
//!
//! | room | owns |
//! |---|---|
//! | `stage` | the subject under the experiment, load with progress, the folder that keeps what was found |
//! | `client` | HTTP by hand, where the connection itself is what is looked at |
//! | `reckon` | what follows from samples: first failure, loss, requests that were never sent |
//! | `findings`, `figure` | what an experiment has found: claims, table, sentence, pictures |
//! | the others | one experiment each |

mod client;
mod closed_versus_open;
mod cpu_bound;
mod figure;
mod findings;
mod four_timeouts;
mod io_bound;
mod kill_9;
mod longer_queue;
mod longer_timeout;
mod more_threads;
mod reckon;
mod stage;
mod young_queue;

use std::path::{Path, PathBuf};
use std::pin::Pin;

use clap::Args;
use testbed::setup::SetUp;
use testbed::verdict::Stop;

use crate::clean::{block_on, when_interrupted};
use crate::exit::Exit;
use crate::workspace::Workspace;
use findings::Findings;
use stage::Stage;

/// Which experiment to run.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab run                       the experiments, what each shows, and which needs Docker
  cargo lab run longer-queue          one of them: live progress, a table, a sentence, a figure
  cargo lab run all                   all of them, one after the other: about three minutes

What was found is kept in target/lab/experiments/NAME: the figure as SVG, every request as JSON.
Exit code 4: this run did not show it, because the machine was busy or is built otherwise. The table says what was measured.")]
pub struct Run {
    /// The experiment's name, or `all`; without it, the list
    pub experiment: Option<String>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Findings, Stop>> + 'a>>;

/// One experiment.
struct Experiment {
    name: &'static str,
    /// What it shows, in a line.
    shows: &'static str,
    /// The lab whose solution is the subject.
    lab: &'static str,
    docker: bool,
    run: for<'a> fn(&'a Stage) -> Running<'a>,
}

/// In the order of the text.
const EXPERIMENTS: [Experiment; 9] = [
    Experiment {
        name: "cpu-bound",
        shows: "more hashes a second than the cores can compute: where it starts to fail",
        lab: "00",
        docker: false,
        run: |stage| Box::pin(cpu_bound::run(stage)),
    },
    Experiment {
        name: "io-bound",
        shows: "more inserts a second than a pool of connections can carry: who is refused",
        lab: "01",
        docker: true,
        run: |stage| Box::pin(io_bound::run(stage)),
    },
    Experiment {
        name: "longer-queue",
        shows: "a queue ten times as long: the failure comes later, and the loss stays",
        lab: "00",
        docker: false,
        run: |stage| Box::pin(longer_queue::run(stage)),
    },
    Experiment {
        name: "more-threads",
        shows: "2, 4, 8, 16 workers: who gains by them, and who does not",
        lab: "00",
        docker: false,
        run: |stage| Box::pin(more_threads::run(stage)),
    },
    Experiment {
        name: "longer-timeout",
        shows: "250 ms, 1 s, 4 s of patience: the same loss, a longer wait",
        lab: "00",
        docker: false,
        run: |stage| Box::pin(longer_timeout::run(stage)),
    },
    Experiment {
        name: "kill-9",
        shows: "SIGKILL with the line full: what was in memory, request by request",
        lab: "00",
        docker: false,
        run: |stage| Box::pin(kill_9::run(stage)),
    },
    Experiment {
        name: "closed-versus-open",
        shows: "the same stall seen by a client that waits and by one that does not",
        lab: "00",
        docker: false,
        run: |stage| Box::pin(closed_versus_open::run(stage)),
    },
    Experiment {
        name: "four-timeouts",
        shows: "four faults that look alike to a user, told apart by what is measured",
        lab: "00",
        docker: false,
        run: |stage| Box::pin(four_timeouts::run(stage)),
    },
    Experiment {
        name: "young-queue",
        shows: "SIGKILL to a broker: what it had confirmed, in queues of three ages",
        lab: "02",
        docker: true,
        run: |stage| Box::pin(young_queue::run(stage)),
    },
];

/// Where experiments keep what they found.
pub fn folder(target: &Path) -> PathBuf {
    target.join("lab").join("experiments")
}

/// The logical cores of this machine, without which no figure of a load means anything.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs what was asked for, or lists what there is.
pub fn run(ask: &Run) -> Result<Exit, SetUp> {
    match ask.experiment.as_deref() {
        None => {
            print!("{}", list());
            Ok(Exit::Kept)
        }
        Some("all") => all(),
        Some(name) => match EXPERIMENTS.iter().find(|experiment| experiment.name == name) {
            Some(experiment) => {
                when_interrupted()?;
                one(experiment)
            }
            None => {
                anstream::eprint!("there is no experiment `{name}`; there are\n{}", list());
                Ok(Exit::Usage)
            }
        },
    }
}

/// Each experiment, what it shows, and what it needs.
fn list() -> String {
    let row = |experiment: &Experiment| {
        let needs = if experiment.docker { "Docker" } else { "" };
        format!("{:<20} {:<80} {needs}", experiment.name, experiment.shows).trim_end().to_owned() + "\n"
    };
    let rows: String = EXPERIMENTS.iter().map(row).collect();
    format!(
        "{rows}\ncargo lab run NAME   runs one, in less than a minute;   cargo lab run all   runs them all\n"
    )
}

/// Every experiment, one after the other. What one of them lacks does not stop the others; the gravest end counts.
fn all() -> Result<Exit, SetUp> {
    when_interrupted()?;
    let mut ends = Vec::new();
    for (place, experiment) in EXPERIMENTS.iter().enumerate() {
        if place > 0 {
            println!();
        }
        let end = one(experiment).unwrap_or_else(|fault| {
            anstream::eprintln!("{fault}");
            Exit::SetUp
        });
        ends.push(end);
    }
    Ok(gravest(&ends))
}

/// A fault of the set-up before a broken promise, before a run that says nothing.
fn gravest(ends: &[Exit]) -> Exit {
    let order = [Exit::SetUp, Exit::Broken, Exit::Inconclusive];
    order.into_iter().find(|exit| ends.contains(exit)).unwrap_or(Exit::Kept)
}

fn one(experiment: &Experiment) -> Result<Exit, SetUp> {
    println!("{}: {}\n", experiment.name, experiment.shows);
    let workspace = Workspace::find();
    let Some(stage) = Stage::build(&workspace, experiment.name, experiment.lab)? else {
        anstream::eprintln!(
            "the solution of lab {} does not compile: mend what cargo says above",
            experiment.lab
        );
        return Ok(Exit::Broken);
    };
    match block_on((experiment.run)(&stage))? {
        Ok(findings) => {
            stage.clear();
            findings.keep(&stage)?;
            Ok(findings.tell(&stage))
        }
        Err(Stop::SetUp(fault)) => Err(fault),
        Err(Stop::Inconclusive(why)) => {
            stage.clear();
            println!("says nothing: {why}");
            Ok(Exit::Inconclusive)
        }
        Err(Stop::Broken(broken)) => {
            stage.clear();
            println!("the server broke a promise: {}", broken.promised);
            broken.observed.iter().for_each(|figure| println!("  {figure}"));
            Ok(Exit::Broken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_end_counts() {
        assert_eq!(gravest(&[Exit::Kept, Exit::Kept]), Exit::Kept);
        assert_eq!(gravest(&[Exit::Inconclusive, Exit::Kept, Exit::SetUp]), Exit::SetUp);
        assert_eq!(gravest(&[Exit::Inconclusive, Exit::Kept]), Exit::Inconclusive);
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let list = list();
        for experiment in &EXPERIMENTS {
            let line = list.lines().find(|line| line.starts_with(experiment.name)).unwrap();
            assert_eq!(line.ends_with("Docker"), experiment.docker, "{line}");
        }
    }
}
