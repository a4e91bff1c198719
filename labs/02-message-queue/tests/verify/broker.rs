//! What may befall the broker: death, silence, alarm, and a queue that somebody deletes.

use std::time::Duration;

use serde_json::json;
use testbed::prelude::*;
use testbed::wait;
use uuid::Uuid;

use crate::contract::Posting;
use crate::outage::{ATTEMPTS_A_SECOND, HOST, Outage, attempts_are_bounded, no_link};
use crate::queue::{DEAD, QUEUE, all_acknowledged, all_stored};

/// The time in which every request has its answer, in these checks. It is not the contract's default.
const DEADLINE: Duration = Duration::from_millis(500);
/// How long after the broker is back posts must be accepted again: a pause between two attempts to connect, and more.
const RECOVERY: Duration = Duration::from_secs(20);
const BROKER: Outage =
    Outage { of: "broker", deadline: DEADLINE, recovery: RECOVERY, posting: Posting::Queued };

/// A broker that is killed under load, and started again.
pub(crate) async fn broker_restart(bed: Bed) -> Verdict {
    const OUTAGE: Duration = Duration::from_secs(2);
    /// Two seconds of posts: what was confirmed in a queue younger than a second dies with the broker (seen with 4.0.5),
    /// whatever a service does.
    const FIRST: usize = 120;
    let link = Link::open(bed.broker().server(), Path::default()).await.map_err(no_link)?;
    let service = bed.service().deadline(DEADLINE).broker_via(link.addr()).start().await?;
    let schedule = Schedule::constant(60.0, Duration::from_secs(20));
    let load = bed.posts(&service, schedule).label("the broker dies").start();
    load.accepted(FIRST).await?;
    bed.rabbitmq().kill().await?;
    let before = load.stop().await?;
    let kept = BROKER.explicit(&before, "dying")?;
    link.reset_counts();
    let load =
        bed.posts(&service, Schedule::constant(40.0, OUTAGE)).label("while the broker is down").start();
    let during = load.finish().await?;
    let attempts = link.counts().connections;
    let kept = kept.and(BROKER.explicit(&during, "down")?);
    let requests = during.counts().scheduled;
    let kept =
        kept.and(attempts_are_bounded("broker", attempts, requests, ATTEMPTS_A_SECOND, OUTAGE + DEADLINE)?);
    let kept = kept.and(still_serves(&service, "down").await?);
    let post = json!({"content": format!("{BY_HAND}, to nobody")});
    is_refused_in_time(&service, &post, "down").await?;

    bed.says("starting RabbitMQ again");
    bed.rabbitmq().start_again().await?;
    let kept = kept.and(BROKER.works_again(&bed, &service, "back").await?);
    let forgotten = (
        true,
        "what the broker had taken died with it: the queue or its messages are not durable, or the 202 came before the confirm",
        "a durable quorum queue, persistent messages, and the confirm awaited before the answer",
    );
    let stored = all_stored(&bed, &before, "after the broker's death", &[forgotten]).await?;
    Ok(kept.and(stored))
}

/// A broker that says nothing. What was sent to it may arrive or not: only a retry with the same id is safe.
pub(crate) async fn broker_paused(bed: Bed) -> Verdict {
    const RETRIED: usize = 5;
    const FIRST_ID: u128 = 0x0190_a7d0_7d2c_7cc0_8d0e_5f2f_3a1c_9b11;
    let service = bed.service().deadline(DEADLINE).start().await?;
    let schedule = Schedule::constant(40.0, Duration::from_secs(20));
    let load = bed.posts(&service, schedule).label("the broker falls silent").start();
    load.accepted(40).await?;
    bed.rabbitmq().pause().await?;
    let before = load.stop().await?;
    let kept = BROKER.explicit(&before, "falling silent")?;
    let load = bed
        .posts(&service, Schedule::constant(40.0, Duration::from_secs(2)))
        .label("while the broker is silent")
        .start();
    let kept = kept.and(BROKER.explicit(&load.finish().await?, "silent")?);
    let kept = kept.and(still_serves(&service, "silent").await?);

    let posts: Vec<_> = (0..RETRIED)
        .map(|n| json!({"id": Uuid::from_u128(FIRST_ID + n as u128), "content": format!("{BY_HAND}, ambiguous {n}")}))
        .collect();
    for post in &posts {
        is_refused_in_time(&service, post, "silent").await?;
    }
    bed.rabbitmq().unpause().await?;
    for post in &posts {
        let again = wait::until(RECOVERY, async || {
            service.post(post).send().await.is_ok_and(|answer| answer.status == 202).then_some(())
        });
        promise(format!(
            "when the broker answers again, a retry is accepted within {} s, by the same process",
            RECOVERY.as_secs()
        ))
        .likely(
            true,
            "the service still waits for what the silent broker owed it",
            "give up on a confirm at its deadline, and take another channel or connection",
        )
        .kept_if(again.await.is_some())?;
    }
    let stored = all_stored(&bed, &before, "when the broker answers again", &[]).await?;
    let ids: Vec<Uuid> = posts.iter().filter_map(|post| post["id"].as_str()?.parse().ok()).collect();
    let took = bed.stored(&ids, QUEUE).await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM post WHERE content LIKE '%ambiguous%'")
        .fetch_one(bed.database().pool())
        .await?;
    let once = promise("a post that was refused, and then repeated with its id, is one row")
        .observed(Figure::count("repeated", RETRIED))
        .observed(Figure::count("rows", rows))
        .likely(
            rows > RETRIED as i64,
            "the first attempt arrived as well, under another id",
            "take the id that comes with the post",
        )
        .likely(true, "a post that was answered 202 is not stored", "await the confirm")
        .kept_if(took.is_some() && rows == RETRIED as i64)?;
    Ok(kept.and(stored).and(once))
}

/// The promise that what needs no broker goes on without it.
async fn still_serves(service: &Subject, state: &str) -> Verdict {
    let health = service.get("/health").send().await?;
    let list = service.get("/posts").send().await?;
    promise(format!("while the broker is {state}, `/health` and `/posts` are answered 200"))
        .observed(Figure::count("GET /health", health.status))
        .observed(Figure::count("GET /posts", list.status))
        .likely(
            health.status != 200,
            "the health of the broker is told as that of the process, and whatever watches it would kill a service that needs no restart",
            "let /health tell of the process alone",
        )
        .likely(true, "a read waits for the broker", "read from the table; only a post needs the broker")
        .kept_if(health.status == 200 && list.status == 200)
}

/// The promise that a post is refused inside the deadline.
async fn is_refused_in_time(service: &Subject, post: &serde_json::Value, state: &str) -> Result<(), Stop> {
    let answer = service.post(post).send().await?;
    promise(format!("while the broker is {state}, no post is answered 202"))
        .observed(&answer)
        .likely(
            answer.status == 202,
            "the answer does not wait for the broker's confirm",
            "await the confirm under a deadline; without it answer 503",
        )
        .kept_if(answer.status != 202)?;
    answer.is_problem(&[503])?;
    answer.says_when()?;
    promise("the 503 comes inside the deadline")
        .observed(&answer)
        .observed(Figure::duration("answered after", answer.took))
        .likely(
            true,
            "the publish, or the wait for its confirm, has no deadline",
            "bound both by less than REQUEST_TIMEOUT_MS",
        )
        .kept_if(answer.took <= DEADLINE + HOST)?;
    Ok(())
}

/// A broker in memory alarm takes nothing more from those who publish, and still serves those who consume.
pub(crate) async fn memory_alarm(bed: Bed) -> Verdict {
    let service = bed.service().deadline(DEADLINE).start().await?;
    let hold = bed.database().hold_inserts().await?;
    let load = bed.posts(&service, Schedule::constant(40.0, Duration::from_secs(1))).start();
    let run = load.finish().await?;
    bed.says("raising the broker's memory alarm");
    bed.rabbitmq().raise_memory_alarm().await?;
    for n in 0..3 {
        let post = json!({"content": format!("{BY_HAND}, in the alarm {n}")});
        is_refused_in_time(&service, &post, "in memory alarm").await?;
    }
    hold.release().await?;
    let acknowledged = all_acknowledged(&bed, "during the alarm").await?;
    let stored = all_stored(&bed, &run, "during the alarm", &[]).await?;
    bed.says("ending the alarm");
    bed.rabbitmq().end_memory_alarm().await?;
    let again = BROKER.works_again(&bed, &service, "out of its alarm").await?;
    Ok(acknowledged.and(stored).and(again))
}

/// The queue is full: an operator has bounded it. The broker answers a publish that does not fit with a nack.
pub(crate) async fn full_queue(bed: Bed) -> Verdict {
    const FITS: u32 = 20;
    let api = bed.service().role("api").deadline(DEADLINE).start().await?;
    bed.broker().bound(QUEUE, FITS).await?;
    let load = bed.posts(&api, Schedule::constant(40.0, Duration::from_secs(2))).label("the queue is full");
    let run = load.start().finish().await?;
    let kept = BROKER.explicit(&run, "refusing what does not fit")?;
    let waiting = bed.broker().ready(QUEUE).await?.unwrap_or(0);
    let counts = run.counts();
    let honest = promise("what the broker refused is not answered 202")
        .observed(counts)
        .observed(Figure::count("in the queue", waiting))
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
            .observed(Figure::named("repeated", if repeated { "answered 202" } else { "refused again" }))
            .observed(Figure::named("in the table", if in_table { "yes" } else { "no" }))
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
pub(crate) async fn queue_deleted(bed: Bed) -> Verdict {
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
    .observed((!accepted).then(|| Figure::named("last try", last)))
    .likely(
        true,
        "nobody declares the queue again",
        "when a publish comes back, or the consumer is cancelled, declare the queue",
    )
    .kept_if(accepted)?;
    let taken = bed.stored(&id.into_iter().collect::<Vec<_>>(), QUEUE).await?.is_some();
    let consumed = promise("the consumer is back on the new queue: what was accepted there is stored")
        .observed(Figure::count("in the queue", bed.broker().ready(QUEUE).await?.unwrap_or(0)))
        .likely(
            true,
            "the consumer ended silently: its stream ends without an error when the queue is deleted",
            "treat the end of the stream as a fault, and begin again",
        )
        .kept_if(taken)?;
    let dead = bed.broker().declared(DEAD).await?;
    let both = promise(format!("`{DEAD}` is declared anew as well"))
        .observed(Figure::named("dead letters", if dead.is_some() { "declared" } else { "no such queue" }))
        .likely(
            true,
            "only the first queue was declared again: the next poison has no place",
            "declare both, always",
        )
        .kept_if(dead.is_some())?;
    Ok(kept.and(stored).and(back).and(consumed).and(both))
}
