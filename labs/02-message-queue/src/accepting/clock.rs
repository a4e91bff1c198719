//! How the time of one post is spent. There is one clock, begun when its request has been read, and
//! everything on the way looks at it.
//!
//! ```text
//! 0            4/10                          8/10       9/10       REQUEST_TIMEOUT_MS
//! |- a channel -|- confirm, audit log --------|-  room  -|-  the way back  -|
//!               lane                          known      lab 01's deadline
//! ```
//!
//! Until `lane` nothing has been sent, so a refusal is plain. After it only the broker knows what
//! became of the post, so at `known` the answer says that we do not. Lab 01's deadline, which can say
//! no more than 503, comes later: it was begun with the request's head, and only a body that took
//! longer to arrive than the room between the two is cut off by it.

use std::time::Duration;

use direct_write::budget::Budget;
use tokio::time::Instant;

/// The parts of a post's time, each from its beginning.
// ANCHOR: clock
#[derive(Clone, Copy, Debug)]
pub struct PostBudget {
    /// By when it has a channel, or is refused.
    pub lane: Duration,
    /// By when it is known what became of it, or said that it is not.
    pub known: Duration,
}

impl PostBudget {
    /// What a request can spend.
    #[must_use]
    pub fn of(budget: Budget) -> Self {
        Self { lane: budget.line(), known: budget.answer() * 8 / 9 }
    }

    /// Starts the clock of one post.
    #[must_use]
    pub fn begin(self) -> Clock {
        let now = Instant::now();
        Clock { lane: now + self.lane, known: now + self.known }
    }
}

/// The clock of one post: the instants at which the parts of its time are over.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// See [`PostBudget::lane`].
    pub lane: Instant,
    /// See [`PostBudget::known`].
    pub known: Instant,
}
// ANCHOR_END: clock

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_before_the_deadline_cuts_it_off() {
        for whole in [100, 2_000, 600_000].map(Duration::from_millis) {
            let budget = Budget::new(whole);
            let post = PostBudget::of(budget);
            assert!(post.lane * 2 <= post.known, "the confirm has as long as the wait for a channel");
            assert!(post.known < budget.answer());
        }
    }
}
