//! What follows from the samples of a run.

use std::ops::Range;
use std::time::Duration;

use testbed::ledger::Ledger;
use testbed::load::{Outcome, Sample};

/// When the first request was due that was not accepted.
pub fn first_failure(samples: &[Sample]) -> Option<Duration> {
    samples.iter().find(|sample| sample.outcome != Outcome::Accepted).map(|sample| sample.intended)
}

/// What became of the requests that were due in one part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How many were due.
    pub offered: usize,
    /// Answered 2xx.
    pub accepted: usize,
    /// Answered 429 or 503.
    pub refused: usize,
}

impl Loss {
    /// Counts the requests that were due in `window`.
    pub fn of(samples: &[Sample], window: Range<Duration>) -> Loss {
        let due = samples.iter().filter(|sample| window.contains(&sample.intended));
        due.fold(Loss::default(), |loss, sample| Loss {
            offered: loss.offered + 1,
            accepted: loss.accepted + usize::from(sample.outcome == Outcome::Accepted),
            refused: loss.refused + usize::from(sample.outcome == Outcome::Refused),
        })
    }

    /// The share that was not accepted, from 0 to 1; 0 when nothing was due.
    pub fn share(self) -> f64 {
        (self.offered - self.accepted) as f64 / self.offered.max(1) as f64
    }

    /// Offered, accepted, refused, and ended in any other way, for a row of a table.
    pub fn cells(self) -> [String; 4] {
        let Loss { offered, accepted, refused } = self;
        [offered, accepted, refused, offered - accepted - refused].map(|count| count.to_string())
    }

    /// The share that was refused, from 0 to 1; 0 when nothing was due.
    pub fn refused_share(self) -> f64 {
        self.refused as f64 / self.offered.max(1) as f64
    }
}

/// What became of the posts that were answered 202, in a line; `accepted` is the text's word for that.
pub fn settled(accepted: &str, ledger: &Ledger) -> String {
    let (answered, lost) = (ledger.answered, ledger.lost.len());
    let (stored, doubled) = (answered - lost, ledger.doubled.len());
    format!("{accepted} in all {answered}, stored of them {stored}, lost {lost}, doubled {doubled}")
}

/// How many requests a client left out of `window` that sends `per_second` of them when nothing holds it up; `sent` are the
/// moments at which it did send.
pub fn never_sent(
    per_second: f64,
    window: Range<Duration>,
    sent: impl IntoIterator<Item = Duration>,
) -> usize {
    let due = per_second * (window.end - window.start).as_secs_f64();
    let sent = sent.into_iter().filter(|sent| window.contains(sent)).count();
    (due.round() as usize).saturating_sub(sent)
}

/// By how much a count that only grows has grown in the window in which it grew the most; `looks` are moments, in order, and what
/// the count was then. What happened between two looks counts if both are in the window.
pub fn busiest(looks: &[(Duration, u64)], window: Duration) -> u64 {
    let grown = |(place, (from, before)): (usize, &(Duration, u64))| {
        let inside = looks[place..].iter().take_while(|(at, _)| *at - *from <= window);
        inside.last().map_or(0, |(_, count)| count - before)
    };
    looks.iter().enumerate().map(grown).max().unwrap_or(0)
}

/// What became of one request of a server that was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered 2xx before the kill.
    Answered,
    /// Answered 503 before the kill: the client knows.
    Refused,
    /// Sent before the kill and never answered: it was in memory.
    Lost,
    /// Sent when nobody was there any more.
    After,
}

impl Fate {
    /// The fate of a request in a run whose server was killed at `killed`; `None` when it ended in a way that none of these is.
    pub fn of(sample: &Sample, killed: Duration) -> Option<Fate> {
        match (sample.outcome, sample.sent) {
            (Outcome::Accepted, _) => Some(Fate::Answered),
            (Outcome::Refused, _) => Some(Fate::Refused),
            (Outcome::Reset | Outcome::ConnectionRefused, Some(sent)) if sent >= killed => Some(Fate::After),
            (Outcome::Reset | Outcome::ConnectionRefused, Some(_)) => Some(Fate::Lost),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: Duration = Duration::from_millis(100);

    /// A request every tenth of a second, sent when it was due.
    fn samples(outcomes: &[Outcome]) -> Vec<Sample> {
        let sample = |(n, outcome): (usize, &Outcome)| Sample {
            n,
            intended: TENTH * n as u32,
            sent: Some(TENTH * n as u32),
            ended: TENTH * (n as u32 + 1),
            outcome: *outcome,
            status: None,
            retry_after: false,
            problem: false,
            receipt: None,
        };
        outcomes.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn the_first_failure_is_when_it_was_due() {
        use Outcome::{Accepted, Refused};
        assert_eq!(first_failure(&samples(&[Accepted, Accepted, Refused, Accepted])), Some(2 * TENTH));
        assert_eq!(first_failure(&samples(&[Accepted])), None);
    }

    #[test]
    fn the_loss_of_a_window_leaves_out_what_was_due_before_and_after() {
        use Outcome::{Accepted, OtherStatus, Refused};
        let samples = samples(&[Accepted, Accepted, Refused, OtherStatus, Accepted, Accepted, Refused]);
        let loss = Loss::of(&samples, 2 * TENTH..6 * TENTH);
        assert_eq!(loss, Loss { offered: 4, accepted: 2, refused: 1 });
        assert_eq!((loss.share(), loss.refused_share()), (0.5, 0.25));
        assert_eq!(Loss::of(&samples, 20 * TENTH..30 * TENTH).share(), 0.0);
    }

    #[test]
    fn what_a_stall_silenced_is_counted() {
        let second = Duration::from_secs(1);
        // 10 a second; in the two seconds of the stall only the first three left, and two at its very end.
        let sent = [0, 500, 1000, 1100, 1200, 3000, 3100].map(Duration::from_millis);
        assert_eq!(never_sent(10.0, second..3 * second, sent), 17);
        let steady = (0..40).map(|n| TENTH * n);
        assert_eq!(never_sent(10.0, second..3 * second, steady), 0);
    }

    #[test]
    fn the_busiest_window_may_begin_at_any_look() {
        let looks =
            [(0, 1), (4, 1), (8, 5), (12, 9), (19, 9), (30, 12)].map(|(at, count)| (at * TENTH, count));
        assert_eq!(busiest(&looks, 10 * TENTH), 8, "from 0.4 s to 1.2 s");
        assert_eq!(busiest(&looks, 30 * TENTH), 11);
        assert_eq!(busiest(&looks, TENTH), 0);
        assert_eq!(busiest(&[], TENTH), 0);
    }

    #[test]
    fn only_what_was_sent_before_the_kill_was_in_memory() {
        use Outcome::{Accepted, Refused, Reset, TimedOut};
        let samples = samples(&[Accepted, Reset, Refused, Reset, TimedOut]);
        let fates: Vec<_> = samples.iter().map(|sample| Fate::of(sample, 3 * TENTH)).collect();
        let expected = [Some(Fate::Answered), Some(Fate::Lost), Some(Fate::Refused), Some(Fate::After), None];
        assert_eq!(fates, expected);
    }
}
