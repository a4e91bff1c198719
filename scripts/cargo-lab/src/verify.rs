//! A lab's `verify` program: built by cargo, asked by one request, heard event by event.

use std::path::PathBuf;
use std::process::Command;
use std::thread::available_parallelism;

use testbed::exit::Exit;
use testbed::report::{Began, CheckReport, Ended, Event, Listed, Report};
use testbed::setup::SetUp;
use testbed::suite::{REQUEST, Request};

use crate::artifact::{Artifact, Target};
use crate::process;
use crate::workspace::Workspace;

/// A built `verify` program.
pub struct Verify {
    program: PathBuf,
}

/// What came of a run.
pub struct Judged {
    /// How it ended.
    pub exit: Exit,
    /// What was found in it; `None` when it came to no end of its own.
    pub report: Option<Report>,
}

/// Hears what happens in a run. A reader decides nothing.
pub trait Reader {
    /// One event.
    fn hear(&mut self, event: &Event);
}

/// Nobody who needs to know meanwhile.
pub struct Nobody;

impl Reader for Nobody {
    fn hear(&mut self, _: &Event) {}
}

/// How many checks are judged side by side, of a subject that is known to be right: a lane for each core, and no more than the
/// services take that all of them share.
pub fn lanes_for_the_right() -> usize {
    const MOST: usize = 4;
    available_parallelism().map_or(1, usize::from).min(MOST)
}

impl Verify {
    /// Builds the `verify` program of `package`. `None` when it does not compile: cargo has said why.
    pub fn build(workspace: &Workspace, package: &str) -> Result<Option<Verify>, SetUp> {
        let program = Artifact::of(package, Target::Test("verify")).build(&workspace.root)?;
        Ok(program.map(|program| Verify { program }))
    }

    /// Runs it. `shape` may change the command, to lend it services, say.
    pub fn judge(
        &self,
        request: &Request,
        reader: &mut impl Reader,
        shape: impl FnOnce(&mut Command),
    ) -> Result<Judged, SetUp> {
        let mut command = self.asked(request)?;
        shape(&mut command);
        let mut account = Account::default();
        let status = process::follow(command, |line| {
            if let Some(event) = Event::read(line) {
                reader.hear(&event);
                account.hear(event);
            }
        })?;
        Ok(Judged { exit: Exit::of(status), report: account.report() })
    }

    /// The checks and where the book explains them; with `all` also those that the lab inherits.
    pub fn list(&self, all: bool) -> Result<Vec<Listed>, SetUp> {
        let output = process::output(self.asked(&Request { list: true, all, ..Request::default() })?)?;
        match Event::read(String::from_utf8_lossy(&output.stdout).trim()) {
            Some(Event::Began(began)) => Ok(began.checks),
            _ => Err(SetUp::new(
                "read the list of a lab's checks",
                format!("`{}` told none", self.program.display()),
                "build the workbook again: cargo clean, then cargo lab",
            )),
        }
    }

    fn asked(&self, request: &Request) -> Result<Command, SetUp> {
        let request = serde_json::to_string(request)
            .map_err(|error| SetUp::from_cause("write a request to a `verify` program", error))?;
        let mut command = Command::new(&self.program);
        // A snapshot that differs is a broken promise here, and nothing to review.
        command.env(REQUEST, request).env("INSTA_UPDATE", "no").env("INSTA_OUTPUT", "none");
        Ok(command)
    }
}

/// What a run has told so far.
#[derive(Default)]
struct Account {
    began: Option<Began>,
    checks: Vec<CheckReport>,
    ended: Option<Ended>,
}

impl Account {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Began(began) => self.began = Some(began),
            Event::Verdict(check) => self.checks.push(*check),
            Event::Ended(ended) => self.ended = Some(ended),
            Event::Progress { .. } => {}
        }
    }

    fn report(self) -> Option<Report> {
        Some(Report::of(self.began?, self.checks, self.ended?))
    }
}
