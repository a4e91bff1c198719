//! The report of a run: one JSON file. Everything that prints or plots reads these types.

pub mod figure;
pub mod html;
pub mod text;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::exit::Exit;
use crate::load::{Counts, Outcomes, Second};
use crate::setup::SetUp;

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
    /// The checks, in the order in which they ran.
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
    /// What was promised: all that held, or the one that did not.
    pub promised: Vec<String>,
    /// What was seen.
    pub observed: Vec<Figure>,
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

/// One figure of the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What is counted or measured; empty for plain words.
    pub name: String,
    /// The value as it is shown, with its unit.
    pub shown: String,
    /// The value as a number, where it is one.
    pub value: Option<f64>,
}

impl Figure {
    /// A count.
    pub fn count(name: impl Into<String>, value: impl TryInto<u64>) -> Self {
        let value = value.try_into().unwrap_or(u64::MAX);
        Self { name: name.into(), shown: value.to_string(), value: Some(value as f64) }
    }

    /// A measure, shown with one decimal and its unit.
    pub fn measure(name: impl Into<String>, value: f64, unit: &str) -> Self {
        let space = if unit == "%" || unit.is_empty() { "" } else { " " };
        Self { name: name.into(), shown: format!("{value:.1}{space}{unit}"), value: Some(value) }
    }

    /// A duration, in the unit in which it is easiest to read.
    pub fn duration(name: impl Into<String>, value: std::time::Duration) -> Self {
        let seconds = value.as_secs_f64();
        let shown =
            if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") };
        Self { name: name.into(), shown, value: Some(seconds) }
    }

    /// Words.
    pub fn text(shown: impl Into<String>) -> Self {
        Self { name: String::new(), shown: shown.into(), value: None }
    }

    /// A named thing that is not a number.
    pub fn named(name: impl Into<String>, shown: impl Into<String>) -> Self {
        Self { name: name.into(), shown: shown.into(), value: None }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name.is_empty() {
            f.write_str(&self.shown)
        } else {
            write!(f, "{} {}", self.name, self.shown)
        }
    }
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

impl Report {
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

    /// Writes `report.json` and `report.html` into `folder` and returns the page's path.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, SetUp> {
        let fault = |error: std::io::Error| {
            SetUp::from_cause(format!("write the report to `{}`", folder.display()), error)
        };
        fs::create_dir_all(folder).map_err(fault)?;
        let json = serde_json::to_vec_pretty(self).map_err(|error| fault(error.into()))?;
        fs::write(folder.join("report.json"), json).map_err(fault)?;
        let page = folder.join("report.html");
        fs::write(&page, html::page(self)).map_err(fault)?;
        Ok(page)
    }

    /// Reads a `report.json`.
    pub fn read(path: &Path) -> Result<Self, SetUp> {
        let fault = |cause: String| {
            let mend = "run the check again: it writes a new report";
            SetUp::new(format!("read the report `{}`", path.display()), cause, mend)
        };
        let json = fs::read(path).map_err(|error| fault(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| fault(error.to_string()))
    }
}
