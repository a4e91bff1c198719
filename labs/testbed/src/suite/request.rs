//! What is asked of a suite's program: one value, in one variable. Plain `cargo test` sets none.

use serde::{Deserialize, Serialize};

use super::{Check, Suite};
use crate::setup::SetUp;
use crate::submission::Submission;

/// The variable that carries a [`Request`] as JSON; empty is unset. With it the program tells [`Event`](crate::report::Event)s; without it, it is a
/// test as any other.
pub const REQUEST: &str = "LAB_REQUEST";

/// What is asked of a suite's program.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// What to judge, with the name that the report gives it; the package's own binary without it.
    pub submission: Option<(String, Submission)>,
    /// The checks to run, by name; the suite's own when empty.
    pub only: Vec<String>,
    /// Run also what the suite inherits from earlier ones.
    pub all: bool,
    /// The command that a verdict's `again` line begins with.
    pub again: String,
    /// How many checks may run side by side, where they may.
    pub lanes: usize,
    /// Tell the list of checks, and run none.
    pub list: bool,
}

impl Request {
    /// The request that the environment carries, if it does.
    pub(super) fn of_environment() -> Result<Option<Request>, SetUp> {
        let Some(text) = std::env::var_os(REQUEST).filter(|text| !text.is_empty()) else { return Ok(None) };
        let parsed = serde_json::from_slice(text.as_encoded_bytes());
        let fault = |error| {
            let mend = "unset it: `cargo lab check` sets it for the program that it starts";
            SetUp::new(format!("read the variable {REQUEST}"), error, mend)
        };
        parsed.map(Some).map_err(fault)
    }
}

/// What one run is about.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub submission: Submission,
    /// What the report calls it.
    pub subject: String,
    pub lanes: usize,
    only: Vec<String>,
    all: bool,
    again: String,
}

impl Options {
    pub(super) fn of(suite: &Suite, request: Option<&Request>) -> Options {
        let (subject, submission) = match request.and_then(|request| request.submission.clone()) {
            Some(named) => named,
            None => (suite.own.package.to_owned(), suite.own.submission()),
        };
        let usual = || format!("cargo test -p {} --test verify --", suite.own.package);
        Options {
            submission,
            subject,
            lanes: request.map_or(1, |request| request.lanes.max(1)),
            only: request.map(|request| request.only.clone()).unwrap_or_default(),
            // A plain test is a test of everything.
            all: request.is_none_or(|request| request.all),
            again: request.map_or_else(usual, |request| format!("{} --only", request.again)),
        }
    }

    /// The command that runs one check again.
    pub(super) fn again(&self, check: &str) -> String {
        format!("{} {check}", self.again)
    }

    /// Whether a check is to be run.
    pub(super) fn wants(&self, check: &Check) -> bool {
        match self.only.is_empty() {
            true => self.counts(check),
            false => self.names(check),
        }
    }

    /// Whether a check is among those that a reader of this run counts, be it run or not.
    pub(super) fn counts(&self, check: &Check) -> bool {
        self.all || !check.inherited || self.names(check)
    }

    fn names(&self, check: &Check) -> bool {
        self.only.iter().any(|wanted| wanted == check.name)
    }

    /// The first name that is no check's.
    pub(super) fn unknown<'a>(&'a self, suite: &Suite) -> Option<&'a str> {
        let known = |wanted: &&String| suite.checks.iter().any(|check| check.name == **wanted);
        self.only.iter().find(|wanted| !known(wanted)).map(String::as_str)
    }
}
