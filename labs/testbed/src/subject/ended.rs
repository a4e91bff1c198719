//! How a subject ended, and what the contract says of its end.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use super::GRACE;
use crate::fact::Fact;
use crate::verdict::{Verdict, promise};

/// The exit code with which runtimes and shells end by default after a SIGTERM: 128 and its number.
const UNHANDLED: i32 = 128 + 15;

/// How a subject ended, after SIGTERM or by itself.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its exit status; `None` when it was still there at the end of its time and had to be killed.
    pub status: Option<ExitStatus>,
    /// From the signal, or from its start, to the end.
    pub took: Duration,
}

impl Ended {
    /// The promise that the subject, named by `who`, ends by its own will within [`GRACE`] of SIGTERM; `holds` and `next` are the
    /// cause and the mend where something holds it.
    pub fn in_time(&self, who: &str, holds: &str, next: &str) -> Verdict {
        promise(format!("the {who} exits 0 within {} s of SIGTERM", GRACE.as_secs()))
            .observed(Fact::named("process", self.to_string()))
            .observed(Fact::duration("ended after", self.took))
            .likely(self.status.is_none(), holds, next)
            .likely(
                self.status.is_some_and(|status| status.code() == Some(UNHANDLED)),
                "nothing of yours decides the exit code: 143 is 128 + 15, what a runtime (Java's) or a shell ends with by default after SIGTERM",
                "handle SIGTERM, and exit 0 at the end of the stop",
            )
            .likely(
                self.status.is_some_and(|status| status.code().is_some()),
                "the process ended by its own will, with another code than 0: the stop itself met an error",
                "look at the last words on stderr, and return success from a stop that was asked for",
            )
            .likely(
                true,
                "a signal ended the process, not its own will: nothing handles SIGTERM, whose default is to kill",
                "handle SIGTERM, and return from main",
            )
            .kept_if(self.status.is_some_and(|status| status.success()))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "ended with {status}"),
            None => f.write_str("did not end in time"),
        }
    }
}
