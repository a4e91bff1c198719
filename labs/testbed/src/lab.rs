//! A lab: a list of checks and the services they need, run by plain `cargo test` or by `cargo lab`.

mod judge;
mod options;
mod session;

use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

pub use options::{AGAIN, BINARY, MANIFEST, ONLY, REPORT, STYLE};

use crate::bed::Bed;
use crate::images::Service;
use crate::report::Read;
use crate::verdict::Verdict;

/// No check needs so long: one that does hangs, and says nothing.
const LONGEST: Duration = Duration::from_secs(180);

/// The executable that a lab judges unless another is named: the binary of the package whose `verify` test this is.
#[derive(Clone, Debug)]
pub struct OwnBinary {
    /// The package: `lab-01-direct-write` or `solution-01-direct-write`.
    pub package: &'static str,
    /// Its binary.
    pub path: &'static str,
    /// A folder for what the test makes.
    pub folder: &'static str,
}

/// Names the binary of the package that is being tested. One `verify.rs` serves the starter and the solution.
#[macro_export]
macro_rules! own_binary {
    () => {
        $crate::lab::OwnBinary {
            package: env!("CARGO_PKG_NAME"),
            path: env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
            folder: env!("CARGO_TARGET_TMPDIR"),
        }
    };
}

type Experiment = Box<dyn Fn(Bed) -> Pin<Box<dyn Future<Output = Verdict>>> + Send + Sync>;

/// One promise, with the experiment that judges it.
struct Check {
    name: &'static str,
    title: &'static str,
    section: &'static str,
    experiment: Experiment,
}

/// A lab.
pub struct Lab {
    own: OwnBinary,
    number: &'static str,
    title: &'static str,
    page: &'static str,
    needs: &'static [Service],
    longest: Duration,
    checks: Vec<Check>,
}

impl Lab {
    /// A lab by its number, title and page in the book: `01`, `Direct write`, `01-direct-write`.
    pub fn new(own: OwnBinary, number: &'static str, title: &'static str, page: &'static str) -> Lab {
        Lab { own, number, title, page, needs: &[], longest: LONGEST, checks: Vec::new() }
    }

    /// The services that the checks need.
    #[must_use]
    pub fn needs(mut self, services: &'static [Service]) -> Lab {
        self.needs = services;
        self
    }

    /// How long a check may take until it passes for hung: then it is inconclusive. Three minutes unless set.
    #[must_use]
    pub fn longest(mut self, longest: Duration) -> Lab {
        self.longest = longest;
        self
    }

    /// Adds a check: its name, its promise in a few words, the section of the lab's page that explains it, and the experiment.
    #[must_use]
    pub fn check<F, Fut>(
        mut self,
        name: &'static str,
        title: &'static str,
        section: &'static str,
        experiment: F,
    ) -> Lab
    where
        F: Fn(Bed) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Verdict> + 'static,
    {
        let experiment =
            Box::new(move |bed| -> Pin<Box<dyn Future<Output = Verdict>>> { Box::pin(experiment(bed)) });
        self.checks.push(Check { name, title, section, experiment });
        self
    }

    /// Runs the checks that the command line or the environment asks for. See [`options`] for the variables.
    pub fn run(self) -> ExitCode {
        session::run(self)
    }

    fn read(&self, check: &Check) -> Read {
        Read {
            chapter: format!("{} {}", self.number, self.title),
            section: check.section.to_owned(),
            href: format!("{}.html#{}", self.page, slug(check.section)),
        }
    }

    fn report_folder(&self) -> PathBuf {
        PathBuf::from(self.own.folder).join("reports").join(self.own.package)
    }
}

/// A heading's anchor, as the book makes it.
pub fn slug(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}
