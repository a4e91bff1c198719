//! What a finished run gives: one sample for each scheduled request, and what follows from them.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::board::GRACE;
use super::latency::{Latency, Millis};
use super::outcome::{Counts, Outcome, Sample};
use super::schedule::Schedule;

/// What a finished run leaves.
pub(super) struct Final {
    pub(super) samples: Vec<Sample>,
    pub(super) counts: Counts,
    pub(super) opened: u64,
    pub(super) fault: Option<String>,
}

/// The samples of one run.
#[derive(Clone, Debug)]
pub struct Outcomes {
    schedule: String,
    length: Duration,
    started: Instant,
    started_at: SystemTime,
    samples: Vec<Sample>,
    counts: Counts,
    connections: u64,
    fault: Option<String>,
}

/// One second of a run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Second {
    /// Which one, from 0.
    pub second: u64,
    /// Those that were due in it as scheduled, those that ended in it by their outcome, and those that were in flight at its end.
    #[serde(flatten)]
    pub counts: Counts,
    /// Median latency, from the intended start, of the requests accepted in this second, in milliseconds;
    /// nothing when fewer than 20 were.
    pub p50_ms: Option<f64>,
    /// The longest of these latencies, in milliseconds.
    pub max_ms: Option<f64>,
}

impl Outcomes {
    pub(super) fn new(schedule: &Schedule, started: Instant, started_at: SystemTime, end: Final) -> Self {
        Self {
            schedule: schedule.to_string(),
            length: schedule.length(),
            started,
            started_at,
            samples: end.samples,
            counts: end.counts,
            connections: end.opened,
            fault: end.fault,
        }
    }

    /// The schedule in words.
    pub fn schedule(&self) -> &str {
        &self.schedule
    }

    /// The moment from which all offsets count.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The same moment on the wall clock.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// How many ended how.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many connections were opened, or tried.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Every scheduled request, in the order of the schedule.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The requests that ended so.
    pub fn ended(&self, outcome: Outcome) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.outcome == outcome)
    }

    /// The accepted requests.
    pub fn accepted(&self) -> impl Iterator<Item = &Sample> {
        self.ended(Outcome::Accepted)
    }

    /// The requests that had surely arrived at an instant of the load, for they had left so long before it, and had not ended yet.
    pub fn in_flight_at(&self, instant: Duration, arrived: Duration) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| {
            sample.sent.is_some_and(|sent| sent + arrived < instant) && sample.ended > instant
        })
    }

    /// The share of scheduled requests that were not accepted, from 0 to 1; `None` without samples.
    pub fn loss(&self) -> Option<f64> {
        let Counts { scheduled, accepted, .. } = self.counts;
        (scheduled > 0).then(|| (scheduled - accepted) as f64 / scheduled as f64)
    }

    /// Latency from the intended start, of the samples that `filter` takes.
    pub fn latency_from_intended(&self, filter: impl Fn(&Sample) -> bool) -> Latency {
        Latency::of(self.samples.iter().filter(|sample| filter(sample)).map(Sample::latency_from_intended))
    }

    /// Latency from the actual send, of the sent samples that `filter` takes.
    pub fn latency_from_send(&self, filter: impl Fn(&Sample) -> bool) -> Latency {
        Latency::of(self.samples.iter().filter(|sample| filter(sample)).filter_map(Sample::latency_from_send))
    }

    /// How late the requests left the generator.
    pub fn send_lag(&self) -> Latency {
        Latency::of(self.samples.iter().filter_map(Sample::send_lag))
    }

    /// Accepted answers a second, of those that ended in `window` (offsets from the start).
    pub fn goodput(&self, window: Range<Duration>) -> f64 {
        let accepted = self.accepted().filter(|sample| window.contains(&sample.ended)).count();
        accepted as f64 / (window.end.saturating_sub(window.start)).as_secs_f64()
    }

    /// The run second by second, from its start to its last end. Each column sums to its total.
    pub fn per_second(&self) -> Vec<Second> {
        let last = self.samples.iter().map(|sample| sample.ended.max(sample.intended).as_secs()).max();
        let count = last.map_or(0, |last| last + 1);
        let mut series: Vec<_> = (0..count).map(|second| Second { second, ..Second::default() }).collect();
        let mut accepted = vec![Vec::new(); series.len()];
        for sample in &self.samples {
            let ended = sample.ended.as_secs() as usize;
            series[sample.intended.as_secs() as usize].counts.scheduled += 1;
            series[ended].counts.add(sample.outcome);
            if sample.outcome == Outcome::Accepted {
                accepted[ended].push(sample.latency_from_intended());
            }
            if let Some(sent) = sample.sent {
                series[sent.as_secs() as usize..ended]
                    .iter_mut()
                    .for_each(|second| second.counts.in_flight += 1);
            }
        }
        for (second, latencies) in series.iter_mut().zip(accepted) {
            let latency = Latency::of(latencies);
            second.p50_ms = latency.percentile(50.0).map(millis);
            second.max_ms = latency.max().map(millis);
        }
        series
    }

    /// Why this run says nothing about the server, in plain words with figures; `None` when it does.
    ///
    /// A run is void when nothing was sent, when more than one request in a thousand was never sent, or when more
    /// than one in a hundred left later than its bound: ten gaps between requests, at least 10 ms, at most 50 ms.
    /// (Ten gaps late, the arrivals are no longer those of the schedule; at low rates 50 ms already is a
    /// host that stands still.) Up to ten such requests are forgiven, as for every percentile.
    pub fn void(&self) -> Option<String> {
        let Counts { scheduled, unsent, .. } = self.counts;
        if scheduled == unsent {
            let cause = self.fault.as_deref().unwrap_or("nothing was due");
            return Some(format!("no request was sent ({}): {cause}", self.schedule));
        }
        if unsent * 1000 > scheduled {
            let cause = self.fault.as_deref().unwrap_or("for an unknown reason");
            return Some(format!("{unsent} of {scheduled} requests were never sent: {cause}"));
        }
        let bound = self.lag_bound();
        let late = self.samples.iter().filter_map(Sample::send_lag).filter(|lag| *lag > bound).count() as u64;
        let sent = scheduled - unsent;
        (late > (sent / 100).max(sent.div_ceil(2).min(10))).then(|| {
            format!(
                "this host could not keep the schedule: {late} of {sent} requests left more than {} late \
                 (send lag {})",
                Millis(bound),
                self.send_lag()
            )
        })
    }

    fn lag_bound(&self) -> Duration {
        let scheduled = self.counts.scheduled + self.counts.cut;
        let gap = self.length.div_f64(scheduled.max(1) as f64);
        (gap * 10).clamp(Duration::from_millis(10), GRACE)
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
