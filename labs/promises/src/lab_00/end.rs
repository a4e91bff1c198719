//! How the server ends: by SIGKILL, and by SIGTERM.

use std::time::Duration;

use testbed::load::Outcomes;
use testbed::prelude::*;
use testbed::subject::Ended;

use super::{CAPACITY, PATH, WORKERS, start, with};

const TIMEOUT: Duration = Duration::from_secs(20);
/// A request that left so long ago has surely arrived.
const ARRIVED: Duration = Duration::from_millis(150);

/// SIGKILL loses what ran and what waited: as many as there are workers and places.
pub(super) async fn kill_9_loses_the_queue(bed: Bed) -> Verdict {
    const QUEUE: usize = 40;
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
    /// So long after the signal the listener is closed, and requests still wait.
    const LATE: Duration = Duration::from_millis(700);
    let service = with(&bed, 2, 20, TIMEOUT).await?;
    let load = bed.gets(&service, "/io/400", Schedule::constant(100.0, Duration::from_millis(100))).start();
    // All ten were sent within 100 ms, and the first two are served: two run, six wait.
    load.accepted(2).await?;
    let signalled = load.elapsed();
    let late = async {
        testbed::wait::until(LATE, async || None::<()>).await;
        service.get("/health").send().await.is_ok_and(|answer| answer.status == 200)
    };
    let (ended, taken) = tokio::join!(service.terminate(), late);
    let run = load.finish().await?;
    let finished = stops_well(&run, signalled, ended?)?;
    let refused = promise("after SIGTERM no new connection is taken, while what was there is finished")
        .observed(Fact::duration("a new connection after the signal", LATE))
        .observed(Fact::named("GET /health on it", if taken { "answered 200" } else { "not answered" }))
        .likely(
            true,
            "the listener stays open after the signal: a stop under load has no end",
            "close the listener first",
        )
        .kept_if(!taken)?;
    Ok(finished.and(refused).and(stops_in_time(&bed).await?))
}

/// A request that needs longer than the stop may take does not hold it, and one that ends in time is answered.
async fn stops_in_time(bed: &Bed) -> Verdict {
    /// From their beginning; the stop has ten.
    const ENDLESS: Duration = Duration::from_secs(15);
    const LONG: Duration = Duration::from_secs(6);
    let service = with(bed, 2, 0, TIMEOUT).await?;
    let start = |work: Duration| {
        let one = Schedule::constant(10.0, Duration::from_millis(100));
        let load = bed.gets(&service, &format!("/io/{}", work.as_millis()), one);
        load.patience(ENDLESS + TIMEOUT).label(&format!("a request of {} s", work.as_secs())).start()
    };
    let (endless, long) = (start(ENDLESS), start(LONG));
    // Both are under way before anybody else asks for a worker.
    testbed::wait::until(TIMEOUT, async || (long.elapsed() > ARRIVED).then_some(())).await;
    is_busy(&service).await?;
    let ended = service.terminate().await?;
    endless.stop().await?;
    let long = long.stop().await?;
    let in_time = ended.in_time(
        "server, with a request of 15 s under way,",
        "the stop waits until the last request has ended, however long that takes",
        "give the stop an end of its own, shortly before 10 s, and cut off what is not done by then",
    )?;
    let status = long.samples().iter().find_map(|sample| sample.status);
    let waited_for =
        promise("a request of 6 s that runs at SIGTERM is answered 200: the stop has 10 s for it")
            .observed(Fact::duration("the process ended after", ended.took))
            .observed(Fact::named(
                "the request of 6 s",
                match status {
                    Some(status) => format!("answered {status}"),
                    None => "cut".to_owned(),
                },
            ))
            .likely(
                ended.took < LONG,
                "the stop has a fixed time, after which the process ends, whoever still runs",
                "wait for what runs and what waits, and cut off only what is not done shortly before 10 s",
            )
            .likely(true, "the stop cuts off what runs", "finish what is there, then end")
            .kept_if(status == Some(200))?;
    Ok(in_time.and(waited_for))
}

/// Waits until both workers are busy: with QUEUE=0 the next request is refused then.
async fn is_busy(service: &Subject) -> Result<(), Stop> {
    let refused = testbed::wait::until(Duration::from_secs(3), async || {
        service.get("/io/0").send().await.is_ok_and(|answer| answer.status == 503).then_some(())
    });
    promise("with WORKERS=2 and QUEUE=0 a third request is refused while two run")
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
