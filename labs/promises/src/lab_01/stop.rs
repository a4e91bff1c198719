//! How the service ends.

use std::time::Duration;

use crate::contract::prelude::*;

/// SIGTERM loses nobody who was in flight.
pub(super) async fn graceful_stop(bed: Bed) -> Verdict {
    const INSERT: Duration = Duration::from_millis(500);
    /// The contract's default.
    const DEADLINE: Duration = Duration::from_secs(2);
    /// A request that left so long before the signal has surely arrived.
    const ARRIVED: Duration = Duration::from_millis(150);
    // Eight connections carry 16 a second, so that at the signal some run, and others wait half a second for a connection.
    let service = bed.service().pool(8).start().await?;
    bed.database().service_time(INSERT).await?;
    let load = bed.posts(&service, Schedule::constant(20.0, Duration::from_secs(20))).start();

    // Whoever holds a connection open and asks nothing must not hold the process.
    let _idle = service.idle_clients("/post").await?;
    load.accepted(20).await?;
    let signalled = load.elapsed();
    let ended = service.terminate().await?;
    let run = load.stop().await?;

    let in_flight = run.in_flight_at(signalled, ARRIVED);
    let (finished, rest): (Vec<_>, Vec<_>) =
        in_flight.partition(|sample| sample.outcome == Outcome::Accepted);
    let (mut refused, cut): (Vec<_>, Vec<_>) = rest.into_iter().partition(|sample| sample.status.is_some());
    // Where so many find no place in the line at any time, a 503 is the usual answer. So it is to somebody who waited until his deadline was
    // near: whom the line lets wait for so long is open.
    let refuses_at_any_time =
        run.samples().iter().any(|sample| sample.outcome == Outcome::Refused && sample.ended < signalled);
    refused.retain(|sample| {
        let waited_long = sample.latency_from_send() >= Some(DEADLINE / 2);
        sample.outcome != Outcome::Refused || !(refuses_at_any_time || waited_long)
    });
    if finished.is_empty() && refused.is_empty() && cut.is_empty() {
        answered_early(&run, INSERT)?;
        return Err(Stop::Inconclusive("no request was in flight at the moment of the signal".to_owned()));
    }
    let kept = promise("every post that was in flight at SIGTERM is answered 201")
        .observed(Fact::count("in flight", finished.len() + refused.len() + cut.len()))
        .observed(Fact::count("answered 201", finished.len()))
        .observed((!refused.is_empty()).then(|| Fact::count("answered otherwise", refused.len())))
        .observed(Fact::count("cut", cut.len()))
        .observed(Fact::duration("ended after", ended.took))
        .likely(
            !refused.is_empty() && !finished.is_empty(),
            "posts that ran were answered, and those that waited for a connection were refused: the pool was closed at the signal",
            "close the pool after the last answer",
        )
        .likely(
            !refused.is_empty(),
            "posts that had arrived were refused because of the stop",
            "take no new connection, and give every request that is there its usual answer",
        )
        .likely(
            ended.took < INSERT / 4,
            "the process ended at once: nothing waits for the requests in flight",
            "on SIGTERM stop accepting, finish what is there, then end",
        )
        .likely(
            true,
            "the wait for requests in flight ends too early",
            "wait until the last of them is answered, within the grace of 10 s",
        )
        .kept_if(refused.is_empty() && cut.is_empty())?;

    let exit = ended.in_time(
        "service",
        "something holds the process: an idle connection, half a request, a task without an end",
        "bound the graceful stop: close what is idle, and give up on what is half there",
    )?;

    let ledger = bed.ledger(&run).await?;
    let stored = promise("every post answered 201 is stored").observed(&ledger).kept_if(ledger.is_clean())?;
    Ok(kept.and(exit).and(stored))
}

/// The promise that nobody is answered before the insert can have ended: else nobody is ever in flight, and that is no fault of the
/// host.
fn answered_early(run: &Finished, insert: Duration) -> Verdict {
    let early = run.accepted().filter(|sample| sample.latency_from_send() < Some(insert * 9 / 10)).count();
    promise("no post is answered 201 before its insert can have been committed")
        .observed(Fact::duration("an insert takes", insert))
        .observed(Fact::count("answered before an insert can end", early))
        .likely(true, "the answer left before the commit", "await the insert, then answer")
        .kept_if(early == 0)
}
