//! Waits to about a tenth of a millisecond. The runtime's own timer ticks once a millisecond: with two waits a round
//! trip that would be more than a path may be wrong. A busy machine wakes a thread late, too; so the clock follows the
//! median of how late its alarms come, and sets them earlier by that much.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// A thread that sleeps from one alarm to the next. It ends when the clock is dropped.
#[derive(Debug)]
pub(super) struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    alarms: Mutex<Alarms>,
    earlier: Condvar,
    lead: Lead,
}

/// How late an alarm usually comes, in nanoseconds: half of the alarms come later than this, half earlier.
#[derive(Debug, Default)]
struct Lead(AtomicU64);

impl Lead {
    const STEP: u64 = 20_000;
    /// An alarm is never early by more than this, however slow the machine.
    const MOST: u64 = 500_000;

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn learn(&self, late: Duration) {
        // Alarms that are learnt from at once may lose a step to each other, which the next one makes good.
        let lead = self.0.load(Ordering::Relaxed);
        let lead =
            if late.as_nanos() > lead.into() { lead + Self::STEP } else { lead.saturating_sub(Self::STEP) };
        self.0.store(lead.min(Self::MOST), Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Alarms {
    /// By time, then by order of asking: two alarms may be due at one instant.
    pending: BTreeMap<(Instant, u64), Waker>,
    asked: u64,
    over: bool,
}

impl Clock {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ringing = shared.clone();
        thread::Builder::new().name("path-clock".into()).spawn(move || ringing.ring())?;
        Ok(Self { shared })
    }

    /// Completes once [`Clock::is_due`].
    pub(super) fn until(&self, due: Instant) -> Until<'_> {
        Until { shared: &self.shared, due, key: None }
    }

    /// Whether an instant has come, or is so near that a wait for it would end late.
    pub(super) fn is_due(&self, due: Instant) -> bool {
        self.shared.is_due(due)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.alarms().over = true;
        self.shared.earlier.notify_one();
    }
}

impl Shared {
    fn is_due(&self, due: Instant) -> bool {
        due <= Instant::now() + self.lead.get()
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let mut alarms = self.alarms();
        while !alarms.over {
            let now = Instant::now();
            alarms = match alarms.pending.first_key_value() {
                None => self.earlier.wait(alarms).unwrap_or_else(PoisonError::into_inner),
                Some((&(due, _), _)) if due > now => {
                    let (alarms, _) =
                        self.earlier.wait_timeout(alarms, due - now).unwrap_or_else(PoisonError::into_inner);
                    alarms
                }
                Some(_) => {
                    let later = alarms.pending.split_off(&(now, u64::MAX));
                    let due = std::mem::replace(&mut alarms.pending, later);
                    drop(alarms);
                    due.into_values().for_each(Waker::wake);
                    self.alarms()
                }
            };
        }
    }
}

/// A wait for an instant.
#[derive(Debug)]
pub(super) struct Until<'a> {
    shared: &'a Shared,
    due: Instant,
    key: Option<(Instant, u64)>,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if let Some((rings, _)) = self.key
            && rings <= now
        {
            self.shared.lead.learn(now - rings);
            return Poll::Ready(());
        }
        if self.shared.is_due(self.due) {
            return Poll::Ready(());
        }
        let mut alarms = self.shared.alarms();
        let key = self.key.unwrap_or_else(|| {
            alarms.asked += 1;
            (self.due.checked_sub(self.shared.lead.get()).unwrap_or(self.due), alarms.asked)
        });
        alarms.pending.insert(key, context.waker().clone());
        let is_first = alarms.pending.first_key_value().is_some_and(|(first, _)| *first == key);
        drop(alarms);
        if is_first {
            self.shared.earlier.notify_one();
        }
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.alarms().pending.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn alarms_ring_in_order_and_never_much_early() {
        let clock = Clock::start().unwrap();
        let begun = Instant::now();
        let rung = Mutex::new(Vec::new());
        let wait = async |milliseconds| {
            let due = begun + Duration::from_millis(milliseconds);
            clock.until(due).await;
            assert!(Instant::now() + Duration::from_nanos(Lead::MOST) >= due, "early");
            rung.lock().unwrap().push(milliseconds);
        };
        tokio::join!(wait(30), wait(10), wait(20), wait(0), async { drop(clock.until(begun)) });
        assert_eq!(*rung.lock().unwrap(), [0, 10, 20, 30]);
        assert!(clock.shared.alarms().pending.is_empty());
    }

    #[test]
    fn the_lead_follows_the_median() {
        let lead = Lead::default();
        for n in 0..1000 {
            lead.learn(Duration::from_micros(if n % 3 == 0 { 90_000 } else { 150 }));
        }
        assert!(lead.get().abs_diff(Duration::from_micros(150)) <= Duration::from_micros(40), "{lead:?}");
        (0..100).for_each(|_| lead.learn(Duration::from_secs(1)));
        assert_eq!(lead.get(), Duration::from_nanos(Lead::MOST));
    }

    #[test]
    fn the_thread_ends_with_the_clock() {
        let clock = Clock::start().unwrap();
        let shared: Weak<Shared> = Arc::downgrade(&clock.shared);
        drop(clock);
        let deadline = Instant::now() + Duration::from_secs(5);
        while shared.strong_count() > 0 {
            assert!(Instant::now() < deadline, "the thread still runs");
            thread::yield_now();
        }
    }
}
