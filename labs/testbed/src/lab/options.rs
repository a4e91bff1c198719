//! What `cargo lab` asks of a lab's `verify` program, by environment. Plain `cargo test` sets none of it.

use std::path::PathBuf;

use super::Lab;

/// The executable to judge instead of the package's own.
pub const BINARY: &str = "LAB_BINARY";
/// Names of the checks to run, separated by commas; all without it.
pub const ONLY: &str = "LAB_ONLY";
/// The folder for `report.json` and `report.html`.
pub const REPORT: &str = "LAB_REPORT";
/// `verdicts`: print verdicts; `json`: print the report; without it: as `cargo test` does.
pub const STYLE: &str = "LAB_STYLE";
/// The command that a verdict's `again` line begins with.
pub const AGAIN: &str = "LAB_AGAIN";
/// Print the list of checks as JSON and end.
pub const MANIFEST: &str = "LAB_MANIFEST";

/// How results are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Test,
    Verdicts,
    Json,
}

/// The options of one run.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub binary: PathBuf,
    /// What the report calls the subject.
    pub subject: String,
    pub only: Option<Vec<String>>,
    pub report: PathBuf,
    pub style: Style,
    again: Option<String>,
    package: &'static str,
}

impl Options {
    pub(super) fn of(lab: &Lab) -> Options {
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let binary = text(BINARY);
        Options {
            subject: binary.clone().unwrap_or_else(|| lab.own.package.to_owned()),
            binary: binary.map_or_else(|| PathBuf::from(lab.own.path), PathBuf::from),
            only: text(ONLY).map(|names| names.split(',').map(|name| name.trim().to_owned()).collect()),
            report: text(REPORT).map_or_else(|| lab.report_folder(), PathBuf::from),
            style: match text(STYLE).as_deref() {
                Some("verdicts") => Style::Verdicts,
                Some("json") => Style::Json,
                _ => Style::Test,
            },
            again: text(AGAIN),
            package: lab.own.package,
        }
    }

    /// The command that runs one check again.
    pub(super) fn again(&self, check: &str) -> String {
        match &self.again {
            Some(command) => format!("{command} --only {check}"),
            None => format!("cargo test -p {} --test verify -- {check}", self.package),
        }
    }
}
