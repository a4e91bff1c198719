//! How one scheduled request ended, and how many ended so.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How a scheduled request ended. Every one ends in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered 2xx, read to its end.
    Accepted,
    /// Answered 429 or 503: the server said that it cannot take the work now.
    Refused,
    /// Answered with any other status.
    OtherStatus,
    /// No whole answer within the client's patience, the wait for a connection included.
    TimedOut,
    /// No connection could be opened.
    ConnectionRefused,
    /// The connection was opened and ended without a whole, well-formed answer: reset, closed early, half an
    /// answer, or bytes that are no HTTP.
    Reset,
    /// Never sent: every connection was taken, or the host had no port or descriptor left.
    Unsent,
}

impl Outcome {
    /// Every outcome, in the order in which tables show them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Refused,
        Self::OtherStatus,
        Self::TimedOut,
        Self::ConnectionRefused,
        Self::Reset,
        Self::Unsent,
    ];

    pub(super) fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Accepted,
            429 | 503 => Self::Refused,
            _ => Self::OtherStatus,
        }
    }

    /// The outcome in words: `connection refused`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::OtherStatus => "other status",
            Self::TimedOut => "timed out",
            Self::ConnectionRefused => "connection refused",
            Self::Reset => "reset",
            Self::Unsent => "unsent",
        }
    }
}

/// What is known of one scheduled request. All moments are counted from the start of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Its place in the schedule, from 0.
    pub n: usize,
    /// When it was due.
    pub intended: Duration,
    /// When the generator began to send it: to write it on an open connection, or to open one for it. `None` if
    /// it never did.
    pub sent: Option<Duration>,
    /// When its last byte was read, or when it failed.
    pub ended: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of its answer, if a whole head was read.
    pub status: Option<u16>,
    /// Whether the answer carried `Retry-After`.
    pub retry_after: bool,
    /// Whether the answer's media type was `application/problem+json`.
    pub problem: bool,
    /// What a 2xx answer acknowledged ([`Traffic::receipt`](super::Traffic::receipt)).
    pub receipt: Option<Uuid>,
}

impl Sample {
    /// From the intended start to the end: what a user who came at that moment waited.
    pub fn latency_from_intended(&self) -> Duration {
        self.ended.saturating_sub(self.intended)
    }

    /// From the actual send to the end. `None` if it was never sent.
    pub fn latency_from_send(&self) -> Option<Duration> {
        self.sent.map(|sent| self.ended.saturating_sub(sent))
    }

    /// Whether it was refused as the contract asks: 503 with `Retry-After`, as `application/problem+json`.
    pub fn is_explicit_refusal(&self) -> bool {
        self.status == Some(503) && self.retry_after && self.problem
    }

    /// How late it left the generator. `None` if it was never sent.
    pub fn send_lag(&self) -> Option<Duration> {
        self.sent.map(|sent| sent.saturating_sub(self.intended))
    }
}

/// How many requests ended how. When a run is over, the outcomes sum to `scheduled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests in the schedule, without those that [`Running::stop`](super::Running::stop) cut.
    pub scheduled: u64,
    /// [`Outcome::Accepted`].
    pub accepted: u64,
    /// [`Outcome::Refused`].
    pub refused: u64,
    /// [`Outcome::OtherStatus`].
    pub other_status: u64,
    /// [`Outcome::TimedOut`].
    pub timed_out: u64,
    /// [`Outcome::ConnectionRefused`].
    pub connection_refused: u64,
    /// [`Outcome::Reset`].
    pub reset: u64,
    /// [`Outcome::Unsent`].
    pub unsent: u64,
    /// Sent and not yet ended; 0 when the run is over.
    pub in_flight: u64,
    /// Not yet due when the run was stopped. Not part of `scheduled`.
    pub cut: u64,
}

impl Counts {
    /// How many ended in `outcome`.
    pub fn of(&self, outcome: Outcome) -> u64 {
        // One list of the columns is enough; a copy is cheap.
        let mut counts = *self;
        *counts.column(outcome)
    }

    /// The place where requests that ended in `outcome` are counted.
    fn column(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Accepted => &mut self.accepted,
            Outcome::Refused => &mut self.refused,
            Outcome::OtherStatus => &mut self.other_status,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::ConnectionRefused => &mut self.connection_refused,
            Outcome::Reset => &mut self.reset,
            Outcome::Unsent => &mut self.unsent,
        }
    }

    /// Whether `outcome` is how most of those ended that were not accepted. Under load a few more may end in any way.
    pub fn mostly(&self, outcome: Outcome) -> bool {
        let failures = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Accepted);
        let most = failures.map(|outcome| self.of(outcome)).max();
        self.of(outcome) > 0 && Some(self.of(outcome)) == most
    }

    /// How many have ended, in whatever way.
    pub fn ended(&self) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.of(outcome)).sum()
    }

    /// How many left the generator: in flight, or ended otherwise than unsent.
    pub fn sent(&self) -> u64 {
        self.in_flight + self.ended() - self.unsent
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        *self.column(outcome) += 1;
    }
}

impl Add for Counts {
    type Output = Counts;

    /// Two runs, as if they were one.
    fn add(mut self, other: Counts) -> Counts {
        for outcome in Outcome::ALL {
            *self.column(outcome) += other.of(outcome);
        }
        self.scheduled += other.scheduled;
        self.in_flight += other.in_flight;
        self.cut += other.cut;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mostly_is_the_most_frequent_failure_and_none_where_nothing_failed() {
        let counts = Counts { accepted: 90, refused: 2, timed_out: 7, reset: 1, ..Counts::default() };
        let mostly: Vec<_> = Outcome::ALL.into_iter().filter(|outcome| counts.mostly(*outcome)).collect();
        assert_eq!(mostly, [Outcome::TimedOut]);
        let counts = Counts { accepted: 90, ..Counts::default() };
        assert!(!Outcome::ALL.into_iter().any(|outcome| counts.mostly(outcome)));
    }
}
