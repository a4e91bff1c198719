//! What holds below, above and after capacity. Capacity is pool size divided by the insert's service time: 6 / 100 ms.

use std::time::Duration;

use crate::contract::prelude::*;
use testbed::watch::Watch;

use super::goodput;
use super::leaks::nothing_leaks;
use super::outage::HOST;

/// The pool of connections.
pub(super) const POOL: usize = 6;
/// How long a row keeps its connection busy, by a trigger in the database: a statement of many rows gains nothing.
pub(super) const SERVICE_TIME: Duration = Duration::from_millis(100);
/// What the pool makes of it, in posts a second.
pub(super) const CAPACITY: f64 = 60.0;
/// The contract's default for REQUEST_TIMEOUT_MS.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);
/// The contract's bound of what resident memory may grow by, in bytes.
const MEMORY: u64 = 512 << 20;

async fn start(bed: &Bed) -> Result<Subject, Stop> {
    let service = bed.service().pool(POOL).start().await?;
    bed.database().row_time(SERVICE_TIME).await?;
    Ok(service)
}

/// Below capacity nothing fails.
pub(super) async fn below_capacity(bed: Bed) -> Verdict {
    let service = start(&bed).await?;
    let schedule = Schedule::poisson(0.6 * CAPACITY, Duration::from_secs(4), 9);
    let run = bed.posts(&service, schedule).capacity(CAPACITY).start().finish().await?;
    nothing_fails(&run, "at 0.6 of capacity every post is accepted")
}

/// At three times capacity the service still does its work, and says so to whom it cannot serve.
pub(super) async fn three_times_capacity(bed: Bed) -> Verdict {
    const LENGTH: Duration = Duration::from_secs(6);
    let service = start(&bed).await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let memory = service.watch_memory()?;
    let load = bed.posts(&service, Schedule::constant(3.0 * CAPACITY, LENGTH)).capacity(CAPACITY).start();
    let run = load.finish().await?;
    let answered = bed.database().rows().await?;
    let at_rest = connections.settles(DEADLINE + HOST, |seen| seen.busy == 0).await;

    let refusals = refusals_are_explicit(&run)?;
    let rest = work_ends_with_the_answers(at_rest, bed.database().rows().await? - answered)?;
    let later = nothing_is_done_later(&bed.ledger(&run).await?)?;
    let peak = connections.peak().open;
    let bounds = promise(format!("never more than {POOL} connections"))
        .observed(Fact::count("connections", peak))
        .likely(true, "connections are opened beside the pool", "send every statement through the one pool")
        .kept_if(peak <= POOL)?;
    let memory = memory_is_bounded(&memory)?;
    // The first seconds fill the line; from the deadline on the service is in its steady state.
    let goodput = goodput::holds(&bed, &run, DEADLINE..LENGTH).await?;
    Ok(goodput.and(refusals).and(rest).and(later).and(bounds).and(memory))
}

fn refusals_are_explicit(run: &Finished) -> Verdict {
    let counts = run.counts();
    let is_late = |sample: &&Sample| sample.latency_from_send().is_some_and(|took| took > DEADLINE + HOST);
    let late = run.samples().iter().filter(is_late).count();
    let is_bare = |sample: &&Sample| sample.outcome != Outcome::Accepted && !sample.is_explicit_refusal();
    let bare = run.samples().iter().filter(is_bare).count();
    promise("what is not accepted is refused inside the deadline, with 503, Retry-After and problem+json")
        .observed(counts)
        .observed(Fact::count("late", late))
        .observed(Fact::count("without a proper 503", bare))
        .likely(
            counts.scheduled == counts.reset,
            "the handler ends without an answer",
            "post by hand first: cargo lab check 01 --only create-then-read",
        )
        .likely(
            // On a busy host some of those that end wrongly at once are late as well.
            late > 0 && late * 2 >= bare,
            "requests wait longer than the deadline before they are refused",
            "give the wait for a connection less than the request's deadline, and bound the line",
        )
        .likely(
            counts.other_status > 0,
            "the refusal has another status than 503",
            "503 says it: not you, not now",
        )
        .likely(
            counts.timed_out + counts.reset > 0,
            "requests end without an answer",
            "answer 503 before the deadline",
        )
        .likely(
            true,
            "the 503 does not say when to come back, or not in the one error shape",
            "send Retry-After and problem+json with every 503",
        )
        .kept_if(late == 0 && bare == 0)
}

/// `later` is how many rows came after the last answer, while the database was watched.
fn work_ends_with_the_answers(at_rest: Option<Duration>, later: i64) -> Verdict {
    promise("once the last answer is out, the database is at rest within the deadline")
        .observed(match at_rest {
            Some(after) => Fact::duration("at rest after", after),
            None => Fact::named("at rest after", "never"),
        })
        .observed(Fact::count("stored after the last answer", later))
        .likely(
            later > 0,
            "refused posts still stand in a queue behind the pool, and are done for nobody",
            "drop the work together with the request",
        )
        .likely(true, "work goes on that nobody waits for", "drop the work together with the request")
        .kept_if(at_rest.is_some())
}

/// A post that the deadline cut off in the middle of its insert may be stored all the same; a tenth of the refused never is.
fn nothing_is_done_later(ledger: &Ledger) -> Verdict {
    let done_later = ledger.refused_yet_stored.len();
    let refused = ledger.refused;
    promise("what was refused is not done later")
        .observed(Fact::count("refused", refused))
        .observed(Fact::count("of these stored later", done_later))
        .likely(
            true,
            "refused posts still stood in a queue behind the pool",
            "drop the work together with the request",
        )
        .kept_if(done_later * 10 <= refused)
}

/// After a storm of the longest posts, the same process serves as before.
pub(super) async fn serves_again(bed: Bed) -> Verdict {
    let service = start(&bed).await?;
    let memory = service.watch_memory()?;
    let storm = Schedule::constant(3.0 * CAPACITY, Duration::from_secs(2));
    let storm =
        bed.posts(&service, storm).label("the storm").capacity(CAPACITY).heavy().start().finish().await?;
    let kept = promise("in the storm some posts are accepted")
        .observed(storm.counts())
        .likely(
            true,
            "nothing at all is accepted",
            "post by hand first: cargo lab check 01 --only create-then-read",
        )
        .kept_if(storm.counts().accepted > 0)?
        .and(memory_is_bounded(&memory)?);
    let calm = Schedule::poisson(0.6 * CAPACITY, Duration::from_secs(2), 11);
    let calm = bed.posts(&service, calm).label("after the storm").capacity(CAPACITY).start().finish().await?;
    let calm = nothing_fails(&calm, "after the storm, at 0.6 of capacity, every post is accepted")?;
    let ledger = bed.ledger(&storm).await?;
    let clean = promise("every post answered 201 in the storm is stored, once")
        .observed(&ledger)
        .kept_if(ledger.is_clean())?;
    Ok(kept.and(calm).and(clean).and(nothing_leaks(&bed, &service, CAPACITY, SERVICE_TIME).await?))
}

fn memory_is_bounded(memory: &Watch<u64>) -> Verdict {
    let grown = memory.peak().saturating_sub(memory.first());
    promise(format!("memory grows by less than {} MiB", MEMORY >> 20))
        .observed(Fact::measure("memory grew by", grown as f64 / f64::from(1 << 20), "MiB"))
        .likely(true, "something is kept for every post that comes", "bound every queue and every cache")
        .kept_if(grown < MEMORY)
}

fn nothing_fails(run: &Finished, sentence: &str) -> Verdict {
    let counts = run.counts();
    let latency = run.latency_from_intended(|_| true);
    promise(sentence)
        .observed(counts)
        .observed(latency.percentile(50.0).map(|p50| Fact::duration("p50", p50)))
        .likely(
            counts.mostly(Outcome::Refused),
            "the service refuses work that it has room for",
            "look at what the admission counts, and when it gives a place back",
        )
        .likely(
            counts.mostly(Outcome::TimedOut),
            "a request waits for something that never comes, and longer than its deadline",
            "look at who ends the wait (a connection that is given back, a task that is woken), and bound it all the same",
        )
        .likely(
            counts.mostly(Outcome::Reset),
            "the handler ended without an answer",
            "turn every error and every panic into an answer; the unit tests of http.rs try each",
        )
        .likely(
            counts.mostly(Outcome::OtherStatus),
            "good posts are answered with another status than 201",
            "post once by hand and read the answer: cargo lab check 01 --only create-then-read",
        )
        .kept_if(counts.accepted == counts.scheduled)
}
