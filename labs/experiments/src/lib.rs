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
//! | `finale` | one stress test on every stage of the story |
//! | `placed`, `ping`, `trace` | a stack as its deploy files place it: its round trips, and where a post's time goes |
//! | `scaling` | the Universal Scalability Law, fitted to what was measured |
//! | the others | one experiment each |

mod client;
mod closed_versus_open;
mod cpu_bound;
mod figure;
pub mod finale;
mod findings;
mod five_timeouts;
mod io_bound;
mod kill_9;
mod list;
mod longer_queue;
mod longer_timeout;
mod more_instances;
mod more_threads;
mod moved_broker;
mod one_host;
pub mod ping;
mod placed;
mod reckon;
mod redundancy;
mod retry_storm;
pub mod scaling;
mod shifting_pages;
mod stampede;
mod subject;
pub mod trace;
mod young_queue;

use std::path::PathBuf;
use std::pin::Pin;

use testbed::bed::Bed;
use testbed::images::Service;
use testbed::progress::Progress;
use testbed::setup::SetUp;
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
    body: Body,
}

/// What an experiment does, and with which programs.
enum Body {
    /// With the solution alone.
    Alone(fn(Bed) -> Running),
    /// With the solution, and the executable of that lab's wrong answer of this name.
    Beside(&'static str, fn(Bed, PathBuf) -> Running),
}

/// The programs that an experiment runs.
pub struct Programs {
    /// The solution of its lab.
    pub solution: Submission,
    /// The wrong answer that it is run [beside](Experiment::beside), where there is one.
    pub wrong: Option<PathBuf>,
}

impl Experiment {
    /// The name of the wrong answer, of the same lab, that the solution is run beside.
    pub fn beside(&self) -> Option<&'static str> {
        match self.body {
            Body::Alone(_) => None,
            Body::Beside(name, _) => Some(name),
        }
    }

    /// Runs it with these programs, on a bed of its own. What it started is gone when this returns.
    ///
    /// # Errors
    /// A fault of the set-up, a host that could not carry the load, or a subject that does not even serve.
    pub async fn run(&self, programs: Programs, progress: Progress) -> Result<Findings, Stop> {
        let Programs { solution, wrong } = programs;
        let missing = |name| {
            let what = format!("run {} beside `{name}`", self.name);
            SetUp::new(what, "nobody has built it", format!("run it by name: cargo lab run {}", self.name))
        };
        let body = async |bed| match (&self.body, wrong) {
            (Body::Alone(run), _) => run(bed).await,
            (Body::Beside(_, run), Some(wrong)) => run(bed, wrong).await,
            (Body::Beside(name, _), None) => Err(missing(name).into()),
        };
        Bed::with_own_services(self.name, solution, self.needs, progress, body).await
    }
}

/// The logical cores of this machine, without which no figure of a load means anything.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
