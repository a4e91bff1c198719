//! A stop that was asked for: who waits is answered, what is begun is finished or given back.

use std::time::{Duration, Instant};

use crate::contract::prelude::*;
use testbed::services::COUNTED_WITHIN;

use super::stored::{all_acknowledged, all_stored};
use crate::contract::QUEUE;

/// SIGTERM ends the service in time; what it had accepted is stored, or is still in the queue.
pub(super) async fn graceful_stop(bed: Bed) -> Verdict {
    /// So long an answer takes at least: a good way to the broker, once there and back.
    const ROUND_TRIP: Duration = Duration::from_millis(250);
    /// A request that left so long before the signal has surely arrived.
    const ARRIVED: Duration = Duration::from_millis(100);
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let service = bed.service().broker_via(path.addr()).start().await?;
    // Not before the first post: to connect takes a dozen round trips, and some connect when they must.
    service
        .post(&serde_json::json!({"content": format!("{BY_HAND}, the first")}))
        .send()
        .await?
        .has_status(202)?;
    path.set_way(Way::round_trip(ROUND_TRIP));
    bed.database().service_time(Duration::from_millis(500)).await?;
    // No more than a few channels carry over such a way; four are under way at any time, who waits for each confirm or not.
    let load = bed.posts(&service, Schedule::constant(20.0, Duration::from_secs(20))).start();
    let _idle = service.idle_clients("/post").await?;
    load.accepted(20).await?;
    let signalled = load.elapsed();
    let ended = service.terminate().await?;
    let run = load.stop().await?;

    let exit = ended.in_time(
        "service",
        "something holds the process: the consumer's loop, or a wait without an end",
        "cancel the subscription, end the batch that is being stored, close, return from main",
    )?;
    let answered = in_flight_is_answered(&run, signalled, ARRIVED, 2 * ROUND_TRIP)?;
    bed.database().service_time(Duration::ZERO).await?;
    path.set_way(Way::default());
    service.restart().await?;
    let dropped = (
        true,
        "what was taken from the queue at SIGTERM was acknowledged and not stored",
        "give back what is not stored: end the channel without an acknowledgement",
    );
    let stored = all_stored(&bed, &run, "after the stop and the next start", &[dropped]).await?;
    let acknowledged = all_acknowledged(&bed, "after the stop and the next start").await?;
    let slow = stops_in_mid_batch(&bed, &service, Batch::Slow).await?;
    service.restart().await?;
    let stuck = stops_in_mid_batch(&bed, &service, Batch::Stuck).await?;
    service.restart().await?;
    let empty = all_acknowledged(&bed, "after a stop in mid-batch and the next start").await?;
    Ok(exit.and(answered).and(stored).and(acknowledged).and(slow).and(stuck).and(empty))
}

/// The promise that a process ends in time also while it tries to connect to its broker again.
pub(super) async fn stops_without_its_broker(process: &Subject, path: &Path, who: &str) -> Verdict {
    /// How long the first attempt to connect again may take to come. One that comes with the next post alone is as right.
    const TRIED: Duration = Duration::from_secs(3);
    path.reset_counts();
    path.cut()?;
    testbed::wait::until(TRIED, async || (path.counts().connections > 0).then_some(())).await;
    process.terminate().await?.in_time(
        &format!("{who}, whose broker is away,"),
        "it tries to connect to the broker again and again, and that loop knows of no end",
        "let the stop end the attempt to connect, and the pause between two of them",
    )
}

/// What becomes of the batch that is being stored at SIGTERM.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    /// It can be stored a second later.
    Slow,
    /// It cannot be stored as long as the service lives.
    Stuck,
}

/// The promise that a batch which is being stored at SIGTERM is finished or given back, and holds nobody.
async fn stops_in_mid_batch(bed: &Bed, service: &Subject, batch: Batch) -> Verdict {
    const POSTS: i64 = 3;
    const BEGUN: Duration = Duration::from_secs(5);
    const LATER: Duration = Duration::from_secs(1);
    let before = bed.database().rows().await?;
    let hold = bed.database().hold_inserts().await?;
    for n in 0..POSTS {
        let post = serde_json::json!({"content": format!("{BY_HAND}, in mid-batch {n}")});
        service.post(&post).send().await?.has_status(202)?;
    }
    let begun = async || bed.database().held_inserts().await.is_ok_and(|held| held > 0).then_some(());
    testbed::wait::until(BEGUN, begun).await;
    let ended = match batch {
        Batch::Slow => {
            let release = async {
                // The database is slow so long.
                testbed::wait::until(LATER, async || None::<()>).await;
                hold.release().await
            };
            let (ended, released) = tokio::join!(service.terminate(), release);
            released?;
            ended?
        }
        Batch::Stuck => {
            let ended = service.terminate().await?;
            hold.release().await?;
            ended
        }
    };
    let exit = ended.in_time(
        "service",
        "the batch that is being stored holds it: nobody gives up on a database that does not answer",
        "bound how long the stop waits for the batch, the cancel of the subscription included, and give it back then",
    )?;
    if batch == Batch::Stuck {
        return Ok(exit);
    }
    let asked = Instant::now();
    let mut seen = (0, 0);
    let settled = testbed::wait::try_until(BEGUN, async || {
        let waiting = bed.broker().all_messages(QUEUE).await?.unwrap_or(0);
        seen = (bed.database().rows().await? - before, waiting);
        let is_all = seen.0 + i64::try_from(seen.1).unwrap_or(i64::MAX) == POSTS;
        Ok::<_, Stop>((is_all && asked.elapsed() >= COUNTED_WITHIN).then_some(()))
    });
    let settled = settled.await?.is_some();
    let either = promise("what is being stored at SIGTERM is finished or given back: no post is stored and still in the queue")
        .observed(Fact::count("posts in mid-batch", POSTS))
        .observed(Fact::count("of them stored", seen.0))
        .observed(Fact::count("in the queue", seen.1))
        .likely(
            seen.0 > 0 && seen.1 > 0,
            "the stop did not wait for the batch that was being stored: its rows are committed, and nobody acknowledged them",
            "let the batch end, within a bound, and acknowledge it; give back only what is not stored by then",
        )
        .likely(
            true,
            "posts are gone: acknowledged before they were stored",
            "acknowledge after the commit",
        )
        .kept_if(settled)?;
    Ok(exit.and(either))
}

/// The promise that every request that had arrived at the signal has its answer. Who was behind before the signal, and took longer
/// than `at_ease` for an answer, may have no other one for the last of them than a 503 at their deadline.
fn in_flight_is_answered(
    run: &Finished,
    signalled: Duration,
    arrived: Duration,
    at_ease: Duration,
) -> Verdict {
    /// Half of the contract's default: whom the signal alone has refused was refused earlier.
    const WAITED: Duration = Duration::from_secs(1);
    let was_behind = run.samples().iter().any(|sample| {
        sample.ended < signalled
            && (sample.outcome == Outcome::Refused || sample.latency_from_send() > Some(at_ease))
    });
    let at_its_deadline =
        |sample: &Sample| sample.is_explicit_refusal() && sample.latency_from_send() >= Some(WAITED);
    let (answered, others): (Vec<_>, Vec<_>) = run
        .in_flight_at(signalled, arrived)
        .partition(|sample| sample.outcome == Outcome::Accepted || (was_behind && at_its_deadline(sample)));
    if answered.is_empty() && others.is_empty() {
        return Err(Stop::Inconclusive("no request was in flight at the moment of the signal".to_owned()));
    }
    let refused = others.iter().filter(|sample| sample.status.is_some()).count();
    promise("every request that was in flight at SIGTERM is finished with its normal answer: 202")
        .observed(Fact::count("in flight", answered.len() + others.len()))
        .observed(Fact::count("cut", others.len() - refused))
        .observed(Fact::count("refused", refused))
        .likely(
            refused > 0,
            "the way to the broker is closed while requests wait for their confirms",
            "on SIGTERM stop accepting, answer what is there, and close the connections to broker and database last",
        )
        .likely(
            true,
            "the process ends with requests under way: their senders cannot know what became of their posts",
            "on SIGTERM stop accepting, answer what is there, then end",
        )
        .kept_if(others.is_empty())
}
