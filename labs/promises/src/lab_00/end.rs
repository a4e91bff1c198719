//! How the server ends: by SIGKILL, and by SIGTERM.

use std::time::Duration;

use testbed::load::Outcomes;
use testbed::prelude::*;
use testbed::subject::Ended;

use super::{CAPACITY, PATH, WORKERS, start, with};

const TIMEOUT: Duration = Duration::from_secs(20);

/// SIGKILL loses what ran and what waited: as many as there are workers and places.
pub(super) async fn kill_9_loses_the_queue(bed: Bed) -> Verdict {
    const QUEUE: usize = 40;
    /// A request that left so long before the signal has surely arrived.
    const ARRIVED: Duration = Duration::from_millis(150);
    let service = start(&bed, QUEUE, TIMEOUT).await?;
    // Nobody is done before the end: who is in, stays in.
    let load = bed.gets(&service, "/io/60000", Schedule::constant(100.0, TIMEOUT)).patience(TIMEOUT).start();
    let full =
        testbed::wait::until(Duration::from_secs(3), async || (load.counts().refused >= 30).then_some(()));
    let full = full.await.is_some();
    let killed = load.elapsed();
    service.kill().await?;
    let run = load.stop().await?;

    let inside =
        |sample: &&Sample| sample.sent.is_some() && sample.ended >= killed && sample.status.is_none();
    let lost: Vec<_> = run.samples().iter().filter(inside).collect();
    let in_the_air =
        lost.iter().filter(|sample| sample.sent.is_some_and(|sent| sent + ARRIVED > killed)).count();
    let (lost, room) = (lost.len() - in_the_air, WORKERS + QUEUE);
    let kept = promise(
        "SIGKILL loses exactly what ran and what waited: WORKERS + QUEUE requests, once the line is full",
    )
    .observed(Fact::count("refused before it", run.counts().refused))
    .observed(Fact::count("lost", lost))
    .observed(Fact::count("WORKERS + QUEUE", room))
    .observed(Fact::count("in the air at that moment", in_the_air))
    .likely(
        !full,
        "the line was not full after 300 requests: it takes more than QUEUE, or more than WORKERS run",
        "count who runs and who waits, and refuse beyond the sum of both",
    )
    .likely(
        lost == QUEUE,
        "those who run are counted as waiting: the line has WORKERS places too few",
        "QUEUE requests may wait while WORKERS run",
    )
    .likely(lost < room, "the line is shorter than QUEUE", "QUEUE requests may wait while WORKERS run")
    .likely(
        true,
        "more waited than QUEUE allows",
        "count who runs and who waits, and refuse beyond the sum of both",
    )
    .kept_if(full && lost == room)?;

    service.restart().await?;
    let again = Schedule::constant(0.5 * CAPACITY, Duration::from_millis(500));
    let again = bed.gets(&service, PATH, again).label("started again").start().finish().await?;
    let empty = super::nothing_fails(&again, "started again, it serves at once: the line is empty")?;
    Ok(kept.and(empty))
}

/// SIGTERM loses nobody who ran or waited.
pub(super) async fn graceful_stop(bed: Bed) -> Verdict {
    let service = with(&bed, 2, 20, TIMEOUT).await?;
    let load = bed.gets(&service, "/io/400", Schedule::constant(100.0, Duration::from_millis(100))).start();
    // All ten were sent within 100 ms, and the first two are served: two run, six wait.
    load.accepted(2).await?;
    let signalled = load.elapsed();
    let ended = service.terminate().await?;
    let run = load.finish().await?;
    Ok(stops_well(&run, signalled, ended)?.and(stops_in_time(&bed).await?))
}

/// A request that needs longer than the stop may take does not hold it.
async fn stops_in_time(bed: &Bed) -> Verdict {
    /// From its beginning; the stop has ten.
    const WORK: Duration = Duration::from_secs(15);
    let service = with(bed, 1, 0, TIMEOUT).await?;
    let path = format!("/io/{}", WORK.as_millis());
    let load = bed.gets(&service, &path, Schedule::constant(10.0, Duration::from_millis(100)));
    let load = load.patience(WORK + TIMEOUT).label("a request of 15 s").start();
    is_busy(&service).await?;
    let ended = service.terminate().await?;
    load.stop().await?;
    ended.in_time(
        "server, with a request of 15 s under way,",
        "the stop waits until the last request has ended, however long that takes",
        "give the stop an end of its own, well before 10 s, and cut off what is not done by then",
    )
}

/// Waits until the one worker is busy: with QUEUE=0 the next request is refused then.
async fn is_busy(service: &Subject) -> Result<(), Stop> {
    let refused = testbed::wait::until(Duration::from_secs(3), async || {
        service.get("/io/0").send().await.is_ok_and(|answer| answer.status == 503).then_some(())
    });
    promise("with WORKERS=1 and QUEUE=0 a second request is refused while the first one runs")
        .likely(
            true,
            "QUEUE=0 is taken for another number, or more than WORKERS run",
            "0 is a number of places, too",
        )
        .kept_if(refused.await.is_some())?;
    Ok(())
}

fn stops_well(run: &Outcomes, signalled: Duration, ended: Ended) -> Verdict {
    let there = run.samples().iter().filter(|sample| sample.ended > signalled);
    let (finished, cut): (Vec<_>, Vec<_>) = there.partition(|sample| sample.outcome == Outcome::Accepted);
    if finished.is_empty() && cut.is_empty() {
        return Err(Stop::Inconclusive("nobody ran or waited at the moment of the signal".to_owned()));
    }
    let kept = promise("every request that ran or waited at SIGTERM is answered 200")
        .observed(Fact::count("there at SIGTERM", finished.len() + cut.len()))
        .observed(Fact::count("answered 200", finished.len()))
        .observed(Fact::count("cut", cut.len()))
        .observed(Fact::duration("ended after", ended.took))
        .likely(
            finished.is_empty(),
            "the process ended at once: nothing waits for what runs",
            "on SIGTERM stop accepting, finish what is there, then end",
        )
        .likely(
            true,
            "those who ran were answered, and those who waited were not",
            "end when the line is empty and the workers are idle",
        )
        .kept_if(cut.is_empty())?;
    let exit = ended.in_time(
        "server",
        "something holds the process: an idle connection, a thread that is waited for",
        "bound the graceful stop, and close idle connections",
    )?;
    Ok(kept.and(exit))
}
