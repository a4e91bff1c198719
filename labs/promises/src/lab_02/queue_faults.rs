//! What may befall the queue: it is full, or somebody deletes it.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::json;
use testbed::wait;
use uuid::Uuid;

use super::broker_faults::{BROKER, DEADLINE, RECOVERY, is_refused_in_time};
use super::stopping::stops_without_its_broker;
use super::stored::all_stored;
use crate::contract::{DEAD, QUEUE};

/// The queue is full: an operator has bounded it. The broker answers a publish that does not fit with a nack.
pub(super) async fn full_queue(bed: Bed) -> Verdict {
    const FITS: u32 = 20;
    let (path, api) = on_its_second_connection(&bed).await?;
    bed.broker().purge(QUEUE).await?;
    bed.broker().bound(QUEUE, FITS).await?;
    let load = bed.posts(&api, Schedule::constant(40.0, Duration::from_secs(2))).label("the queue is full");
    let run = load.start().finish().await?;
    let kept = BROKER.explicit(&[("refusing what does not fit", &run)])?;
    let waiting = bed.broker().ready(QUEUE).await?.unwrap_or(0);
    let counts = run.counts();
    let honest = promise("what the broker refused is not answered 202")
        .observed(counts)
        .observed(Fact::count("in the queue", waiting))
        .likely(
            counts.refused == 0,
            "the broker said no to most of these posts, and nobody listened: a nack was taken for a confirm",
            "await the confirm of each publish by itself, and look whether it is an ack",
        )
        .likely(
            true,
            "more posts were answered 202 than the queue has",
            "answer 202 for an ack, and nothing else",
        )
        .kept_if(counts.accepted <= u64::from(waiting))?;
    let again = json!({"id": "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b11", "content": format!("{BY_HAND}, twice")});
    is_refused_in_time(&api, &again, "full").await?;
    bed.broker().unbound().await?;
    let _consumer = bed.service().role("consumer").start().await?;
    let repeated = wait::until(RECOVERY, async || {
        api.post(&again).send().await.is_ok_and(|answer| answer.status == 202).then_some(())
    });
    let repeated = repeated.await.is_some();
    let stored = all_stored(&bed, &run, "when there is room again", &[]).await?;
    let id: Vec<Uuid> = again["id"].as_str().and_then(|id| id.parse().ok()).into_iter().collect();
    let in_table = bed.stored(&id, QUEUE).await?.is_some();
    let safe =
        promise("a post that was refused is accepted when there is room, under the same id, and stored")
            .observed(Fact::named("repeated", if repeated { "answered 202" } else { "refused again" }))
            .observed(Fact::named("in the table", if in_table { "yes" } else { "no" }))
            .likely(
                repeated,
                "the id was remembered from the attempt that was refused, and the repeat was taken for done",
                "publish every attempt; that the table keeps one row is the consumer's work",
            )
            .likely(true, "the service goes on refusing", "let each publish ask the broker anew")
            .kept_if(repeated && in_table)?;
    let stopped = stops_without_its_broker(&api, &path, "api").await?;
    Ok(kept.and(honest).and(stored).and(safe).and(stopped))
}

/// An api, and its way to the broker, which was cut once: what it has asked of the first connection holds for that one alone.
async fn on_its_second_connection(bed: &Bed) -> Result<(Path, Subject), Stop> {
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let api = bed.service().role("api").deadline(DEADLINE).broker_via(path.addr()).start().await?;
    path.cut()?;
    path.heal()?;
    BROKER.works_again(bed, &api, "back").await?;
    Ok((path, api))
}

/// Somebody deletes the queue, first under an api alone, then under a whole service.
pub(super) async fn queue_deleted(bed: Bed) -> Verdict {
    let (_path, api) = on_its_second_connection(&bed).await?;
    bed.broker().delete(QUEUE).await?;
    let load = bed
        .posts(&api, Schedule::constant(40.0, Duration::from_secs(2)))
        .label("the queue is deleted")
        .start();
    let run = load.finish().await?;
    let kept = BROKER.explicit(&[("without the queue", &run)])?;
    let (_, back) = accepts_again(&api, true).await?;
    let kept = kept.and(back);

    let _consumer = bed.service().role("consumer").start().await?;
    let unroutable = (
        true,
        "the broker confirmed what no queue took: a confirm alone says nothing of routing",
        "publish with `mandatory` on every connection, also a later one, and treat a message that comes back as refused",
    );
    let stored = all_stored(&bed, &run, "with the queue deleted under the api", &[unroutable]).await?;

    bed.says("deleting both queues");
    bed.broker().delete(DEAD).await?;
    bed.broker().delete(QUEUE).await?;
    // Nobody posts meanwhile: only the consumer can have seen it.
    let by_the_consumer =
        wait::try_until(RECOVERY, async || Ok::<_, Stop>(bed.broker().ready(QUEUE).await?.map(|_| ())));
    let by_the_consumer = by_the_consumer.await?.is_some();
    let (id, back) = accepts_again(&api, false).await?;
    let taken = bed.stored(&id.into_iter().collect::<Vec<_>>(), QUEUE).await?.is_some();
    let consumed = promise("the consumer is back on the new queue: what was accepted there is stored")
        .observed(Fact::count("in the queue", bed.broker().ready(QUEUE).await?.unwrap_or(0)))
        .likely(
            true,
            "the consumer ended silently: its stream ends without an error when the queue is deleted",
            "treat the end of the stream as a fault, and begin again",
        )
        .kept_if(taken)?;
    let alone = promise(format!(
        "a consumer whose queue is deleted declares it again by itself, within {} s",
        RECOVERY.as_secs()
    ))
    .observed((!by_the_consumer).then(|| Fact::named("the queue came back", "with the next post, not before")))
    .likely(
        true,
        "it subscribes again and declares nothing: it was back when a post had made the api declare the queue",
        "declare both queues before each subscription, not before the first alone",
    )
    .kept_if(by_the_consumer)?;
    Ok(kept.and(stored).and(back).and(consumed).and(alone))
}

/// The promise that posts are accepted again after the queue was deleted, with the id of the one that was; `alone` when no consumer
/// runs.
async fn accepts_again(api: &Subject, alone: bool) -> Result<(Option<Uuid>, Kept), Stop> {
    let mut last = String::new();
    let mut id = None;
    let accepted = wait::until(RECOVERY, async || {
        match api.post(&json!({"content": format!("{BY_HAND}, to the new queue")})).send().await {
            Ok(answer) if answer.status == 202 => {
                id = answer.json().ok().and_then(|told| told["id"].as_str()?.parse::<Uuid>().ok());
                Some(())
            }
            Ok(answer) => {
                last = format!("answered {}", answer.status);
                None
            }
            Err(_) => None,
        }
    });
    let accepted = accepted.await.is_some();
    let back = promise(format!(
        "the queue is declared anew, and posts are accepted within {} s, {}",
        RECOVERY.as_secs(),
        if alone { "also by an api that is alone" } else { "by an api beside a consumer" }
    ))
    .observed((!accepted).then(|| Fact::named("last try", last)))
    .likely(
        alone,
        "what comes back is refused, and nobody declares the queue for the next post",
        "when a publish comes back, declare both queues: the api may be the only process there is",
    )
    .likely(
        true,
        "nobody declares the queue again",
        "when a publish comes back, or the consumer is cancelled, declare the queue",
    )
    .kept_if(accepted)?;
    Ok((id, back))
}
