//! What goes on now, on stderr: one line that is rewritten on a terminal, a line a second where somebody asks for it.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::Arc;

/// Asks for a line a second, terminal or not.
pub const LIVE: &str = "LAB_LIVE";

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at all: nobody watches.
    Silent,
    /// One line, rewritten.
    Rewritten,
    /// One line after another.
    Lines,
}

impl Progress {
    /// What fits the place where stderr goes.
    pub fn detect() -> Progress {
        if std::env::var_os(LIVE).is_some() {
            Progress::Lines
        } else if stderr().is_terminal() {
            Progress::Rewritten
        } else {
            Progress::Silent
        }
    }

    /// Shows what goes on.
    pub fn show(self, text: &str) {
        // A reader who closed stderr has no wish for progress.
        let _ = match self {
            Progress::Silent => Ok(()),
            Progress::Rewritten => write!(stderr(), "\r\x1b[2K    {text}"),
            Progress::Lines => writeln!(stderr(), "    {text}"),
        };
    }

    /// Takes the line away before something lasting is printed.
    pub fn clear(self) {
        if self == Progress::Rewritten {
            let _ = write!(stderr(), "\r\x1b[2K");
        }
    }
}

/// Whoever hears what goes on in an experiment.
#[derive(Clone)]
pub struct Voice(Arc<dyn Fn(&str) + Send + Sync>);

impl Voice {
    /// Each sentence is given to `hears`.
    pub fn to(hears: impl Fn(&str) + Send + Sync + 'static) -> Voice {
        Voice(Arc::new(hears))
    }

    /// Says what goes on now.
    pub fn says(&self, text: &str) {
        (self.0)(text);
    }
}
