//! How the time of one request is spent: `REQUEST_TIMEOUT_MS`, cut into parts that fit.
//!
//! Nothing here knows of HTTP: the line, the pool, the statements and the stop take their parts from
//! it, and so does the middleware that answers in time.

use std::time::Duration;

/// The parts of a request's time.
///
/// `line + statement = answer < whole`: a request that gets its connection at the last moment still
/// has time for its statement, so work that was begun is seldom thrown away, and the refusal leaves
/// before the caller's patience ends.
// ANCHOR: budget
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    whole: Duration,
}

impl Budget {
    /// The parts of `whole`, the time in which a request must have its answer.
    #[must_use]
    pub const fn new(whole: Duration) -> Self {
        Self { whole }
    }

    /// How long a request may wait for a connection, be it an idle one or a new one.
    #[must_use]
    pub fn line(&self) -> Duration {
        self.whole * 4 / 10
    }

    /// How long one statement may take. The database itself ends it, so nothing runs on for a
    /// caller who has gone.
    #[must_use]
    pub fn statement(&self) -> Duration {
        self.whole * 5 / 10
    }

    /// When the answer is sent, whatever has happened by then. The last tenth is for the way to the
    /// caller.
    #[must_use]
    pub fn answer(&self) -> Duration {
        self.whole * 9 / 10
    }

    /// How long the opening of a connection may take, which goes on when the request that began it
    /// has given up. A login needs its time, however short a request's is.
    #[must_use]
    pub fn open(&self) -> Duration {
        self.whole.max(Duration::from_secs(1))
    }

    /// How long after a failed attempt to open a connection the next one in its place may begin: so
    /// long that a server is not stormed, and shorter than a request waits, so that it hears why.
    #[must_use]
    pub fn pause(&self) -> Duration {
        (self.line() / 2).max(Duration::from_millis(100))
    }

    /// How long a graceful stop waits for the requests that had arrived: their time and a second
    /// more, and less than the 10 s that the contract allows: the connections to the database end
    /// after it.
    #[must_use]
    pub fn drain(&self) -> Duration {
        (self.whole + Duration::from_secs(1)).min(Duration::from_secs(8))
    }
}
// ANCHOR_END: budget

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fit_the_whole() {
        for whole in [100, 2_000, 600_000].map(Duration::from_millis) {
            let budget = Budget::new(whole);
            assert!(budget.line() < budget.statement());
            assert!(budget.line() + budget.statement() <= budget.answer());
            assert!(budget.answer() < whole);
            assert!(budget.drain() < Duration::from_secs(10));
        }
    }
}
