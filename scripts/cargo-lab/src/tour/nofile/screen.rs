//! Where the tour is told: lines that stay, and one that is rewritten on a terminal.

use std::io::{IsTerminal as _, Write as _, stdout};

/// Stdout, as a terminal or as lines.
pub(super) struct Screen {
    rewrites: bool,
}

impl Screen {
    pub(super) fn detect() -> Screen {
        Screen { rewrites: stdout().is_terminal() }
    }

    /// A line that stays.
    pub(super) fn says(&self, line: &str) {
        self.clear();
        anstream::println!("{line}");
    }

    /// A line that holds until the next one.
    pub(super) fn shows(&self, line: &str) {
        if self.rewrites {
            self.clear();
            print!("{line}");
            // A terminal that is gone ends the tour by its signal.
            let _ = stdout().flush();
        } else {
            println!("{line}");
        }
    }

    pub(super) fn clear(&self) {
        if self.rewrites {
            print!("\r\x1b[2K");
        }
    }
}
