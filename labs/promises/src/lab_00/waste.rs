//! Work for nobody: for those who were told that it took too long, for those who have gone, and what is left of it later.

use std::ops::Range;
use std::time::{Duration, Instant};

use testbed::load::Outcomes;
use testbed::prelude::*;

use super::{CAPACITY, IO, PATH, count, nothing_fails, start, with};

/// How long a request may wait for a worker.
const TIMEOUT: Duration = Duration::from_millis(500);
/// How long a client waits: longer than TIMEOUT_MS and the work after it, so that everybody who is begun is still there.
const PATIENCE: Duration = Duration::from_millis(1200);
/// Far more than can arrive in TIMEOUT_MS: only time bounds the line.
const QUEUE: usize = 1000;

/// At three times capacity, with a line without end and clients of finite patience, workers work for who is still there.
pub(super) async fn goodput_holds(bed: Bed) -> Verdict {
    const STEADY: Range<Duration> = Duration::from_millis(1500)..Duration::from_millis(4500);
    let service = start(&bed, QUEUE, TIMEOUT).await?;
    let load = bed.gets(&service, PATH, Schedule::constant(3.0 * CAPACITY, STEADY.end));
    let run = load.patience(PATIENCE).capacity(CAPACITY).start().finish().await?;

    let goodput = run.goodput(STEADY);
    let share = 100.0 * goodput / CAPACITY;
    let timed_out = count(&run, |sample| sample.status == Some(504));
    promise(
        "at three times capacity goodput stays near capacity, 90 % to 110 % of it, however long the queue is",
    )
    .observed(Fact::measure("goodput", goodput, "/s"))
    .observed(Fact::measure("of capacity", share, "%"))
    .observed(run.counts())
    .observed(Fact::count("of these 504", timed_out))
    .likely(
        run.counts().refused > 0,
        "requests are refused although the line has room",
        "count who runs and who waits, and refuse beyond the sum of both",
    )
    .likely(
        share > 110.0,
        "more is served than WORKERS can do: more run at once",
        "let WORKERS bound what runs, on whatever route",
    )
    .likely(
        share < 90.0 && work_is_cut_short(&service).await?,
        "requests that a worker had begun were answered 504: TIMEOUT_MS bounds the work as well as the wait",
        "end the wait with TIMEOUT_MS, and let work that has begun run to its end and be answered",
    )
    .likely(
        timed_out > 0 && share < 30.0,
        "the workers are busy with requests that were answered 504 long ago: almost nobody whom they \
             serve is still there",
        "when the wait ends, take the work out of the queue: nobody will read its result",
    )
    .likely(
        timed_out == 0 && run.counts().timed_out > 0,
        "requests wait for longer than TIMEOUT_MS, and their clients lose patience before they are served",
        "give the wait in the line an end, and answer 504 then",
    )
    .likely(
        true,
        "workers stand idle, or work for nobody, while requests are lost",
        "give a free worker the next request at once, and none that has been answered already",
    )
    .kept_if((90.0..=110.0).contains(&share))
}

/// Whether a request that a worker runs, with nobody waiting, is answered 504 when TIMEOUT_MS is over.
async fn work_is_cut_short(service: &Subject) -> Result<bool, Stop> {
    let idle = testbed::wait::until(4 * TIMEOUT, async || {
        service.get("/io/0").send().await.is_ok_and(|answer| answer.status == 200).then_some(())
    });
    let longer = format!("/io/{}", (TIMEOUT + 2 * IO).as_millis());
    Ok(idle.await.is_some() && service.get(&longer).send().await?.status == 504)
}

/// Clients who go while they wait take neither a worker's time nor a place in the line.
pub(super) async fn gone_clients_cost_nothing(bed: Bed) -> Verdict {
    let (time, place) = tokio::join!(gone_clients_cost_no_time(&bed), gone_clients_cost_no_place(&bed));
    Ok(time?.and(place?))
}

/// Nobody works for those who have gone.
async fn gone_clients_cost_no_time(bed: &Bed) -> Verdict {
    const GONE: usize = 20;
    let work = 2 * IO;
    let service = with(bed, 1, GONE, Duration::from_secs(20)).await?;
    // The line is full of them, and each goes before it is its turn.
    let burst = Schedule::constant(200.0, Duration::from_millis(5 * (GONE as u64 + 1)));
    let gone = bed.gets(&service, "/io/200", burst).patience(work).label("clients who go").start();
    let gone = gone.finish().await?;
    let left = count(&gone, |sample| sample.outcome == Outcome::TimedOut);
    if left < GONE - 1 {
        return too_few_left(&gone);
    }
    let abandoned = work * left as u32;

    let next = bed.gets(&service, "/io/0", Schedule::constant(20.0, abandoned));
    let next = next.label("those who come next").start();
    // Refused or not: a server that still counts the gone ones is told from one that works for them.
    let served = testbed::wait::until(abandoned, async || (next.counts().accepted > 0).then_some(())).await;
    let next = next.stop().await?;
    let first = next.accepted().map(|sample| sample.ended).min();
    promise(format!("with {GONE} clients gone from a line of {GONE}, the next one is served at once"))
        .observed(Fact::count("gone", left))
        .observed(Fact::duration("work that they left behind", abandoned))
        .observed(match first.filter(|_| served.is_some()) {
            Some(first) => Fact::duration("next one served after", first),
            None => Fact::named("next one served", "never"),
        })
        .observed(Fact::count("refused meanwhile", next.counts().refused))
        .likely(
            next.counts().refused > 0,
            "those who have gone still stand in the line: they take the places of those who come",
            "leave the line when the client goes: the handler's future is dropped then",
        )
        .likely(
            true,
            "the worker works for clients who have gone",
            "leave the line when the client goes: the handler's future is dropped then",
        )
        .kept_if(first.is_some_and(|first| first < abandoned / 4))
}

/// Who goes gives the place back at once, and not when a worker comes by.
async fn gone_clients_cost_no_place(bed: &Bed) -> Verdict {
    /// How long the one worker is busy.
    const BUSY: Duration = Duration::from_secs(1);
    let service = with(bed, 1, 1, Duration::from_secs(20)).await?;
    let one = || Schedule::constant(10.0, IO);
    let busy = bed.gets(&service, &format!("/io/{}", BUSY.as_millis()), one()).label("the worker is busy");
    let busy = busy.start();
    testbed::wait::until(BUSY, async || (busy.elapsed() > IO).then_some(())).await;
    let gone = bed.gets(&service, "/io/0", one()).patience(IO).label("a client who goes").start();
    let gone = gone.finish().await?;
    // Whoever comes now is let in as soon as the place is free.
    let since = Instant::now();
    let let_in = testbed::wait::try_until(2 * BUSY, async || {
        let asked = Instant::now();
        let next = service.get("/io/0").send().await?;
        Ok::<_, Stop>((next.status != 503).then_some(asked))
    });
    let let_in = let_in.await?;
    let busy = busy.finish().await?;
    let free = busy.started() + busy.samples()[0].ended;
    if count(&gone, |sample| sample.outcome == Outcome::TimedOut) == 0 || since + 3 * IO > free {
        return Err(Stop::Inconclusive("nobody left the line long before the worker was free".to_owned()));
    }
    let at_once = let_in.is_some_and(|asked| asked + IO < free);
    promise("who leaves a line of one place gives it to the next, while the worker is still busy")
        .observed(Fact::count("clients gone from the line", 1))
        .observed(Fact::named(
            "the next one",
            if at_once { "let in" } else { "refused until the worker was free" },
        ))
        .likely(
            true,
            "who has gone keeps the place until a worker passes it over",
            "leave the line when the client goes: the handler's future is dropped then",
        )
        .kept_if(at_once)
}

fn too_few_left(gone: &Outcomes) -> Verdict {
    promise("of 21 clients at one worker and 20 places, all but the one who is being served wait")
        .observed(gone.counts())
        .likely(
            gone.counts().refused > 0,
            "the line is shorter than QUEUE",
            "count who runs and who waits, and refuse beyond the sum of both",
        )
        .likely(true, "more than WORKERS run at once", "let WORKERS bound what runs")
        .kept_if(false)
}

/// After three times capacity, from clients who hang up while they are being served, the same process serves as before.
pub(super) async fn recovers(bed: Bed) -> Verdict {
    /// Who is begun after half a second in the line needs 600 ms in all.
    const HASTY: Duration = Duration::from_millis(550);
    let service = start(&bed, QUEUE, TIMEOUT).await?;
    let process = service.id();
    let storm = Schedule::constant(3.0 * CAPACITY, Duration::from_secs(2));
    let storm = bed.gets(&service, PATH, storm).patience(HASTY).label("the storm").capacity(CAPACITY);
    let storm = storm.start().finish().await?;
    let counts = storm.counts();
    let kept = promise("in the storm some requests are served, and some are not")
        .observed(counts)
        .likely(
            counts.accepted == 0,
            "nothing at all is served",
            "ask by hand first: cargo lab check 00 --only answers-as-agreed",
        )
        .likely(true, "more than WORKERS run at once", "let WORKERS bound what runs")
        .kept_if(counts.accepted > 0 && counts.accepted < counts.scheduled)?;

    // At an even pace nobody waits, whatever the order of the line: where the last to come is the first to be run, a burst can keep one waiting
    // for too long.
    let calm = Schedule::constant(0.6 * CAPACITY, Duration::from_secs(2));
    let calm = bed.gets(&service, PATH, calm).label("after the storm").capacity(CAPACITY);
    let calm = calm.start().finish().await?;
    let calm = nothing_fails(&calm, "after the storm, at 0.6 of capacity, every request is answered 200")?;
    let same = promise("by the same process").kept_if(process.is_some() && service.id() == process)?;
    Ok(kept.and(calm).and(same))
}
