//! What happens in a run, one event after the other. Whoever shows, stores or counts a run reads these, and decides nothing.

use std::io::Write as _;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{CheckReport, Read, ServiceUsed};

/// One event; one line of JSON on stdout.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first one.
    Began(Began),
    /// What goes on now in a check, or before all of them.
    Progress {
        /// The check, or nothing.
        check: String,
        /// What goes on.
        text: String,
    },
    /// A check has ended.
    Verdict(Box<CheckReport>),
    /// The last one, and missing where the program was killed.
    Ended(Ended),
}

/// What is about to be judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Began {
    /// The suite's number: `01`.
    pub lab: String,
    /// The suite's title: `Direct write`.
    pub title: String,
    /// What is judged: a package's name, or the path of a binary.
    pub subject: String,
    /// When the run began.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// All checks of the suite, whether they run or not, in their order.
    pub checks: Vec<Listed>,
}

/// A check of a suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its promise in a few words.
    pub title: String,
    /// Where the book explains it.
    pub read: Read,
    /// What may run beside it.
    #[serde(default)]
    pub company: Company,
}

/// What may run beside a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Company {
    /// All that bears company itself.
    #[default]
    Any,
    /// What stands on other services: the check kills, silences or alarms its own.
    OnOtherServices,
    /// Nothing: the check measures what the host gives, or takes so much of it that others would be judged wrongly.
    None,
}

/// How a run went as a whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// How long it took.
    pub seconds: f64,
    /// The machine's logical cores, without which no load figure means anything.
    pub cores: usize,
    /// The services that ran, with the image each came from.
    pub services: Vec<ServiceUsed>,
}

impl Event {
    /// Tells the event on stdout.
    pub fn tell(&self) {
        if let Ok(line) = serde_json::to_string(self) {
            let mut stdout = std::io::stdout().lock();
            // Nobody may be there to read it any more; then nothing is left to be told.
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        }
    }

    /// The event that a line tells; `None` for a line that tells none.
    pub fn read(line: &str) -> Option<Event> {
        serde_json::from_str(line).ok()
    }
}
