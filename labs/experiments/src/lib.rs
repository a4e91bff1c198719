//! The experiments of the book: each gives a table, a sentence and the raw data, most a figure.
//!
//! An experiment is handed the same [`Bed`] as a check, with the solution of a lab as its subject. It judges nothing: it claims what
//! it is about to show, and says so where a run does not show it.
//!
//! | room | owns |
//! |---|---|
//! | `list` | the experiments, in the order of the text |
//! | `subject` | how an experiment starts its server and loads it |
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
mod list;
mod longer_queue;
mod longer_timeout;
mod more_threads;
mod reckon;
mod subject;
mod young_queue;

use std::path::PathBuf;
use std::pin::Pin;

use testbed::bed::Bed;
use testbed::images::Service;
use testbed::progress::Progress;
use testbed::submission::Submission;
use testbed::verdict::Stop;

pub use findings::Findings;
pub use list::EXPERIMENTS;

type Running = Pin<Box<dyn Future<Output = Result<Findings, Stop>>>>;

/// One experiment.
pub struct Experiment {
    /// Its name: `longer-queue`.
    pub name: &'static str,
    /// What it shows, in a line.
    pub shows: &'static str,
    /// The number of the lab whose solution is the subject.
    pub lab: &'static str,
    /// The services that it needs, in containers.
    pub needs: &'static [Service],
    run: fn(Bed) -> Running,
}

impl Experiment {
    /// Runs it with the executable `subject`, on a bed of its own. What it started is gone when this returns.
    ///
    /// # Errors
    /// A fault of the set-up, a host that could not carry the load, or a subject that does not even serve.
    pub async fn run(&self, subject: PathBuf, progress: Progress) -> Result<Findings, Stop> {
        let body = async |bed| (self.run)(bed).await;
        Bed::with_own_services(self.name, Submission::of(subject), self.needs, progress, body).await
    }
}

/// The logical cores of this machine, without which no figure of a load means anything.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
