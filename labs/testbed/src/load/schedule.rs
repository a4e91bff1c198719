//! When each request is due: offsets from the start of the run, known before the run begins.

use std::fmt;
use std::time::Duration;

/// The arrival schedule of one run, as data.
///
/// Its `Display` names it with everything needed to make it again: `poisson 150/s for 6 s, seed 7 (903 requests)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    name: String,
    length: Duration,
    offsets: Vec<Duration>,
}

impl Schedule {
    /// `per_second` requests a second at even distances, the first at the start.
    ///
    /// # Panics
    /// When `per_second` is not a positive number.
    pub fn constant(per_second: f64, for_: Duration) -> Self {
        assert_rate(per_second);
        let count = (per_second * for_.as_secs_f64()).round() as usize;
        let offsets = (0..count).map(|n| Duration::from_secs_f64(n as f64 / per_second)).collect();
        Self { name: format!("constant {per_second}/s for {}", Seconds(for_)), length: for_, offsets }
    }

    /// A rate that goes evenly from `from` to `to` requests a second.
    ///
    /// # Panics
    /// When a rate is negative or both are zero.
    pub fn ramp(from: f64, to: f64, for_: Duration) -> Self {
        assert!(from >= 0.0 && to >= 0.0, "a rate cannot be negative: {from}, {to}");
        assert_rate(from + to);
        let seconds = for_.as_secs_f64();
        let slope = (to - from) / seconds;
        let count = ((from + to) / 2.0 * seconds).round() as usize;
        // By the moment t, from·t + slope·t²/2 requests are due. Solved for t in the form that stays exact when
        // the slope is small.
        let due = |n: usize| {
            let under_the_root = (from * from + 2.0 * slope * n as f64).max(0.0);
            let root_sum = from + under_the_root.sqrt();
            if root_sum == 0.0 { 0.0 } else { (2.0 * n as f64 / root_sum).min(seconds) }
        };
        let offsets = (0..count).map(|n| Duration::from_secs_f64(due(n))).collect();
        Self { name: format!("ramp {from}/s to {to}/s for {}", Seconds(for_)), length: for_, offsets }
    }

    /// Independent arrivals, `per_second` of them on average: the gaps are exponential. The same seed gives the
    /// same arrivals on every machine.
    ///
    /// # Panics
    /// When `per_second` is not a positive number.
    pub fn poisson(per_second: f64, for_: Duration, seed: u64) -> Self {
        assert_rate(per_second);
        let mut numbers = SplitMix(seed);
        let mut at = 0.0;
        let offsets = std::iter::from_fn(|| {
            at += -numbers.above_zero_to_one().ln() / per_second;
            Some(Duration::from_secs_f64(at))
        })
        .take_while(|offset| *offset < for_)
        .collect();
        let name = format!("poisson {per_second}/s for {}, seed {seed}", Seconds(for_));
        Self { name, length: for_, offsets }
    }

    /// How many requests are scheduled.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether nothing is scheduled.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// When each request is due, from the start of the run, in order.
    pub fn offsets(&self) -> &[Duration] {
        &self.offsets
    }

    /// How long the schedule lasts: the duration it was asked for.
    pub fn length(&self) -> Duration {
        self.length
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} requests)", self.name, self.offsets.len())
    }
}

#[track_caller]
fn assert_rate(per_second: f64) {
    assert!(per_second.is_finite() && per_second > 0.0, "a rate must be a positive number: {per_second}");
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, and the same everywhere and in every release.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In (0, 1]: its logarithm is always finite.
    fn above_zero_to_one(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_schedule_names_itself() {
        assert_eq!(
            Schedule::constant(180.0, 8 * SECOND).to_string(),
            "constant 180/s for 8 s (1440 requests)"
        );
        assert_eq!(
            Schedule::ramp(0.0, 100.0, 2 * SECOND).to_string(),
            "ramp 0/s to 100/s for 2 s (100 requests)"
        );
        let poisson = Schedule::poisson(150.0, 6 * SECOND, 7);
        let count = poisson.len();
        assert_eq!(poisson.to_string(), format!("poisson 150/s for 6 s, seed 7 ({count} requests)"));
    }

    #[test]
    fn constant_arrivals_do_not_drift() {
        let schedule = Schedule::constant(3.0, 1000 * SECOND);
        assert_eq!(schedule.len(), 3000);
        assert_eq!(schedule.offsets()[2997], 999 * SECOND);
    }

    #[test]
    fn a_ramp_is_a_straight_line_through_its_two_rates() {
        let schedule = Schedule::ramp(100.0, 300.0, 10 * SECOND);
        let due_in = |second: u32| {
            let range = second * SECOND..(second + 1) * SECOND;
            schedule.offsets().iter().filter(|offset| range.contains(*offset)).count()
        };
        assert_eq!(schedule.len(), 2000);
        assert!(due_in(0).abs_diff(110) <= 1, "{} due in the first second", due_in(0));
        assert!(due_in(9).abs_diff(290) <= 1, "{} due in the last second", due_in(9));
        assert!(schedule.offsets().is_sorted());

        let down = Schedule::ramp(100.0, 0.0, 10 * SECOND);
        assert_eq!(down.len(), 500);
        assert!(down.offsets().is_sorted());
        assert!(down.offsets()[499] <= 10 * SECOND);
    }

    #[test]
    fn poisson_gaps_are_exponential_and_the_seed_repeats_them() {
        let schedule = Schedule::poisson(100.0, 1000 * SECOND, 7);
        assert_eq!(schedule, Schedule::poisson(100.0, 1000 * SECOND, 7));
        assert_ne!(schedule, Schedule::poisson(100.0, 1000 * SECOND, 8));

        let count = schedule.len() as f64;
        assert!((count - 100_000.0).abs() < 5.0 * 100_000f64.sqrt(), "{count} arrivals");
        let gaps = schedule.offsets().windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
        let long = gaps.filter(|gap| *gap > 0.02).count() as f64 / count;
        let expected = (-2.0f64).exp();
        assert!((long - expected).abs() < 0.01, "{long} of the gaps exceed twice the mean, not {expected}");
    }
}
