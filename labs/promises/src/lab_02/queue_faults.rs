//! What may befall the queue: it is full, or somebody deletes it.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::json;
use testbed::wait;
use uuid::Uuid;

use super::broker_faults::{BROKER, DEADLINE, RECOVERY, is_refused_in_time};
use super::stored::all_stored;
use crate::contract::{DEAD, QUEUE};

/// The queue is full: an operator has bounded it. The broker answers a publish that does not fit with a nack.
///
/// The service is on its second connection: what it has asked of the first one holds for that one alone.
pub(super) async fn full_queue(bed: Bed) -> Verdict {
    const FITS: u32 = 20;
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let api = bed.service().role("api").deadline(DEADLINE).broker_via(path.addr()).start().await?;
    path.cut()?;
    path.heal()?;
    BROKER.works_again(&bed, &api, "back").await?;
    bed.broker().purge(QUEUE).await?;
    bed.broker().bound(QUEUE, FITS).await?;
    let load = bed.posts(&api, Schedule::constant(40.0, Duration::from_secs(2))).label("the queue is full");
    let run = load.start().finish().await?;
    let kept = BROKER.explicit(&run, "refusing what does not fit")?;
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
    Ok(kept.and(honest).and(stored).and(safe))
}

/// Somebody deletes the queue, first under an api alone, then under a whole service.
pub(super) async fn queue_deleted(bed: Bed) -> Verdict {
    let api = bed.service().role("api").deadline(DEADLINE).start().await?;
    let load = bed.posts(&api, Schedule::constant(20.0, Duration::from_millis(500))).label("before").start();
    load.finish().await?;
    bed.broker().delete(QUEUE).await?;
    let load = bed
        .posts(&api, Schedule::constant(40.0, Duration::from_secs(2)))
        .label("the queue is deleted")
        .start();
    let run = load.finish().await?;
    let kept = BROKER.explicit(&run, "without the queue")?;

    let _consumer = bed.service().role("consumer").start().await?;
    let unroutable = (
        true,
        "the broker confirmed what no queue took: a confirm alone says nothing of routing",
        "publish with `mandatory`, and treat a message that comes back as refused",
    );
    let stored = all_stored(&bed, &run, "with the queue deleted under the api", &[unroutable]).await?;

    bed.says("deleting both queues");
    bed.broker().delete(DEAD).await?;
    bed.broker().delete(QUEUE).await?;
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
        "the queue is declared anew, and posts are accepted within {} s",
        RECOVERY.as_secs()
    ))
    .observed((!accepted).then(|| Fact::named("last try", last)))
    .likely(
        true,
        "nobody declares the queue again",
        "when a publish comes back, or the consumer is cancelled, declare the queue",
    )
    .kept_if(accepted)?;
    let taken = bed.stored(&id.into_iter().collect::<Vec<_>>(), QUEUE).await?.is_some();
    let consumed = promise("the consumer is back on the new queue: what was accepted there is stored")
        .observed(Fact::count("in the queue", bed.broker().ready(QUEUE).await?.unwrap_or(0)))
        .likely(
            true,
            "the consumer ended silently: its stream ends without an error when the queue is deleted",
            "treat the end of the stream as a fault, and begin again",
        )
        .kept_if(taken)?;
    let dead = bed.broker().declared(DEAD).await?;
    let both = promise(format!("`{DEAD}` is declared anew as well"))
        .observed(Fact::named("dead letters", if dead.is_some() { "declared" } else { "no such queue" }))
        .likely(
            true,
            "only the first queue was declared again: the next poison has no place",
            "declare both, always",
        )
        .kept_if(dead.is_some())?;
    Ok(kept.and(stored).and(back).and(consumed).and(both))
}
