//! Between the commit and the acknowledgement: the two places where a consumer can die.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::contract::prelude::*;
use testbed::wait;
use uuid::Uuid;

use super::stored::{all_acknowledged, all_stored};
use crate::contract::QUEUE;

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
        .observed(Fact::count("accepted", accepted))
        .observed(Fact::count("rows", stored))
        .observed(Fact::count("still with the broker", left))
        .likely(
            left == 0 && stored < accepted,
            "the queue is empty, and posts have no row: they were acknowledged before their commit, and the killed consumer had them",
            "acknowledge after the commit, not before, and never automatically",
        )
        .likely(true, "no insert was begun", "look at the consumer's stderr")
        .is_broken())
}

/// What the database was at when a consumer was killed.
#[derive(Clone, Copy, Debug)]
enum At {
    /// An insert, which had to wait.
    Insert,
    /// A commit: its insert had run.
    Commit,
    /// The insert of one row; so many others were stored meanwhile.
    OneRow { others: i64 },
}

/// A consumer is killed in the middle of a batch, and its transaction with it: while one row waits, then in an insert, and in a commit.
pub(super) async fn consumer_killed(bed: Bed) -> Verdict {
    /// How many rows are stored before each of the later kills.
    const SEEDS: [(i64, At); 2] = [(3, At::Insert), (11, At::Commit)];
    let api = bed.service().role("api").start().await?;
    let load = bed.posts(&api, Schedule::constant(400.0, Duration::from_secs(1))).start();
    let run = load.finish().await?;
    bed.database().service_time(Duration::from_millis(50)).await?;
    let (consumer, apart) = one_row_waits(&bed, &run).await?;
    for (more, at) in SEEDS {
        consumer.restart().await?;
        let enough = bed.database().rows().await? + more;
        let stored = wait::try_until(SOON, async || {
            Ok::<_, Stop>((bed.database().rows().await? >= enough).then_some(()))
        });
        stored.await?;
        let hold = match at {
            At::Commit => bed.database().hold_commits().await?,
            At::Insert | At::OneRow { .. } => bed.database().hold_inserts().await?,
        };
        an_insert_waits(&bed, run.counts().accepted).await?;
        kill(&bed, &consumer).await?;
        hold.release().await?;
        what_has_no_row_is_queued(&bed, &run, at).await?;
    }
    consumer.restart().await?;
    bed.database().service_time(Duration::ZERO).await?;
    let stored =
        all_stored(&bed, &run, "after three kills, the first one while a row had to wait", &[]).await?;
    Ok(apart.and(stored))
}

/// Kills the consumer, and ends what the database still does for it.
async fn kill(bed: &Bed, consumer: &Subject) -> Result<(), Stop> {
    consumer.kill().await?;
    bed.database().end_connections().await?;
    Ok(())
}

/// The first kill: the oldest post's row cannot be stored, others may be. Gives the consumer, killed.
///
/// It comes first, since here alone it shows whether a message was acknowledged with those behind it: in the other kills that is as
/// good as an acknowledgement before the commit.
async fn one_row_waits(bed: &Bed, run: &Finished) -> Result<(Subject, Kept), Stop> {
    /// No new row for so long: what can be stored beside the one that waits is stored. Twice what the inserts of all that is delivered take.
    const STANDSTILL: Duration = Duration::from_secs(2);
    /// So many rows beside it are enough; the other kills need some that have none.
    const ENOUGH: i64 = 40;
    let Some(first) = run.accepted().find_map(|sample| sample.receipt) else {
        return Err(Stop::Inconclusive("no post was accepted before the first kill".to_owned()));
    };
    let hold = bed.database().hold_row(first).await?;
    let consumer = bed.service().role("consumer").prefetch(20).start().await?;
    an_insert_waits(bed, run.counts().accepted).await?;
    let mut newest = (bed.database().rows().await?, Instant::now());
    let still = wait::try_until(SOON, async || {
        let rows = bed.database().rows().await?;
        if rows > newest.0 {
            newest = (rows, Instant::now());
        }
        Ok::<_, Stop>((rows >= ENOUGH || newest.1.elapsed() > STANDSTILL).then_some(()))
    });
    still.await?;
    kill(bed, &consumer).await?;
    hold.release().await?;
    let kept = what_has_no_row_is_queued(bed, run, At::OneRow { others: newest.0 }).await?;
    Ok((consumer, kept))
}

/// How many accepted posts are neither a row nor a message in the queue.
async fn nowhere(bed: &Bed, run: &Finished) -> Result<u64, Stop> {
    let queued = bed.broker().look_through(QUEUE).await?;
    let id =
        |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok()?["id"].as_str()?.parse().ok();
    let mut somewhere: HashSet<Uuid> = queued.iter().filter_map(|message| id(&message.body)).collect();
    let rows: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM post").fetch_all(bed.database().pool()).await?;
    somewhere.extend(rows);
    let accepted = run.accepted().filter_map(|sample| sample.receipt);
    Ok(accepted.filter(|id| !somewhere.contains(id)).count() as u64)
}

/// The promise that what a consumer had not stored when it was killed is in the queue again.
async fn what_has_no_row_is_queued(bed: &Bed, run: &Finished, at: At) -> Verdict {
    let accepted = run.counts().accepted;
    let rows = bed.database().rows().await?;
    let missing = accepted.saturating_sub(rows as u64);
    let mut ready = 0;
    let given_back = wait::try_until(SOON, async || {
        ready = u64::from(bed.broker().ready(QUEUE).await?.unwrap_or(0));
        Ok::<_, Stop>((ready >= missing).then_some(()))
    });
    given_back.await?;
    let (mut others, mut absent) = (None, missing.saturating_sub(ready));
    if let At::OneRow { others: rows } = at {
        others = Some(rows);
        // One by one: what was stored and not yet acknowledged is in the queue as well, and must not stand for what is not.
        absent = absent.max(nowhere(bed, run).await?);
    }
    promise("what a killed consumer has not stored is in the queue again")
        .observed(Fact::count("accepted", accepted))
        .observed(Fact::count("rows", rows))
        .observed(others.map(|rows| Fact::count("of these stored while one had to wait", rows)))
        .observed(Fact::count("without a row", missing))
        .observed(Fact::count("in the queue", ready))
        .observed(Fact::count("in neither", absent))
        .likely(
            matches!(at, At::Commit),
            "messages were acknowledged when their insert had run, and before its commit: the transaction was rolled back, and nobody has them",
            "end the transaction first, then acknowledge; what is not committed is not stored",
        )
        .likely(
            others.is_some_and(|rows| rows > 0),
            "the message whose row had to wait was acknowledged with those behind it: `multiple` acknowledges every lower tag",
            "acknowledge each message by itself, or up to the last one before which all are stored",
        )
        .likely(
            true,
            "messages were acknowledged before their rows were committed: the killed consumer had them, and nobody else",
            "acknowledge after the commit, not before, and never automatically",
        )
        .kept_if(absent == 0)
}

/// The way to the broker is cut after the commit and before the acknowledgement.
pub(super) async fn commit_without_ack(bed: Bed) -> Verdict {
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let api = bed.service().role("api").start().await?;
    let load = bed.posts(&api, Schedule::constant(60.0, Duration::from_millis(500))).start();
    let run = load.finish().await?;
    let sent = run.counts().accepted;

    let hold = bed.database().hold_inserts().await?;
    let _consumer = bed.service().role("consumer").broker_via(path.addr()).start().await?;
    an_insert_waits(&bed, sent).await?;
    // From here on no acknowledgement reaches the broker; until here none can have been due.
    path.black_hole()?;
    hold.release().await?;
    let committed = wait::try_until(SOON, async || {
        let rows = bed.database().rows().await?;
        Ok::<_, Stop>((rows > 0).then_some(rows))
    });
    let committed = committed.await?.unwrap_or(0);
    path.cut()?;
    let mut ready = 0;
    let given_back = wait::try_until(SOON, async || {
        ready = u64::from(bed.broker().ready(QUEUE).await?.unwrap_or(0));
        Ok::<_, Stop>((ready == sent).then_some(()))
    });
    given_back.await?;
    let kept = promise(
        "a message whose acknowledgement did not arrive is in the queue again, though its row is committed",
    )
    .observed(Fact::count("in the queue at first", sent))
    .observed(Fact::count("rows committed", committed))
    .observed(Fact::count("in the queue after the cut", ready))
    .likely(committed == 0, "nothing was stored", "look at the consumer's stderr")
    .likely(
        ready < sent,
        "messages were acknowledged before their rows were committed",
        "acknowledge after the commit, and not automatically",
    )
    .kept_if(ready == sent && committed > 0)?;
    path.heal()?;
    // The rows are there already. Only an empty queue says that the second deliveries are over.
    let acknowledged = all_acknowledged(&bed, "when the way is open again").await?;
    let stored = all_stored(&bed, &run, "though each message was delivered twice", &[]).await?;
    Ok(kept.and(acknowledged).and(stored))
}
