//! How much is lost below and above capacity, as what, and what a longer queue changes.

use std::ops::Range;
use std::time::Duration;

use testbed::load::Outcomes;
use testbed::prelude::*;
use testbed::theory::fluid_loss;

use super::{CAPACITY, IO, PATH, WORKERS, count, nothing_fails, start};

/// Longer than any wait of this file's checks: what is lost is lost to the line's length.
const NEVER: Duration = Duration::from_secs(20);

/// Below capacity nothing fails.
pub(super) async fn below_capacity(bed: Bed) -> Verdict {
    let service = start(&bed, 100, NEVER).await?;
    let schedule = Schedule::poisson(0.6 * CAPACITY, Duration::from_secs(3), 9);
    let run = bed.gets(&service, PATH, schedule).capacity(CAPACITY).start().finish().await?;
    nothing_fails(&run, "at 0.6 of capacity every request is answered 200")
}

/// Longer than anybody can wait, in whatever order the waiting are served: whoever comes first may be served last, when nobody
/// comes any more.
const PATIENCE: Duration = Duration::from_secs(15);

/// One way to lose what is too much.
struct Regime {
    name: &'static str,
    queue: usize,
    timeout: Duration,
    /// The status of what is lost.
    lost: u16,
}

/// A line of 8 is over in 8 / 40 s = 200 ms: nobody in it waits for the timeout.
const SHORT: Regime = Regime { name: "short line", queue: 8, timeout: NEVER, lost: 503 };
/// In 500 ms not more than 60 arrive: a line of 200 never fills.
const LONG: Regime = Regime { name: "long line", queue: 200, timeout: Duration::from_millis(500), lost: 504 };

/// Above capacity as many are lost as must be, whether the line is short and refuses or long and times out.
pub(super) async fn loss_follows_theory(bed: Bed) -> Verdict {
    let (a, b, c, d) = tokio::join!(
        loses(&bed, &SHORT, 1.5),
        loses(&bed, &SHORT, 3.0),
        loses(&bed, &LONG, 1.5),
        loses(&bed, &LONG, 3.0)
    );
    Ok(a?.and(b?).and(c?).and(d?))
}

async fn loses(bed: &Bed, regime: &Regime, load: f64) -> Verdict {
    /// At ρ = 1.5 the line of either regime is at its end after a second.
    const STEADY: Range<Duration> = Duration::from_millis(1500)..Duration::from_millis(4500);
    let Regime { name, queue, timeout, lost } = *regime;
    let label = format!("{name}, {load} times capacity");
    let service = start(bed, queue, timeout).await?;
    let schedule = Schedule::constant(load * CAPACITY, STEADY.end);
    let run = bed.gets(&service, PATH, schedule).patience(PATIENCE).label(&label).capacity(CAPACITY);
    let run = run.start().finish().await?;

    let seen = Loss::of(&run, STEADY);
    let other = if lost == 503 { seen.timed_out } else { seen.refused };
    promise(format!("{label}: what is not served is answered {lost}"))
        .observed(&seen)
        .likely(
            seen.refused + seen.timed_out == 0,
            "everybody is let in and waits, until patience ends: nothing bounds the line",
            "refuse whom QUEUE has no place for, and bound the wait by TIMEOUT_MS",
        )
        .likely(
            seen.otherwise > 0,
            "requests end in another way than 200, 503 or 504",
            "look at the server's stderr",
        )
        .likely(
            lost == 503,
            "the line takes more than QUEUE, and those in it wait in vain",
            "refuse at once whom the line has no place for",
        )
        .likely(
            true,
            "the line is shorter than QUEUE: it is full before anybody has waited for TIMEOUT_MS",
            "count who runs and who waits, and refuse beyond the sum of both",
        )
        .kept_if(seen.otherwise == 0 && other == 0 && seen.lost() > 0)?;
    follows(&label, &seen, load)
}

/// The steady loss is 1 − 1/ρ.
fn follows(label: &str, seen: &Loss, load: f64) -> Verdict {
    let (share, must, within) = (seen.share(), fluid_loss(load), tolerance(seen.offered));
    promise(format!("{label}: as many are lost as must be, 1 - 1/{load} of them"))
        .observed(Fact::measure(format!("{label}: lost"), 100.0 * share, "%"))
        .observed(Fact::measure("must be", 100.0 * must, "%"))
        .observed(Fact::measure("within points", 100.0 * within, ""))
        .observed(seen)
        .likely(
            share > must,
            "workers stand idle, or work for nobody, while requests are lost",
            "give a free worker the next request at once, and none that has been answered already",
        )
        .likely(
            true,
            "more is served than WORKERS can do: more run at once",
            "let WORKERS bound what runs, on whatever route",
        )
        .kept_if((share - must).abs() <= within)
}

/// By how much a right server's loss may differ from theory: at each end of the window up to [`WORKERS`] requests are half
/// in it, and a busy host makes each work a little longer (3 ms of 100 ms are 2 points at ρ = 1.5).
fn tolerance(offered: usize) -> f64 {
    2.0 * WORKERS as f64 / offered.max(1) as f64 + 0.02
}

/// What became of the requests that were due in one part of a run.
struct Loss {
    offered: usize,
    refused: usize,
    timed_out: usize,
    otherwise: usize,
}

impl Loss {
    fn of(run: &Outcomes, window: Range<Duration>) -> Loss {
        let ended = |status: Option<u16>| {
            count(run, |sample| window.contains(&sample.intended) && sample.status == status)
        };
        let offered = count(run, |sample| window.contains(&sample.intended));
        let (served, refused, timed_out) = (ended(Some(200)), ended(Some(503)), ended(Some(504)));
        Loss { offered, refused, timed_out, otherwise: offered - served - refused - timed_out }
    }

    fn lost(&self) -> usize {
        self.refused + self.timed_out + self.otherwise
    }

    fn share(&self) -> f64 {
        self.lost() as f64 / self.offered.max(1) as f64
    }
}

impl Observed for &Loss {
    fn facts(&self) -> Vec<Fact> {
        let split = format!("of {} refused {}, timed out {}", self.offered, self.refused, self.timed_out);
        let mut facts = vec![Fact::text(split)];
        if self.otherwise > 0 {
            facts.push(Fact::count("otherwise", self.otherwise));
        }
        facts
    }
}

/// A queue ten times as long delays the first failure ten times, and changes the loss by nothing.
pub(super) async fn longer_queue_only_delays(bed: Bed) -> Verdict {
    const LOAD: f64 = 2.5;
    const FACTOR: usize = 10;
    /// By when the longer queue is full as well: 120 places, of which 100 - 40 a second are filled.
    const FULL: Duration = Duration::from_millis(2200);
    const LENGTH: Duration = Duration::from_millis(4200);
    let offer = async |queue: usize| -> Result<_, Stop> {
        let service = start(&bed, queue, NEVER).await?;
        let load = bed.gets(&service, PATH, Schedule::constant(LOAD * CAPACITY, LENGTH));
        let load = load.patience(PATIENCE).label(&format!("queue of {queue}")).capacity(CAPACITY);
        load.start().finish().await
    };
    let (short, long) = tokio::join!(offer(12), offer(12 * FACTOR));
    let (short, long) = (short?, long?);

    let (Some(first), Some(later)) = (first_failure(&short), first_failure(&long)) else {
        return never_full(&short, &long);
    };
    let ratio = later.as_secs_f64() / first.as_secs_f64().max(IO.as_secs_f64() / 10.0);
    let delay = promise("a queue ten times as long is full ten times as late")
        .observed(Fact::duration("first failure, queue of 12", first))
        .observed(Fact::duration("queue of 120", later))
        .observed(Fact::measure("times", ratio, ""))
        .likely(
            ratio < 2.0,
            "both lines are of the same length: QUEUE does not decide it",
            "bound the line by QUEUE",
        )
        .likely(true, "the line's length is not QUEUE", "count who waits, and let QUEUE of them wait")
        .kept_if((6.0..=14.0).contains(&ratio))?;

    let (lost, still) = (Loss::of(&short, FULL..LENGTH), Loss::of(&long, FULL..LENGTH));
    let within = tolerance(lost.offered) + tolerance(still.offered);
    let same = promise("once both are full, both lose the same share")
        .observed(Fact::measure("lost, queue of 12", 100.0 * lost.share(), "%"))
        .observed(Fact::measure("queue of 120", 100.0 * still.share(), "%"))
        .observed(Fact::measure("must be", 100.0 * fluid_loss(LOAD), "%"))
        .likely(
            true,
            "a longer line makes the server itself slower or faster",
            "let the line only hold who waits: nothing in it may look through all of them",
        )
        .kept_if((lost.share() - still.share()).abs() <= within)?;

    let (short, long) = (mean_wait(&short), mean_wait(&long));
    let slower = promise("and those who are served have waited longer")
        .observed(Fact::duration("answered after, on average, queue of 12", short))
        .observed(Fact::duration("queue of 120", long))
        .likely(true, "too few were served, or the wait does not grow with the line", "look at the report")
        .kept_if(short < long)?;
    Ok(delay.and(same).and(slower))
}

/// How long those who were served took on average. By Little's law it depends on how many were there, and not on the order in which
/// they were served.
fn mean_wait(run: &Outcomes) -> Duration {
    let waits: Vec<Duration> = run.accepted().map(Sample::latency_from_intended).collect();
    waits.iter().sum::<Duration>() / u32::try_from(waits.len().max(1)).unwrap_or(u32::MAX)
}

/// When the first request came that was not served.
fn first_failure(run: &Outcomes) -> Option<Duration> {
    run.samples().iter().find(|sample| sample.outcome != Outcome::Accepted).map(|sample| sample.intended)
}

fn never_full(short: &Outcomes, long: &Outcomes) -> Verdict {
    promise("at 2.5 times capacity a queue of 12 is full, and so is one of 120")
        .observed(Fact::named(
            "queue of 12",
            format!("{} of {} served", short.counts().accepted, short.counts().scheduled),
        ))
        .observed(Fact::named(
            "queue of 120",
            format!("{} of {} served", long.counts().accepted, long.counts().scheduled),
        ))
        .likely(
            first_failure(short).is_some(),
            "the longer line is longer than QUEUE",
            "let QUEUE requests wait, and no more",
        )
        .likely(
            true,
            "the line takes everybody, or more than WORKERS run at once",
            "count who runs and who waits, and refuse beyond the sum of both",
        )
        .kept_if(false)
}
