//! How many messages a consumer holds, and what a second one is good for.

use std::time::{Duration, Instant};

use crate::contract::prelude::*;
use testbed::wait;
use uuid::Uuid;

use super::broker_faults::RECOVERY;
use super::stopping::stops_without_its_broker;
use crate::contract::{DEAD, QUEUE, instant, message};

const SOON: Duration = Duration::from_secs(15);

fn messages(ids: &[Uuid]) -> impl Iterator<Item = Vec<u8>> {
    ids.iter().enumerate().map(|(n, id)| message(*id, &format!("{BY_HAND} {n}")))
}

fn new_ids(count: usize) -> Vec<Uuid> {
    (0..count).map(|_| Uuid::now_v7()).collect()
}

/// The unacknowledged messages never exceed the prefetch, however long an insert takes.
pub(super) async fn bounded_prefetch(bed: Bed) -> Verdict {
    const PREFETCH: u32 = 25;
    const SENT: u32 = 300;
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let consumer = bed.service().role("consumer").prefetch(PREFETCH as usize).broker_via(path.addr());
    let consumer = consumer.start().await?;
    // On its second connection: what was asked of the first one holds for that one alone. It consumes on that one surely when it has
    // stored something: ready it is before.
    let begins = new_ids(1);
    bed.broker().publish(QUEUE, messages(&begins)).await?;
    bed.stored(&begins, QUEUE).await?;
    let before = bed.database().rows().await?;
    path.cut()?;
    path.heal()?;
    let hold = bed.database().hold_inserts().await?;
    let ids = new_ids(SENT as usize);
    let (first, others) = ids.split_at(1);
    bed.broker().publish(QUEUE, messages(first)).await?;
    let back = wait::try_until(RECOVERY, async || {
        Ok::<_, Stop>((bed.database().held_inserts().await? > 0).then_some(()))
    });
    let back = promise(format!(
        "a consumer whose connection was cut takes messages again within {} s",
        RECOVERY.as_secs()
    ))
    .likely(
        true,
        "the consumer ended with its connection",
        "let the consumer come back by itself after every fault: a stream that ends is one, too",
    )
    .kept_if(back.await?.is_some())?;
    bed.broker().publish(QUEUE, messages(others)).await?;
    let (most, looks) = most_at_once(&bed, SENT, Duration::from_secs(2)).await?;
    let kept = promise(format!(
        "with PREFETCH={PREFETCH} never more than {PREFETCH} messages are unacknowledged"
    ))
    .observed(Fact::count("most at once", most))
    .observed(Fact::count("looks", looks))
    .likely(
        most == SENT,
        "the broker sent everything that it had: nothing is to be acknowledged, or this connection, the consumer's second, has no prefetch",
        "set basic.qos on each channel before you consume on it, and acknowledge by hand",
    )
    .likely(
        most > PREFETCH,
        "more than one consumer, another prefetch, or one that was asked of the first connection alone",
        "bound the whole process by PREFETCH, on each channel that consumes",
    )
    .likely(true, "no message was delivered", "look at the consumer's stderr")
    .kept_if((1..=PREFETCH).contains(&most))?;
    hold.release().await?;
    // However slowly they come: a row at a time is as right as a batch.
    bed.stored(&ids, QUEUE).await?;
    let rows = bed.database().rows().await? - before;
    let as_sent =
        "SELECT count(*) FROM post WHERE abs(extract(epoch FROM created_at - $1::timestamptz)) < 0.001";
    let as_sent: i64 = sqlx::query_scalar(as_sent).bind(instant()).fetch_one(bed.database().pool()).await?;
    let as_sent = as_sent - before;
    let all = promise("when inserts go on, all of them are stored")
        .observed(Fact::count("sent", SENT))
        .observed(Fact::count("rows", rows))
        .likely(
            rows <= i64::from(PREFETCH),
            "the first messages were stored, and then no more came: the broker waits for their acknowledgement",
            "acknowledge what is committed; the broker delivers as much again",
        )
        .likely(true, "messages were lost while inserts were held", "keep a batch until it is stored")
        .kept_if(rows == i64::from(SENT))?;
    let instants = promise("each row has the instant of its message, to the millisecond")
        .observed(Fact::count("rows with it", as_sent))
        .likely(true, "the instant is cut off, or made anew", "store created_at as the message carries it")
        .kept_if(as_sent == i64::from(SENT))?;
    let stopped = stops_without_its_broker(&consumer, &path, "consumer").await?;
    let default = prefetch_by_default(&bed).await?;
    Ok(back.and(kept).and(all).and(instants).and(stopped).and(default))
}

/// How many of so many messages were delivered and not acknowledged, at most, and in how many looks. Nothing can be stored meanwhile,
/// so these are all that are neither ready nor dead.
async fn most_at_once(bed: &Bed, sent: u32, longest: Duration) -> Result<(u32, u32), Stop> {
    let (mut most, mut looks) = (0, 0);
    let all_at_once = wait::try_until(longest, async || {
        let (ready, dead) = tokio::try_join!(bed.broker().ready(QUEUE), bed.broker().ready(DEAD))?;
        most = most.max(sent.saturating_sub(ready.unwrap_or(0) + dead.unwrap_or(0)));
        looks += 1;
        Ok::<_, Stop>((most == sent).then_some(()))
    });
    all_at_once.await?;
    Ok((most, looks))
}

/// The promise that without PREFETCH no more messages are delivered than the contract's default says.
async fn prefetch_by_default(bed: &Bed) -> Verdict {
    const DEFAULT: u32 = 200;
    const SENT: u32 = 300;
    /// What the broker may send it sends at once.
    const DELIVERED: Duration = Duration::from_secs(1);
    let _hold = bed.database().hold_inserts().await?;
    bed.broker().publish(QUEUE, messages(&new_ids(SENT as usize))).await?;
    let _consumer = bed.service().role("consumer").start().await?;
    let begins = wait::try_until(SOON, async || {
        Ok::<_, Stop>((bed.database().held_inserts().await? > 0).then_some(()))
    });
    begins.await?;
    let (most, _) = most_at_once(bed, SENT, DELIVERED).await?;
    promise(format!("without PREFETCH never more than {DEFAULT} messages are unacknowledged"))
        .observed(Fact::count("most at once without it", most))
        .likely(
            most == SENT,
            "without PREFETCH nothing bounds what is delivered",
            format!("take {DEFAULT} where nothing is said"),
        )
        .likely(true, "the default is another one", format!("take {DEFAULT} where nothing is said"))
        .kept_if(most <= DEFAULT)
}

/// Two consumers drain at least 1.6 times as fast as one, when the time of an insert is fixed.
pub(super) async fn two_consumers(bed: Bed) -> Verdict {
    const SENT: usize = 4000;
    const WINDOW: Duration = Duration::from_secs(2);
    /// In how many windows both together may show what they can: a virtual machine is slow at first, and so is a host at a busy moment. Who
    /// is in the other's way is so in each.
    const WINDOWS: usize = 3;
    const FASTER: f64 = 1.6;
    /// How long the second one may take to its first insert. Hundreds of times what it takes.
    const SECOND_BEGINS: Duration = Duration::from_secs(5);
    let _api = bed.service().role("api").start().await?;
    bed.broker().publish(QUEUE, messages(&new_ids(SENT))).await?;
    let waiting = bed.broker().ready(QUEUE).await?.unwrap_or(0) as usize;
    let held = promise("what the broker has confirmed waits in the queue, however long that grows")
        .observed(Fact::count("confirmed", SENT))
        .observed(Fact::count("in the queue", waiting))
        .likely(
            true,
            "the queue throws its oldest messages away when it is full: x-max-length with the default overflow, drop-head",
            "bound it with x-overflow reject-publish, or not at all",
        )
        .kept_if(waiting == SENT)?;
    bed.database().service_time(Duration::from_millis(100)).await?;
    let consumer = || bed.service().role("consumer").prefetch(20);
    let connections = bed.postgres().watch(bed.database()).await?;

    let _first = consumer().start().await?;
    let alone = rate(&bed, WINDOW).await?;
    let _second = consumer().start().await?;
    if connections.until(SECOND_BEGINS, |seen| seen.busy > 1).await.is_none() {
        bed.says("the second consumer stores nothing");
    }
    let mut together = 0.0;
    for _ in 0..WINDOWS {
        together = rate(&bed, WINDOW).await?.max(together);
        if together >= FASTER * alone.max(1.0) {
            break;
        }
    }
    let left = bed.broker().ready(QUEUE).await?.unwrap_or(0);
    if left == 0 {
        return Err(Stop::Inconclusive("the queue was empty before both rates were measured".to_owned()));
    }
    let ratio = together / alone.max(1.0);
    let faster = promise(format!("two consumers drain at least {FASTER} times as fast as one"))
        .observed(Fact::measure("one", alone, "/s"))
        .observed(Fact::measure("two", together, "/s"))
        .observed(Fact::measure("ratio", ratio, ""))
        .observed(Fact::count("still in the queue", left))
        .likely(alone < 1.0, "nothing is drained at all", "look at the consumer's stderr")
        .likely(
            ratio < 1.2,
            "only one of them works: the queue or the subscription lets no other in, or they wait for each other",
            "let all subscribe: no x-single-active-consumer, no `exclusive`, no lock that both need",
        )
        .likely(true, "they are in each other's way", "look for what both of them wait for")
        .kept_if(ratio >= FASTER)?;
    Ok(held.and(faster))
}

/// Rows a second, over a window that begins with a new row.
async fn rate(bed: &Bed, window: Duration) -> Result<f64, Stop> {
    let next_row = async || {
        let seen = bed.database().rows().await?;
        let found = wait::try_until(SOON, async || {
            let now = bed.database().rows().await?;
            Ok::<_, Stop>((now > seen).then_some(now))
        });
        Ok::<_, Stop>(found.await?.unwrap_or(seen))
    };
    let first = next_row().await?;
    let started = Instant::now();
    wait::until(window, async || None::<()>).await;
    // To the end of the insert that is under way, as the window began at the end of one.
    let last = next_row().await?;
    Ok((last - first) as f64 / started.elapsed().as_secs_f64())
}
