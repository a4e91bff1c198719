//! Where poison goes when there is no place for it.

use std::collections::HashSet;
use std::time::Duration;

use testbed::wait;
use uuid::Uuid;

use crate::contract::prelude::*;
use crate::contract::{DEAD, QUEUE, message};

/// How long the messages may take to be delivered, and later to find their place. Many times what they take.
const SOON: Duration = Duration::from_secs(20);
/// How long the delivery of a few messages may take. A hundred times what it takes.
const DELIVERED: Duration = Duration::from_secs(2);

/// The queue for dead letters is gone: somebody has deleted it. What is set aside meanwhile is in it when it is there again.
pub(super) async fn dead_letters_wait(bed: Bed) -> Verdict {
    const POISON: usize = 20;
    const GOOD: usize = 5;
    let consumer = bed.service().role("consumer").start().await?;
    let queue = bed.broker().declared(QUEUE).await?.unwrap_or_default();
    bed.broker().delete(DEAD).await?;
    let poison: Vec<Vec<u8>> = (0..POISON).map(|n| format!("no post {n}").into_bytes()).collect();
    // Good ones stand behind it: what becomes of them must not settle what is not set aside yet.
    let good = (0..GOOD).map(|n| message(Uuid::now_v7(), &format!("{BY_HAND}, behind poison {n}")));
    bed.broker().publish(QUEUE, poison.iter().cloned().chain(good)).await?;
    // A service that keeps what it cannot set aside leaves it in the queue, and is right as well.
    let delivered = wait::until(DELIVERED, async || {
        bed.broker().ready(QUEUE).await.is_ok_and(|ready| ready == Some(0)).then_some(())
    });
    delivered.await;

    // At its start it declares what is gone, if it has not done so before.
    let stopped = consumer.terminate().await?.in_time(
        "consumer",
        "with ROLE=consumer something holds it: its loop, or a dead letter that finds no place",
        "with every ROLE, cancel the subscription, give back what is not settled, close, and return from main",
    )?;
    consumer.restart().await?;
    let mut missing: HashSet<Vec<u8>> = poison.into_iter().collect();
    let all = wait::try_until(SOON, async || {
        for letter in bed.broker().take_all(DEAD).await? {
            missing.remove(&letter.body);
        }
        Ok::<_, Stop>(missing.is_empty().then_some(()))
    });
    all.await?;
    let left = bed.broker().all_messages(QUEUE).await?.unwrap_or(0);
    let found = promise(format!("what is set aside while `{DEAD}` is gone is in it when it is there again"))
        .observed(Fact::count("poisonous", POISON))
        .observed(Fact::count("missing", missing.len()))
        .observed((left > 0).then(|| Fact::count("still with the broker", left)))
        .likely(
            !queue.hands_on && left == 0,
            "nothing hands the messages on, or they were published and acknowledged without a confirm",
            "acknowledge what you set aside yourself when the broker has confirmed its copy, and not with those behind it: `multiple` takes \
             along all that came before",
        )
        .likely(
            left == 0 && !queue.at_least_once,
            "the broker hands on dead letters at most once: one that finds no queue is thrown away",
            "declare the queue with x-dead-letter-strategy at-least-once, and x-overflow reject-publish, which that needs",
        )
        .likely(
            left == 0,
            "the messages are in neither queue: they were thrown away",
            "look at what becomes of a message between its rejection and its place among the dead letters, also when one behind it is \
             acknowledged (`multiple`)",
        )
        .likely(true, "the messages are still with the broker", "try again what could not be set aside")
        .kept_if(missing.is_empty())?;
    Ok(stopped.and(found))
}
