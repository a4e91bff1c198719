//! A distribution of durations that prints no percentile it has too few samples for.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// A percentile is given only when at least this many samples lie beyond it: p99 from 1,000 samples on.
const BEYOND: f64 = 10.0;

/// An HDR histogram of durations: three significant digits, in microseconds.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u64>);

impl Latency {
    /// The distribution of these durations.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut histogram = Histogram::new(3).expect("three significant digits are allowed");
        for duration in durations {
            let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            histogram.record(micros).expect("it grows, so every value has a place");
        }
        Self(histogram)
    }

    /// How many durations there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The duration that `percent` of all do not exceed; `None` when too few samples support it (fewer than ten
    /// lie beyond: p50 needs 20, p90 100, p99 1,000).
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        (self.count() >= needed(percent)).then(|| micros(self.0.value_at_quantile(percent / 100.0)))
    }

    /// The longest, exact; `None` when there is none.
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| micros(self.0.max()))
    }

    /// The shortest; `None` when there is none.
    pub fn min(&self) -> Option<Duration> {
        (self.count() > 0).then(|| micros(self.0.min()))
    }

    /// The mean; `None` when there is none.
    pub fn mean(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_secs_f64(self.0.mean() / 1e6))
    }
}

/// How many samples support this percentile.
fn needed(percent: f64) -> u64 {
    // The binary fraction of 0.99 is a hair off, and p99 must need 1,000, not 1,001.
    let share_beyond = 1.0 - percent / 100.0;
    (BEYOND / share_beyond - 1e-6).ceil().max(1.0) as u64
}

fn micros(value: u64) -> Duration {
    Duration::from_micros(value)
}

/// `p50 3.1 ms · p90 5.0 ms · p99 - (1000 samples needed, 412 there) · max 12 ms`
impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(max) = self.max() else {
            return f.write_str("no samples");
        };
        for percent in [50.0, 90.0, 99.0] {
            match self.percentile(percent) {
                Some(value) => write!(f, "p{percent} {} · ", Millis(value))?,
                None => {
                    let count = self.count();
                    write!(f, "p{percent} - ({} samples needed, {count} there) · ", needed(percent))?;
                    break;
                }
            }
        }
        write!(f, "max {}", Millis(max))
    }
}

/// A duration in milliseconds, with as many digits as tell something: `0.14 ms`, `3.1 ms`, `240 ms`.
pub(super) struct Millis(pub(super) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_secs_f64() * 1e3;
        let digits = if millis < 1.0 {
            2
        } else if millis < 10.0 {
            1
        } else {
            0
        };
        write!(f, "{millis:.digits$} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_to(count: u64) -> Latency {
        Latency::of((1..=count).map(Duration::from_millis))
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        assert_eq!(one_to(19).percentile(50.0), None);
        assert!(one_to(20).percentile(50.0).is_some());
        assert_eq!(one_to(999).percentile(99.0), None);
        assert!(one_to(1000).percentile(99.0).is_some());
        assert_eq!(one_to(9_999).percentile(99.9), None);
        assert!(one_to(10_000).percentile(99.9).is_some());
        assert_eq!(one_to(10_000).percentile(100.0), None);
        assert_eq!(one_to(0).max(), None);
    }

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let latency = one_to(2000);
        for (percent, expected) in [(50.0, 1000.0), (90.0, 1800.0), (99.0, 1980.0)] {
            let found = latency.percentile(percent).unwrap().as_secs_f64() * 1e3;
            assert!((found / expected - 1.0).abs() < 0.002, "p{percent} is {found} ms, not {expected}");
        }
    }

    #[test]
    fn it_says_what_it_cannot_say() {
        assert_eq!(
            one_to(412).to_string(),
            "p50 206 ms · p90 371 ms · p99 - (1000 samples needed, 412 there) · max 412 ms"
        );
        assert_eq!(one_to(0).to_string(), "no samples");
    }
}
