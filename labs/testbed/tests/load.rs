//! The load generator, before it judges anyone: it accounts for every scheduled request, it measures truly, and it
//! says when it could not.
#![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use testbed::load::{Load, Outcome, Outcomes, Running, Schedule, Traffic};
use tokio::time::timeout;

#[path = "load/account.rs"]
mod account;
#[path = "load/crooked.rs"]
mod crooked;
#[path = "load/known.rs"]
mod known;
#[path = "load/milestones.rs"]
mod milestones;
#[path = "load/truth.rs"]
mod truth;
#[path = "load/void.rs"]
mod void;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// `GET /{n}`: a request that names its place in the schedule.
struct Numbered;

impl Traffic for Numbered {
    fn request(&self, n: usize) -> Request<Full<Bytes>> {
        Request::builder().uri(format!("/{n}")).body(Full::default()).unwrap()
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// `count` requests at 100 a second.
fn hundred_a_second(count: u64) -> Schedule {
    Schedule::constant(100.0, millis(10 * count))
}

/// Runs the load to its end. One that hangs is a failure with a name.
async fn finish(load: Load) -> Outcomes {
    timeout(Duration::from_secs(30), load.start().finish()).await.expect("the load did not end")
}

/// Every scheduled request has one sample, every sample one outcome, and every table sums to the same figures.
#[track_caller]
fn assert_accounted(outcomes: &Outcomes, scheduled: usize) {
    let counts = outcomes.counts();
    assert_eq!(counts.scheduled, scheduled as u64, "{counts:?}");
    assert_eq!(counts.ended(), counts.scheduled, "{counts:?}");
    assert_eq!(counts.in_flight, 0, "{counts:?}");
    let places: Vec<_> = outcomes.samples().iter().map(|sample| sample.n).collect();
    assert_eq!(places, Vec::from_iter(0..scheduled));
    let series = outcomes.per_second();
    assert_eq!(series.iter().map(|second| second.counts.scheduled).sum::<u64>(), counts.scheduled);
    for outcome in Outcome::ALL {
        assert_eq!(outcomes.ended(outcome).count() as u64, counts.of(outcome), "{outcome:?}");
        let in_series: u64 = series.iter().map(|second| second.counts.of(outcome)).sum();
        assert_eq!(in_series, counts.of(outcome), "{outcome:?} a second");
    }
    for sample in outcomes.samples() {
        assert!(sample.sent.is_none_or(|sent| sent >= sample.intended && sent <= sample.ended), "{sample:?}");
        assert_eq!(sample.sent.is_none(), sample.outcome == Outcome::Unsent, "{sample:?}");
    }
}
