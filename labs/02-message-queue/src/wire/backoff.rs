//! Pauses between attempts: long enough not to hurt who is starting up, short enough to be back
//! soon.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// The first pause, at most.
const FIRST: Duration = Duration::from_millis(100);

/// The longest pause. However long the other side was away, we are back so soon after it.
const LONGEST: Duration = Duration::from_secs(2);

/// Pauses that double, up to [`LONGEST`].
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    longest_now: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { longest_now: FIRST }
    }
}

impl Backoff {
    /// How long to wait now. A random half of it is left out, so that many who lost the same server
    /// do not come back as one.
    #[must_use]
    pub fn pause(&mut self) -> Duration {
        let whole = self.longest_now;
        self.longest_now = (whole * 2).min(LONGEST);
        let jitter = RandomState::new().hash_one(whole) as u32; // Its keys are random.
        whole / 2 + whole.mul_f64(0.5 * f64::from(jitter) / f64::from(u32::MAX))
    }

    /// An attempt went well.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::default();
        for whole in [100, 200, 400, 800, 1_600, 2_000, 2_000].map(Duration::from_millis) {
            let pause = backoff.pause();
            assert!((whole / 2..=whole).contains(&pause), "{pause:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }

    #[test]
    fn pauses_differ() {
        let pauses: Vec<_> = (0..8).map(|_| Backoff::default().pause()).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }
}
