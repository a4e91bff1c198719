//! What holds below, above and after capacity. Capacity is pool size divided by the insert's service time: 6 / 100 ms.

use std::ops::Range;
use std::time::Duration;

use crate::contract::prelude::*;
use testbed::watch::Watch;

use super::outage::HOST;

/// The pool of connections.
const POOL: usize = 6;
/// How long an insert keeps its connection busy, by a trigger in the database.
const SERVICE_TIME: Duration = Duration::from_millis(100);
/// What the pool makes of it, in posts a second.
const CAPACITY: f64 = 60.0;
/// What goodput may be in percent of capacity. Less is lost; more cannot have been done.
const LEAST: f64 = 90.0;
const MOST: f64 = 110.0;
/// The contract's default for REQUEST_TIMEOUT_MS.
const DEADLINE: Duration = Duration::from_secs(2);
/// The contract's bound of what resident memory may grow by, in bytes.
const MEMORY: u64 = 512 << 20;

async fn start(bed: &Bed) -> Result<Subject, Stop> {
    let service = bed.service().pool(POOL).start().await?;
    bed.database().service_time(SERVICE_TIME).await?;
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
    let goodput = goodput_holds(&run, DEADLINE..LENGTH)?;
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
            late > 0,
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

fn goodput_holds(run: &Finished, window: Range<Duration>) -> Verdict {
    let counts = run.counts();
    let goodput = run.goodput(window);
    let share = 100.0 * goodput / CAPACITY;
    let refused = 100.0 * (counts.scheduled - counts.accepted) as f64 / counts.scheduled.max(1) as f64;
    let slow = run.latency_from_send(|sample| sample.outcome == Outcome::Accepted).percentile(50.0);
    let waited = run.latency_from_send(|sample| sample.outcome == Outcome::Refused).percentile(50.0);
    promise("goodput stays near capacity, between 90 % and 110 % of it, while three times as much is offered")
        .observed(counts)
        .observed(Fact::measure("goodput", goodput, "/s"))
        .observed(Fact::measure("of capacity", share, "%"))
        .observed(Fact::measure("not accepted", refused, "%"))
        .likely(
            share > MOST,
            "more posts are answered 201 than the pool can have committed: the answer leaves before the commit, or statements \
             run beside the pool",
            "await the insert, then answer; send every statement through the one pool",
        )
        .likely(
            slow.is_some_and(|slow| slow > DEADLINE),
            "the pool works on posts whose senders have given up",
            "drop work whose deadline has passed",
        )
        .likely(
            waited.is_some_and(|waited| waited > DEADLINE / 2),
            "the refused waited for long first: in so long a line whoever gets a connection has hardly any time left, or none",
            "bound the line by what can be served inside the deadline, and refuse at once beyond it",
        )
        .likely(
            counts.accepted * 4 < counts.scheduled,
            "posts are refused at once while connections stand idle",
            "refuse because the line is full now, not because it was full a while ago",
        )
        .likely(
            true,
            "connections are held while no insert runs, or work that was refused still holds them",
            "hold a connection for the insert alone, and do nothing after a refusal",
        )
        .kept_if((LEAST..=MOST).contains(&share))
}

/// After a storm of the longest posts, the same process serves as before.
pub(super) async fn serves_again(bed: Bed) -> Verdict {
    let service = start(&bed).await?;
    let memory = service.watch_memory()?;
    let storm = Schedule::constant(3.0 * CAPACITY, Duration::from_secs(3));
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
    let calm = Schedule::poisson(0.6 * CAPACITY, Duration::from_secs(3), 11);
    let calm = bed.posts(&service, calm).label("after the storm").capacity(CAPACITY).start().finish().await?;
    let calm = nothing_fails(&calm, "after the storm, at 0.6 of capacity, every post is accepted")?;
    let ledger = bed.ledger(&storm).await?;
    let clean = promise("every post answered 201 in the storm is stored, once")
        .observed(&ledger)
        .kept_if(ledger.is_clean())?;
    Ok(kept.and(calm).and(clean))
}

/// Never more connections to the database than the pool has.
pub(super) async fn bounded_connections(bed: Bed) -> Verdict {
    const FEW: usize = 3;
    /// Of DATABASE_MAX_CONNECTIONS, by the contract.
    const DEFAULT: usize = 10;
    let service = bed.service().pool(FEW).start().await?;
    bed.database().service_time(SERVICE_TIME).await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let length = Duration::from_secs(3);
    let load = bed.posts(&service, Schedule::constant(90.0, length)).capacity(30.0).start();
    // Posts come first, however they end: what a service meets first must not be chance.
    testbed::wait::until(length, async || (load.counts().ended() > 0).then_some(())).await;
    let reads =
        bed.gets(&service, "/posts", Schedule::constant(30.0, length)).label("reads beside it").start();
    let (run, _) = (load.finish().await?, reads.finish().await?);
    let peak = connections.peak().open;
    let busy = promise(format!(
        "with DATABASE_MAX_CONNECTIONS={FEW} there are never more than {FEW} connections to the database"
    ))
    .observed(Fact::count("most at once", peak))
    .observed(Fact::count("looks", connections.looks()))
    .observed(Fact::count("offered", run.counts().scheduled))
    .observed(Fact::count("accepted", run.counts().accepted))
    .likely(
        peak == DEFAULT,
        "there are as many as the contract's default: DATABASE_MAX_CONNECTIONS is not what decides",
        "take the pool's size from DATABASE_MAX_CONNECTIONS",
    )
    .likely(
        peak > 2 * FEW,
        "each request opens a connection of its own",
        "make one pool at the start, and share it",
    )
    .likely(
        peak > FEW,
        "a second pool (one for reads, perhaps), or a connection beside it",
        "send every statement through the one pool",
    )
    .likely(
        true,
        "no post is accepted at all, so nothing is seen of the connections",
        "post by hand first: cargo lab check 01 --only create-then-read",
    )
    .kept_if(peak <= FEW && run.counts().accepted > 0)?;
    service.kill().await?;
    let abandoned = abandoned_statements(&bed, FEW).await?;
    Ok(busy.and(abandoned).and(by_default(&bed, DEFAULT).await?))
}

/// Without the setting there are as many connections as the contract's default says.
async fn by_default(bed: &Bed, default: usize) -> Verdict {
    bed.database().end_connections().await?;
    let service = bed.start().await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let load = bed.posts(&service, Schedule::constant(200.0, Duration::from_millis(1500)));
    let run = load
        .label("no setting")
        .capacity(default as f64 / SERVICE_TIME.as_secs_f64())
        .start()
        .finish()
        .await?;
    let peak = connections.peak().open;
    promise(format!("without DATABASE_MAX_CONNECTIONS there are never more than {default} connections"))
        .observed(Fact::count("offered without the setting", run.counts().scheduled))
        .observed(Fact::count("most at once without it", peak))
        .likely(true, "the default is another one", format!("take {default} where nothing is said"))
        .kept_if(peak <= default)
}

/// A statement that outlives its request still has its connection.
async fn abandoned_statements(bed: &Bed, few: usize) -> Verdict {
    // Those of the process before it: the server may take a moment to see that it is gone.
    bed.database().end_connections().await?;
    let service = bed.service().pool(few).deadline(Duration::from_millis(500)).start().await?;
    let hold = bed.database().hold_inserts().await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let load = bed.posts(&service, Schedule::constant(20.0, Duration::from_secs(3)));
    let run = load.label("no insert ends in time").start().finish().await?;
    let peak = connections.peak().open;
    hold.release().await?;
    promise(format!("also while no insert ends in time there are never more than {few} connections"))
        .observed(Fact::count("offered while none ends", run.counts().scheduled))
        .observed(Fact::count("most at once then", peak))
        .likely(
            true,
            "the service gave up on a statement and opened another connection, while the database was still busy with the first",
            "let the database end it (statement_timeout) or cancel it, and lend the connection again only then",
        )
        .kept_if(peak <= few)
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
            counts.refused > 0,
            "the service refuses work that it has room for",
            "look at what the admission counts, and when it gives a place back",
        )
        .likely(
            counts.timed_out > 0,
            "a request waits for something that never comes, and longer than its deadline",
            "look at who ends the wait (a connection that is given back, a task that is woken), and bound it all the same",
        )
        .likely(
            counts.reset > 0,
            "the handler ended without an answer",
            "turn every error and every panic into an answer; the unit tests of http.rs try each",
        )
        .likely(
            counts.other_status > 0,
            "good posts are answered with another status than 201",
            "post once by hand and read the answer: cargo lab check 01 --only create-then-read",
        )
        .kept_if(counts.accepted == counts.scheduled)
}
