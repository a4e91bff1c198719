//! What more workers change, and what they do not.

use std::ops::Range;
use std::time::Duration;

use testbed::load::Outcomes;
use testbed::prelude::*;

use super::{IO, PATH, with};

const TIMEOUT: Duration = Duration::from_secs(20);

/// `WORKERS` bounds what runs; more of them help requests that wait, and not requests that compute.
pub(super) async fn more_workers(bed: Bed) -> Verdict {
    let one = one_at_a_time(&bed).await?;
    let waiting = more_help_who_waits(&bed).await?;
    let computing = more_do_not_help_who_computes(&bed).await?;
    Ok(one.and(waiting).and(computing))
}

/// While the only worker waits, nothing else is answered: no hash runs beside it.
async fn one_at_a_time(bed: &Bed) -> Verdict {
    const EACH: usize = 10;
    let service = with(bed, 1, 3 * EACH, TIMEOUT).await?;
    let busy = bed.gets(&service, "/io/1000", Schedule::constant(1.0, Duration::from_secs(1)));
    let busy = busy.label("the one worker waits").start();
    // The wait is under way when the others come.
    testbed::wait::until(TIMEOUT, async || (busy.elapsed() > IO).then_some(())).await;
    let beside = async |path: &str| {
        let load = bed.gets(&service, path, Schedule::constant(50.0, Duration::from_millis(200)));
        load.label(&format!("{path} beside it")).start().finish().await
    };
    let (hashes, waits) = tokio::join!(beside("/hash/beside"), beside("/io/0"));
    let (hashes, waits, busy) = (hashes?, waits?, busy.finish().await?);

    // All of them come long before the worker is free; that the host tells of two ends in the wrong order is no matter.
    let free = busy.started() + busy.samples()[0].ended - 3 * IO;
    let early = |run: &Outcomes| run.accepted().filter(|sample| run.started() + sample.ended < free).count();
    let (early_hashes, early_waits) = (early(&hashes), early(&waits));
    let answered = hashes.counts().accepted + waits.counts().accepted;
    let all = answered == 2 * EACH as u64 && busy.counts().accepted == 1;
    promise("with WORKERS=1 nothing is run while the worker is busy with /io, and everything after it")
        .observed(Fact::count("sent while it was busy", 2 * EACH))
        .observed(Fact::count("answered", answered))
        .observed(Fact::count("of these too early: /hash", early_hashes))
        .observed(Fact::count("/io", early_waits))
        .likely(
            !all,
            "requests that wait for the worker are not all answered 200",
            "look at who wakes the worker, and who the handler",
        )
        .likely(
            early_waits > 0,
            "more than WORKERS run: each request has a thread of its own, or the runtime runs it",
            "start WORKERS workers, and let nobody else run requests",
        )
        .likely(
            true,
            "hashes are computed somewhere else than by the workers",
            "send /hash through the line as well: the workers bound what the cores have to do",
        )
        .kept_if(all && early_hashes + early_waits == 0)
}

/// Four times the workers, four times the requests that wait.
async fn more_help_who_waits(bed: &Bed) -> Verdict {
    const STEADY: Range<Duration> = Duration::from_millis(500)..Duration::from_millis(2500);
    let offer = async |workers: usize| -> Result<f64, Stop> {
        let service = with(bed, workers, 4, TIMEOUT).await?;
        let capacity = workers as f64 / IO.as_secs_f64();
        let load = bed.gets(&service, PATH, Schedule::constant(120.0, STEADY.end)).capacity(capacity);
        let run = load.label(&format!("/io with {workers} workers")).start().finish().await?;
        Ok(run.goodput(STEADY))
    };
    let (few, many) = tokio::join!(offer(2), offer(8));
    let (few, many) = (few?, many?);
    let ratio = many / few.max(1.0);
    promise("four times the workers serve four times the requests that wait")
        .observed(Fact::measure("/io with 2 workers", few, "/s"))
        .observed(Fact::measure("with 8", many, "/s"))
        .observed(Fact::measure("times", ratio, ""))
        .likely(
            ratio < 2.0 && few > 60.0,
            "more run than WORKERS: each request has a thread of its own, or the runtime runs it",
            "let WORKERS bound what runs",
        )
        .likely(
            ratio < 2.0,
            "the workers wait for each other: something is locked while one of them waits",
            "hold the line's lock to take the next request, and not while it runs",
        )
        .likely(true, "WORKERS is not the number of requests that run", "start WORKERS workers")
        .kept_if((3.0..=5.0).contains(&ratio))
}

/// Four times the workers, and no more hashes: the cores are busy already.
async fn more_do_not_help_who_computes(bed: &Bed) -> Verdict {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Before and after, and the better of both: what else this machine does must not look like a gain.
    let before = hashes_per_second(bed, cores).await?;
    let many = hashes_per_second(bed, 4 * cores).await?;
    let after = hashes_per_second(bed, cores).await?;
    let few = before.max(after);
    let ratio = many / few;
    promise("four times as many workers as cores serve less than twice the requests that compute")
        .observed(Fact::measure(format!("/hash with {cores} workers"), few, "/s"))
        .observed(Fact::measure(format!("with {}", 4 * cores), many, "/s"))
        .observed(Fact::measure("times", ratio, ""))
        .likely(
            true,
            "the hash keeps no core busy: it waits for something",
            "let /hash compute, on the worker's own thread",
        )
        .kept_if(ratio < 2.0)
}

/// How many hashes a second come out of a line that keeps all workers busy. The processor decides it, so no bound rests on it
/// but in a ratio of one run.
///
/// The workers wait while the line is filled, so that the cores are free to fill it.
async fn hashes_per_second(bed: &Bed, workers: usize) -> Result<f64, Stop> {
    const PER_SECOND: f64 = 500.0;
    let hashes = 60 * std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let filling = Duration::from_secs_f64(hashes as f64 / PER_SECOND);
    let wait = format!("/io/{}", (filling + 2 * IO).as_millis());
    let service = with(bed, workers, hashes, TIMEOUT).await?;
    let all_at_once = Schedule::constant(workers as f64 / IO.as_secs_f64(), IO);
    let waiting = bed.gets(&service, &wait, all_at_once).label("all workers wait").start();
    testbed::wait::until(TIMEOUT, async || (waiting.elapsed() > IO).then_some(())).await;
    let load = bed.gets(&service, "/hash/burst", Schedule::constant(PER_SECOND, filling)).patience(TIMEOUT);
    let run = load.label(&format!("/hash with {workers} workers")).start().finish().await?;
    waiting.finish().await?;

    promise("every hash that the line has room for is answered")
        .observed(run.counts())
        .likely(
            run.counts().refused > 0,
            "the line is shorter than QUEUE",
            "count who runs and who waits, and refuse beyond the sum of both",
        )
        .kept_if(run.counts().accepted == run.counts().scheduled)?;
    let ends = || run.accepted().map(|sample| sample.ended);
    let took = ends().max().unwrap_or_default().saturating_sub(ends().min().unwrap_or_default());
    Ok(hashes as f64 / took.as_secs_f64().max(f64::EPSILON))
}
