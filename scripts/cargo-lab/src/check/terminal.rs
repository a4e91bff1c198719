//! A run as a person reads it: progress on stderr, verdicts and a summary on stdout. Or, for programs, the report as JSON.

use std::path::Path;

use testbed::progress::Progress;
use testbed::report::{CheckReport, Event, Hole, Report, text};
use testbed::setup::SetUp;

use crate::verify::Reader;

/// The reader that prints.
pub struct Terminal {
    json: bool,
    progress: Progress,
    /// Holes of which was told already.
    holes: Vec<Hole>,
}

impl Terminal {
    /// Prints verdicts as they come, or nothing but JSON at the end.
    pub fn new(json: bool) -> Terminal {
        Terminal { json, progress: Progress::detect(), holes: Vec::new() }
    }

    /// With a line of progress a second, terminal or not.
    pub fn live() -> Terminal {
        Terminal { json: false, progress: Progress::Lines, holes: Vec::new() }
    }

    /// The closing lines of a run, whose page is at `page`.
    pub fn close(&self, report: &Report, page: &Path) -> Result<(), SetUp> {
        if self.json {
            let fault = |error| SetUp::from_cause("print the report", error);
            println!("{}", serde_json::to_string_pretty(report).map_err(fault)?);
            return Ok(());
        }
        anstream::println!("\n{}\nreport {}", text::summary(report), near(page).display());
        Ok(())
    }
}

impl Terminal {
    /// A verdict, in short where it stopped at a hole that was told before.
    fn told(&mut self, check: &CheckReport) -> String {
        match &check.hole {
            Some(hole) if self.holes.contains(hole) => text::same_hole(check, hole),
            hole => {
                self.holes.extend(hole.clone());
                text::verdict(check)
            }
        }
    }
}

impl Reader for Terminal {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::Began(_) => {}
            Event::Progress { check, text } if check.is_empty() => self.progress.show(text),
            Event::Progress { check, text } => self.progress.show(&format!("{check}: {text}")),
            Event::Verdict(check) => {
                self.progress.clear();
                if !self.json {
                    anstream::print!("{}", self.told(check));
                }
            }
            Event::Ended(_) => self.progress.clear(),
        }
    }
}

/// A path as a reader in this folder would type it.
fn near(path: &Path) -> &Path {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path)
}
