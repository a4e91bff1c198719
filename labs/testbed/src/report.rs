//! What a run tells, event by event, and the report that is kept of it. Everything that prints or plots reads these types.

mod event;
pub mod figure;
pub mod html;
mod store;
pub mod text;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::exit::Exit;
use crate::fact::Fact;
use crate::load::{Counts, Outcomes, Second};

pub use event::{Began, Company, Ended, Event, Listed};
pub use store::{JSON, PAGE};

/// One run of a lab's checks against one subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The lab's number: `01`.
    pub lab: String,
    /// The lab's title: `Direct write`.
    pub title: String,
    /// What was judged: a package's name, or the path of a binary.
    pub subject: String,
    /// When the run began.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// How long it took.
    pub seconds: f64,
    /// The machine's logical cores, without which no load figure means anything.
    pub cores: usize,
    /// The services that ran, with the image each came from.
    pub services: Vec<ServiceUsed>,
    /// All checks of the lab, whether they ran or not.
    #[serde(default)]
    pub listed: Vec<Listed>,
    /// What is known of the checks, in the lab's order: of this run, or of an earlier one against the same subject.
    pub checks: Vec<CheckReport>,
}

/// A service that a run used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceUsed {
    /// `PostgreSQL`.
    pub name: String,
    /// The image's name and tag.
    pub image: String,
    /// Why this image and not another: `official image, present`.
    pub chosen: String,
}

/// What one check found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckReport {
    /// `answered-is-committed`.
    pub name: String,
    /// The promise in a few words.
    pub title: String,
    /// How it ended.
    pub verdict: Word,
    /// How long it took.
    pub seconds: f64,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How often it was tried: more than once where the first try said nothing.
    pub tries: u32,
    /// What was promised: all that held, or the one that did not.
    pub promised: Vec<String>,
    /// What was seen.
    pub observed: Vec<Fact>,
    /// The likeliest cause.
    pub likely: Option<String>,
    /// The hole that the subject fell into, if it did.
    pub hole: Option<Hole>,
    /// What to do next.
    pub next: Option<String>,
    /// Where the book explains it.
    pub read: Read,
    /// The command that runs this check alone.
    pub again: String,
    /// The load runs of the check, second by second.
    pub timelines: Vec<Timeline>,
    /// The end of what the subject wrote to stderr.
    pub stderr: Vec<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Every promise of the check held.
    Kept,
    /// A promise did not hold.
    Broken,
    /// The run says nothing either way.
    Inconclusive,
    /// The set-up failed.
    SetUp,
}

impl Word {
    /// The word as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Word::Kept => "kept",
            Word::Broken => "broken",
            Word::Inconclusive => "inconclusive",
            Word::SetUp => "set-up",
        }
    }
}

/// A `todo!` that the subject ran into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// Its text: `lab 01: insert the post and answer after the commit`.
    pub text: String,
    /// Its place: `labs/01-direct-write/src/store.rs:41`.
    pub at: String,
}

/// Where the book explains a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The chapter's title: `01 Direct write`.
    pub chapter: String,
    /// The section's heading.
    pub section: String,
    /// The page and anchor under the book's root: `01-direct-write.html#answer-after-the-commit`.
    pub href: String,
}

/// A load run, second by second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timeline {
    /// What the run was: `three times capacity`.
    pub label: String,
    /// The schedule in words: `constant 180/s for 8 s (1440 requests)`.
    pub schedule: String,
    /// The capacity set by construction, in requests a second, where the check set one.
    pub capacity: Option<f64>,
    /// The rows.
    pub seconds: Vec<Second>,
    /// How many posts were stored in each second, where that is another moment than that of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<u64>,
    /// The whole run.
    pub counts: Counts,
    /// Latency from the intended start, in words.
    pub latency: String,
    /// How late requests left, in words.
    pub send_lag: String,
}

impl Timeline {
    /// A finished load run.
    pub fn of(label: impl Into<String>, capacity: Option<f64>, run: &Outcomes) -> Self {
        Self {
            label: label.into(),
            schedule: run.schedule().to_owned(),
            capacity,
            seconds: run.per_second(),
            stored: Vec::new(),
            counts: run.counts(),
            latency: run.latency_from_intended(|_| true).to_string(),
            send_lag: run.send_lag().to_string(),
        }
    }
}

impl CheckReport {
    /// What is known of a check before it is judged: it says nothing but that nothing came of it yet.
    pub fn of(listed: Listed, again: String) -> CheckReport {
        let Listed { name, title, read, .. } = listed;
        CheckReport {
            name,
            promised: vec![title.clone()],
            title,
            verdict: Word::SetUp,
            seconds: 0.0,
            at: OffsetDateTime::now_utc(),
            tries: 1,
            observed: Vec::new(),
            likely: None,
            hole: None,
            next: None,
            read,
            again,
            timelines: Vec::new(),
            stderr: Vec::new(),
        }
    }
}

impl Report {
    /// The report of a run from what it told.
    pub fn of(began: Began, checks: Vec<CheckReport>, ended: Ended) -> Report {
        let Began { lab, title, subject, at, checks: listed } = began;
        let Ended { seconds, cores, services } = ended;
        Report { lab, title, subject, started_at: at, seconds, cores, services, listed, checks }
    }

    /// How many checks the lab has, whether they ran or not.
    pub fn all(&self) -> usize {
        self.listed.len()
    }

    /// How many checks ended with this word.
    pub fn count(&self, word: Word) -> usize {
        self.checks.iter().filter(|check| check.verdict == word).count()
    }

    /// How the run ends: the gravest of its checks. No check at all says nothing.
    pub fn exit(&self) -> Exit {
        if self.count(Word::SetUp) > 0 {
            Exit::SetUp
        } else if self.count(Word::Broken) > 0 {
            Exit::Broken
        } else if self.count(Word::Inconclusive) > 0 || self.checks.is_empty() {
            Exit::Inconclusive
        } else {
            Exit::Kept
        }
    }
}
