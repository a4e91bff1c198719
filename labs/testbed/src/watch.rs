//! Watching a figure while load runs: the latest look and the highest so far.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How often a figure is looked at: often enough to see any state that lasts a tenth of a second.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How many looks in a row make a state that lasts.
const SETTLED: usize = 4;

/// A figure that has a highest value.
pub trait Peak: Copy + Send + Sync + 'static {
    /// The higher of the two, part by part.
    #[must_use]
    fn peak(self, other: Self) -> Self;
}

impl Peak for u64 {
    fn peak(self, other: Self) -> Self {
        self.max(other)
    }
}

/// Something that can be looked at again and again.
pub trait Gauge: Send + 'static {
    /// What a look gives.
    type Value: Peak;

    /// Takes one look; `None` when there is nothing to see any more, which ends the watch.
    fn look(&mut self) -> impl Future<Output = Option<Self::Value>> + Send;
}

/// A figure under watch. Dropping it ends the watch.
pub struct Watch<T> {
    seen: watch::Receiver<Seen<T>>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy)]
struct Seen<T> {
    first: T,
    latest: T,
    peak: T,
    looks: usize,
}

impl<T: Peak> Watch<T> {
    /// Watches what `gauge` shows, from a `first` look onwards.
    pub fn start(first: T, mut gauge: impl Gauge<Value = T>) -> Watch<T> {
        let (tell, seen) = watch::channel(Seen { first, latest: first, peak: first, looks: 1 });
        let task = tokio::spawn(async move {
            let mut ticks = interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(latest) = gauge.look().await else { return };
                tell.send_modify(|seen| {
                    *seen = Seen {
                        first: seen.first,
                        latest,
                        peak: seen.peak.peak(latest),
                        looks: seen.looks + 1,
                    };
                });
            }
        });
        Watch { seen, task }
    }

    /// What the first look saw.
    pub fn first(&self) -> T {
        self.seen.borrow().first
    }

    /// What the latest look saw.
    pub fn latest(&self) -> T {
        self.seen.borrow().latest
    }

    /// The highest that any look saw.
    pub fn peak(&self) -> T {
        self.seen.borrow().peak
    }

    /// How many looks were taken.
    pub fn looks(&self) -> usize {
        self.seen.borrow().looks
    }

    /// Waits until a new look satisfies `wanted`: the time it took, or `None` after `deadline`.
    pub async fn until(&self, deadline: Duration, wanted: impl Fn(T) -> bool) -> Option<Duration> {
        self.looks_in_a_row(1, deadline, wanted).await
    }

    /// Waits until [`SETTLED`] new looks in a row satisfy `wanted`, so that a moment between two pieces of work does not pass for
    /// rest: the time until the first of them, or `None` after `deadline`.
    pub async fn settles(&self, deadline: Duration, wanted: impl Fn(T) -> bool) -> Option<Duration> {
        self.looks_in_a_row(SETTLED, deadline, wanted).await
    }

    async fn looks_in_a_row(
        &self,
        count: usize,
        deadline: Duration,
        wanted: impl Fn(T) -> bool,
    ) -> Option<Duration> {
        let started = std::time::Instant::now();
        let mut seen = self.seen.clone();
        seen.mark_unchanged();
        let found = tokio::time::timeout(deadline, async {
            let (mut in_a_row, mut first) = (0, Duration::ZERO);
            loop {
                seen.changed().await.ok()?;
                if !wanted(seen.borrow_and_update().latest) {
                    in_a_row = 0;
                    continue;
                }
                if in_a_row == 0 {
                    first = started.elapsed();
                }
                in_a_row += 1;
                if in_a_row == count {
                    return Some(first);
                }
            }
        });
        found.await.ok().flatten()
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows one value a look, then nothing more.
    struct Script(std::vec::IntoIter<u64>);

    impl Gauge for Script {
        type Value = u64;

        async fn look(&mut self) -> Option<u64> {
            self.0.next()
        }
    }

    #[tokio::test]
    async fn a_moment_is_no_rest() {
        let long = Duration::from_secs(10);
        let restless = || Watch::start(7, Script(vec![5, 0, 5, 0, 0, 0, 5].into_iter()));
        assert!(restless().until(long, |busy| busy == 0).await.is_some());
        assert_eq!(restless().settles(long, |busy| busy == 0).await, None);
        let at_last = Watch::start(7, Script(vec![5, 0, 5, 0, 0, 0, 0].into_iter()));
        assert!(at_last.settles(long, |busy| busy == 0).await.is_some());
    }
}
