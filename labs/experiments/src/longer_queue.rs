//! Two queues, one ten times as long as the other, under the same load above capacity.

use std::ops::Range;
use std::time::Duration;

use serde_json::json;
use testbed::bed::Bed;
use testbed::load::{Outcome, Schedule};
use testbed::report::Timeline;
use testbed::report::figure::timeline_svg;
use testbed::theory::fluid_loss;
use testbed::verdict::Stop;

use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::{Loss, first_failure};
use crate::subject::{Ran, gets, server};

const WORKERS: usize = 4;
const PATH: &str = "/io/100";
/// What four workers make of 100 ms, in requests a second.
const CAPACITY: f64 = 40.0;
const LOAD: f64 = 1.5;
const LENGTH: Duration = Duration::from_secs(12);
/// The longer queue is full after 120 / (60 - 40) s = 6 s.
const STEADY: Range<Duration> = Duration::from_secs(7)..LENGTH;

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let (short, long) = tokio::try_join!(offer(&bed, 12), offer(&bed, 120))?;
    let mut table =
        Table::of(&["QUEUE", "first failure", "lost from 7 s on", "must be", "median of the accepted then"]);
    let (a, b) = (Seen::of(&short), Seen::of(&long));
    for (queue, seen) in [("12", &a), ("120", &b)] {
        table.row([
            queue.to_owned(),
            format!("{:.1} s", seen.first.as_secs_f64()),
            format!("{:.1}%", 100.0 * seen.loss),
            format!("{:.1}%", 100.0 * fluid_loss(LOAD)),
            format!("{} ms", seen.median.as_millis()),
        ]);
    }
    let later = b.first.as_secs_f64() / a.first.as_secs_f64().max(0.01);
    let sentence = format!(
        "A queue ten times as long put the first failure off from {:.1} s to {:.1} s. Then it loses {:.1}% where the short \
         one loses {:.1}%, and who is served waits {} ms instead of {} ms.",
        a.first.as_secs_f64(),
        b.first.as_secs_f64(),
        100.0 * b.loss,
        100.0 * a.loss,
        b.median.as_millis(),
        a.median.as_millis()
    );
    let figure = |label, run| timeline_svg(&Timeline::of(label, Some(CAPACITY), run));
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("ten times the queue is full about ten times as late", (5.0..=15.0).contains(&later)),
            claim(
                "both lose the same share in the end, within 5 points",
                (a.loss - b.loss).abs() <= 0.05 && a.loss > 0.0,
            ),
            claim("who is served waits more than three times as long", b.median > 3 * a.median),
        ],
        figures: vec![
            ("longer-queue-12", figure("a queue of 12", &short)),
            ("longer-queue-120", figure("a queue of 120", &long)),
        ],
        data: json!({ "queue of 12": raw(&short), "queue of 120": raw(&long) }),
    })
}

async fn offer(bed: &Bed, queue: usize) -> Result<Ran, Stop> {
    let server =
        server(bed).set("WORKERS", WORKERS).set("QUEUE", queue).set("TIMEOUT_MS", 20_000).start().await?;
    let schedule = Schedule::constant(LOAD * CAPACITY, LENGTH);
    gets(bed, &format!("queue of {queue:>3}"), &server, PATH, schedule).await
}

struct Seen {
    /// When the first request was due that failed; the run's length when none did.
    first: Duration,
    /// The share that was lost in the steady state.
    loss: f64,
    /// The median latency of those accepted in it.
    median: Duration,
}

impl Seen {
    fn of(run: &Ran) -> Seen {
        let accepted = run.latency_from_intended(|sample| {
            sample.outcome == Outcome::Accepted && STEADY.contains(&sample.intended)
        });
        Seen {
            first: first_failure(run.samples()).unwrap_or(LENGTH),
            loss: Loss::of(run.samples(), STEADY).share(),
            median: accepted.percentile(50.0).unwrap_or_default(),
        }
    }
}
