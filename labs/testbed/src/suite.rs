//! A suite: a list of checks and the services they need, run by plain `cargo test` or by `cargo lab`.

mod judge;
mod lanes;
mod request;
mod session;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

pub use request::{REQUEST, Request};

use crate::bed::Bed;
use crate::images::Service;
use crate::report::{Company, Listed, Read};
use crate::submission::Submission;
use crate::verdict::Verdict;

/// No check needs so long: one that does hangs, and says nothing.
const LONGEST: Duration = Duration::from_secs(180);

/// The executable that a suite judges unless another is named: the binary of the package whose `verify` test this is.
#[derive(Clone, Debug)]
pub struct OwnBinary {
    /// The package: `lab-01-direct-write` or `solution-01-direct-write`.
    pub package: &'static str,
    /// Its binary.
    pub path: &'static str,
    /// A folder for what the test makes.
    pub folder: &'static str,
    /// The folder of its deploy files; there need not be one.
    pub deploy: &'static str,
}

/// Names the binary of the package that is being tested. One suite serves the starter and the solution.
#[macro_export]
macro_rules! own_binary {
    () => {
        $crate::suite::OwnBinary {
            package: env!("CARGO_PKG_NAME"),
            path: env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
            folder: env!("CARGO_TARGET_TMPDIR"),
            deploy: concat!(env!("CARGO_MANIFEST_DIR"), "/deploy"),
        }
    };
}

impl OwnBinary {
    /// The binary, with its deploy files where it has some.
    fn submission(&self) -> Submission {
        let deploy = Path::new(self.deploy);
        Submission { binary: self.path.into(), deploy: deploy.is_dir().then(|| deploy.to_owned()) }
    }
}

type Experiment = Box<dyn Fn(Bed) -> Pin<Box<dyn Future<Output = Verdict>>> + Send + Sync>;

/// One promise, with the experiment that judges it.
pub struct Check {
    name: &'static str,
    title: &'static str,
    section: &'static str,
    /// The chapter that explains it, and its page: those of the suite that adds it.
    chapter: String,
    page: &'static str,
    company: Company,
    inherited: bool,
    experiment: Experiment,
}

impl Check {
    /// A check by its name, its promise in a few words, the section of the page that explains it, and the experiment.
    pub fn new<F, Fut>(name: &'static str, title: &'static str, section: &'static str, experiment: F) -> Check
    where
        F: Fn(Bed) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Verdict> + 'static,
    {
        let experiment =
            Box::new(move |bed| -> Pin<Box<dyn Future<Output = Verdict>>> { Box::pin(experiment(bed)) });
        let (chapter, page) = (String::new(), "");
        Check { name, title, section, chapter, page, company: Company::Any, inherited: false, experiment }
    }

    /// The check kills, silences or alarms a service that all share: nothing else may run on the same ones meanwhile.
    #[must_use]
    pub fn hurts_services(self) -> Check {
        Check { company: Company::OnOtherServices, ..self }
    }

    /// Nothing else may run meanwhile: the check measures what the host gives, or takes so much of it that others would be judged wrongly.
    #[must_use]
    pub fn alone(self) -> Check {
        Check { company: Company::None, ..self }
    }

    fn listed(&self) -> Listed {
        let (chapter, section) = (self.chapter.clone(), self.section.to_owned());
        let read = Read { chapter, section, href: format!("{}.html#{}", self.page, slug(self.section)) };
        Listed { name: self.name.to_owned(), title: self.title.to_owned(), read, company: self.company }
    }
}

/// A suite of checks.
pub struct Suite {
    own: OwnBinary,
    number: &'static str,
    title: &'static str,
    page: &'static str,
    /// Where the promises are settled.
    contract: &'static str,
    needs: &'static [Service],
    longest: Duration,
    checks: Vec<Check>,
}

impl Suite {
    /// A suite by its number, its title and its first page in the book: `01`, `Direct write`, `01-direct-write`.
    pub fn new(own: OwnBinary, number: &'static str, title: &'static str, page: &'static str) -> Suite {
        Suite {
            own,
            number,
            title,
            page,
            contract: "the contract",
            needs: &[],
            longest: LONGEST,
            checks: Vec::new(),
        }
    }

    /// The services that the checks need.
    #[must_use]
    pub fn needs(mut self, services: &'static [Service]) -> Suite {
        self.needs = services;
        self
    }

    /// Where the promises are settled: the name of a file, as a learner would open it.
    #[must_use]
    pub fn contract(mut self, contract: &'static str) -> Suite {
        self.contract = contract;
        self
    }

    /// How long a check may take until it passes for hung: then it is inconclusive. Three minutes unless set.
    #[must_use]
    pub fn longest(mut self, longest: Duration) -> Suite {
        self.longest = longest;
        self
    }

    /// The page of the book that explains the checks added from now on.
    #[must_use]
    pub fn page(mut self, page: &'static str) -> Suite {
        self.page = page;
        self
    }

    /// Adds checks, in the order in which a learner meets them.
    #[must_use]
    pub fn checks(mut self, checks: impl IntoIterator<Item = Check>) -> Suite {
        let (chapter, page) = (format!("{} {}", self.number, self.title), self.page);
        self.checks.extend(checks.into_iter().map(|check| Check { chapter: chapter.clone(), page, ..check }));
        self
    }

    /// Adds the checks of an earlier suite, which hold still: they are run when somebody asks for them, or for all.
    #[must_use]
    pub fn inherits(mut self, earlier: Suite) -> Suite {
        self.checks.extend(earlier.checks.into_iter().map(|check| Check { inherited: true, ..check }));
        self
    }

    /// Runs the checks that the command line or the environment asks for. See [`Request`].
    pub fn run(self) -> ExitCode {
        session::run(self)
    }

    /// The next step where nothing that was observed points to a cause.
    fn without_a_cause(&self, stderr: &[String]) -> String {
        let complains = |line: &&String| ["ERROR", "WARN", "rror:"].iter().any(|word| line.contains(word));
        match stderr.iter().rev().find(complains) {
            Some(line) => format!("start with what the service says itself: {}", line.trim()),
            None => format!(
                "nothing that was seen names the cause: hold the answer against {}, and run the unit tests, which look closer",
                self.contract
            ),
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
