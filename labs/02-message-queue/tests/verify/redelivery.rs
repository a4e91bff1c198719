//! Between the commit and the acknowledgement: the two places where a consumer can die.

use std::time::Duration;

use testbed::prelude::*;
use testbed::wait;

use crate::outage::no_link;
use crate::queue::{QUEUE, all_acknowledged, all_stored};

/// How long a service may take until its insert meets a hold. Hundreds of times what it takes.
const SOON: Duration = Duration::from_secs(10);

/// Waits until an insert of the subject stands before the hold.
async fn an_insert_waits(bed: &Bed, accepted: u64) -> Result<(), Stop> {
    let waits = wait::try_until(SOON, async || {
        Ok::<_, Stop>((bed.database().held_inserts().await? > 0).then_some(()))
    });
    if waits.await?.is_some() {
        return Ok(());
    }
    let left = bed.broker().all_messages(QUEUE).await?.unwrap_or(0);
    let stored = bed.database().rows().await? as u64;
    Err(promise(format!("the consumer stores what is in the queue, within {} s", SOON.as_secs()))
        .observed(Figure::count("accepted", accepted))
        .observed(Figure::count("rows", stored))
        .observed(Figure::count("still with the broker", left))
        .likely(
            left == 0 && stored < accepted,
            "the queue is empty, and posts have no row: they were acknowledged before their commit, and the killed consumer had them",
            "acknowledge after the commit, not before, and never automatically",
        )
        .likely(true, "no insert was begun", "look at the consumer's stderr")
        .is_broken())
}

/// A consumer is killed in the middle of a batch, and its transaction with it. Three times, at three seeded places.
pub(crate) async fn consumer_killed(bed: Bed) -> Verdict {
    /// How many rows are stored before each kill.
    const SEEDS: [i64; 3] = [3, 11, 17];
    let api = bed.service().role("api").start().await?;
    let load = bed.posts(&api, Schedule::constant(160.0, Duration::from_millis(2500))).start();
    let run = load.finish().await?;
    bed.database().service_time(Duration::from_millis(50)).await?;
    let consumer = bed.service().role("consumer").prefetch(20).start().await?;
    for more in SEEDS {
        let enough = bed.database().rows().await? + more;
        let stored = wait::try_until(SOON, async || {
            Ok::<_, Stop>((bed.database().rows().await? >= enough).then_some(()))
        });
        stored.await?;
        let hold = bed.database().hold_inserts().await?;
        an_insert_waits(&bed, run.counts().accepted).await?;
        consumer.kill().await?;
        bed.database().end_connections().await?;
        hold.release().await?;
        consumer.restart().await?;
    }
    bed.database().service_time(Duration::ZERO).await?;
    let early = (
        true,
        "messages were acknowledged before their rows were committed: the killed consumer had them, and nobody else",
        "acknowledge after the commit, not before, and never automatically",
    );
    let when =
        format!("after three kills, {}, {} and {} rows after each start", SEEDS[0], SEEDS[1], SEEDS[2]);
    all_stored(&bed, &run, &when, &[early]).await
}

/// The way to the broker is cut after the commit and before the acknowledgement.
pub(crate) async fn commit_without_ack(bed: Bed) -> Verdict {
    let link = Link::open(bed.broker().server(), Path::default()).await.map_err(no_link)?;
    let api = bed.service().role("api").start().await?;
    let load = bed.posts(&api, Schedule::constant(60.0, Duration::from_millis(500))).start();
    let run = load.finish().await?;
    let sent = run.counts().accepted;

    let hold = bed.database().hold_inserts().await?;
    let _consumer = bed.service().role("consumer").broker_via(link.addr()).start().await?;
    an_insert_waits(&bed, sent).await?;
    // From here on no acknowledgement reaches the broker; until here none can have been due.
    link.black_hole();
    hold.release().await?;
    let committed = wait::try_until(SOON, async || {
        let rows = bed.database().rows().await?;
        Ok::<_, Stop>((rows > 0).then_some(rows))
    });
    let committed = committed.await?.unwrap_or(0);
    link.cut();
    let mut ready = 0;
    let given_back = wait::try_until(SOON, async || {
        ready = u64::from(bed.broker().ready(QUEUE).await?.unwrap_or(0));
        Ok::<_, Stop>((ready == sent).then_some(()))
    });
    given_back.await?;
    let kept = promise(
        "a message whose acknowledgement did not arrive is in the queue again, though its row is committed",
    )
    .observed(Figure::count("in the queue at first", sent))
    .observed(Figure::count("rows committed", committed))
    .observed(Figure::count("in the queue after the cut", ready))
    .likely(committed == 0, "nothing was stored", "look at the consumer's stderr")
    .likely(
        ready < sent,
        "messages were acknowledged before their rows were committed",
        "acknowledge after the commit, and not automatically",
    )
    .kept_if(ready == sent && committed > 0)?;
    link.heal();
    // The rows are there already. Only an empty queue says that the second deliveries are over.
    let acknowledged = all_acknowledged(&bed, "when the way is open again").await?;
    let stored = all_stored(&bed, &run, "though each message was delivered twice", &[]).await?;
    Ok(kept.and(acknowledged).and(stored))
}
