//! What may befall the broker: death, silence, alarm.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::{Value, json};
use testbed::wait;
use uuid::Uuid;

use super::stored::{all_acknowledged, all_but_one_acknowledged, all_stored};
use crate::contract::{DEAD, QUEUE, message};
use crate::lab_01::{ATTEMPTS_A_SECOND, HOST, Outage, attempts_are_bounded};

/// The time in which every request has its answer, in these checks. It is not the contract's default.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);
/// How long after the broker is back posts must be accepted again: a pause between two attempts to connect, and more.
pub(crate) const RECOVERY: Duration = Duration::from_secs(20);
pub(crate) const BROKER: Outage =
    Outage { of: "broker", deadline: DEADLINE, recovery: RECOVERY, posting: Posting::Queued };

/// A broker that is killed under load, and started again.
pub(super) async fn broker_restart(bed: Bed) -> Verdict {
    const OUTAGE: Duration = Duration::from_secs(2);
    /// Two seconds of posts: what was confirmed in a queue younger than a second dies with the broker (seen with 4.0.5),
    /// whatever a service does.
    const FIRST: usize = 120;
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let service = bed.service().deadline(DEADLINE).broker_via(path.addr()).start().await?;
    let schedule = Schedule::constant(60.0, Duration::from_secs(20));
    let load = bed.posts(&service, schedule).label("the broker dies").start();
    load.accepted(FIRST).await?;
    bed.rabbitmq().kill().await?;
    let before = load.stop().await?;
    path.reset_counts();
    let load =
        bed.posts(&service, Schedule::constant(40.0, OUTAGE)).label("while the broker is down").start();
    let during = load.finish().await?;
    let attempts = path.counts().connections;
    let kept = BROKER.explicit(&[("dying", &before), ("down", &during)])?;
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
    let consumed = all_acknowledged(&bed, "with the broker back").await?;
    Ok(kept.and(stored).and(consumed).and(survives_a_cut(&bed, &service, &path).await?))
}

/// The promise that the connections which took the place of the first ones are replaced as well: to publish, and to consume.
async fn survives_a_cut(bed: &Bed, service: &Subject, path: &Path) -> Verdict {
    path.cut()?;
    path.heal()?;
    let post = json!({"content": format!("{BY_HAND}, after the second fault")});
    let accepted = wait::until(RECOVERY, async || {
        service.post(&post).send().await.ok().filter(|answer| answer.status == 202)
    });
    let accepted = accepted.await;
    let id = match &accepted {
        Some(answer) => answer.json()?["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()),
        None => None,
    };
    let is_stored = match id {
        Some(id) => bed.stored(&[id], QUEUE).await?.is_some(),
        None => false,
    };
    let next = "do for each connection what you do for the first, in one function: whoever opens one waits for its end";
    promise(format!(
        "connections that took the place of others are replaced as well: after one more cut a post is accepted within {} s, and stored",
        RECOVERY.as_secs()
    ))
    .observed(Fact::named("a post after the cut", if accepted.is_some() { "answered 202" } else { "refused" }))
    .observed(Fact::named("in the table", if is_stored { "yes" } else { "no" }))
    .likely(
        accepted.is_none(),
        "the publisher connects again once: it waits for the end of its first connection, and not for that of the next",
        next,
    )
    .likely(
        true,
        "the consumer connects again once: it waits for the end of its first connection, and not for that of the next",
        next,
    )
    .kept_if(is_stored)
}

/// A broker that says nothing. What was sent to it may arrive or not: only a retry with the same id is safe.
pub(super) async fn broker_paused(bed: Bed) -> Verdict {
    const RETRIED: usize = 5;
    const FIRST_ID: u128 = 0x0190_a7d0_7d2c_7cc0_8d0e_5f2f_3a1c_9b11;
    /// How long the broker may speak between two silences. A hundred times what its confirms take.
    const OWED: Duration = Duration::from_millis(500);
    let service = bed.service().deadline(DEADLINE).start().await?;
    let schedule = Schedule::constant(40.0, Duration::from_secs(20));
    let load = bed.posts(&service, schedule).label("the broker falls silent").start();
    load.accepted(40).await?;
    bed.rabbitmq().pause().await?;
    let before = load.stop().await?;
    // A hundred posts wait at once when the first of them is at its deadline.
    let load = bed.posts(&service, Schedule::constant(200.0, 3 * DEADLINE));
    let load = load.label("while the broker is silent").start();
    let reads = bed.gets(&service, "/posts", Schedule::constant(20.0, 3 * DEADLINE));
    let reads = reads.label("reads beside it").start();
    let during = load.finish().await?;
    let kept = BROKER.explicit(&[("falling silent", &before), ("silent", &during)])?;
    let kept = kept.and(reads_go_on(reads.finish().await?.counts())?);
    let kept = kept.and(still_serves(&service, "silent").await?);

    let posts: Vec<_> = (0..RETRIED)
        .map(|n| json!({"id": Uuid::from_u128(FIRST_ID + n as u128), "content": format!("{BY_HAND}, ambiguous {n}")}))
        .collect();
    for post in &posts {
        is_refused_in_time(&service, post, "silent").await?;
    }
    // What the broker owed it says now. Then it is silent again, and no post may live on what was said of another.
    bed.rabbitmq().unpause().await?;
    wait::until(OWED, async || None::<()>).await;
    bed.rabbitmq().pause().await?;
    for n in 0..RETRIED {
        let post = json!({"content": format!("{BY_HAND}, silent again {n}")});
        is_refused_in_time(&service, &post, "silent again").await?;
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
    let waiting = bed.broker().all_messages(QUEUE).await?.unwrap_or(0);
    let once = promise("a post that was refused, and then repeated with its id, is one row")
        .observed(Fact::count("repeated", RETRIED))
        .observed(Fact::count("rows", rows))
        .likely(
            rows > RETRIED as i64,
            "the first attempt arrived as well, under another id",
            "take the id that comes with the post",
        )
        .likely(
            waiting > 0,
            "they are in the queue, and nobody takes them",
            "let the consumer come back by itself after every fault: a stream that ends is one, too",
        )
        .likely(true, "a post that was answered 202 is not stored", "await the confirm")
        .kept_if(took.is_some() && rows == RETRIED as i64)?;
    Ok(kept.and(stored).and(once).and(stops_in_silence(&bed, &service).await?))
}

/// The promise that the service ends in time also when the broker answers no farewell.
async fn stops_in_silence(bed: &Bed, service: &Subject) -> Verdict {
    bed.rabbitmq().pause().await?;
    let ended = service.terminate().await?;
    bed.rabbitmq().unpause().await?;
    ended.in_time(
        "service, whose broker is silent,",
        "a farewell waits for an answer that never comes",
        "bound every close: of the subscription, of each channel, of each connection",
    )
}

/// The promise that reads go on beside posts that wait for the broker.
fn reads_go_on(counts: testbed::load::Counts) -> Verdict {
    promise("while a hundred posts wait for a silent broker, each `GET /posts` is answered 200")
        .observed(Fact::count("lists asked for", counts.scheduled))
        .observed(Fact::count("answered 200", counts.accepted))
        .likely(
            counts.accepted < counts.scheduled,
            "reads and posts stand in one line, or share one bound: where posts wait for the broker, reads find no place",
            "bound the posts by themselves",
        )
        .kept_if(counts.accepted == counts.scheduled)
}

/// The promise that what needs no broker goes on without it.
async fn still_serves(service: &Subject, state: &str) -> Verdict {
    let health = service.get("/health").send().await?;
    let list = service.get("/posts").send().await?;
    promise(format!("while the broker is {state}, `/health` and `/posts` are answered 200"))
        .observed(Fact::count("GET /health", health.status))
        .observed(Fact::count("GET /posts", list.status))
        .likely(
            health.status != 200,
            "the health of the broker is told as that of the process, and whatever watches it would kill a service that needs no restart",
            "let /health tell of the process alone",
        )
        .likely(true, "a read waits for the broker", "read from the table; only a post needs the broker")
        .kept_if(health.status == 200 && list.status == 200)
}

/// The promise that a post is refused inside the deadline.
pub(super) async fn is_refused_in_time(service: &Subject, post: &Value, state: &str) -> Result<(), Stop> {
    let answer = service.post(post).send().await?;
    promise(format!("while the broker is {state}, no post is answered 202"))
        .observed(&answer)
        .likely(
            answer.status == 202 && state == "silent again",
            "it took the confirm of an earlier post, which had been given up, for its own",
            "match each confirm with its publish by the delivery tag, also when it comes late",
        )
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
        .observed(Fact::duration("answered after", answer.took))
        .likely(
            true,
            "the publish, or the wait for its confirm, has no deadline",
            "bound both by less than REQUEST_TIMEOUT_MS",
        )
        .kept_if(answer.took <= DEADLINE + HOST)?;
    Ok(())
}

/// A broker in memory alarm takes nothing more from those who publish, and still serves those who consume.
pub(super) async fn memory_alarm(bed: Bed) -> Verdict {
    const PREFETCH: usize = 10;
    const POISON: &[u8] = b"no post";
    let service = bed.service().deadline(DEADLINE).prefetch(PREFETCH).start().await?;
    let hold = bed.database().hold_inserts().await?;
    let load = bed.posts(&service, Schedule::constant(40.0, Duration::from_secs(1))).start();
    let run = load.finish().await?;
    // It comes to the consumer in the alarm. Who publishes dead letters himself cannot do so then, and no acknowledgement may wait for it.
    let behind = message(Uuid::now_v7(), &format!("{BY_HAND}, behind the poison"));
    bed.broker().publish(QUEUE, [POISON.to_vec(), behind]).await?;
    bed.says("raising the broker's memory alarm");
    bed.rabbitmq().raise_memory_alarm().await?;
    for n in 0..3 {
        let post = json!({"content": format!("{BY_HAND}, in the alarm {n}")});
        is_refused_in_time(&service, &post, "in memory alarm").await?;
    }
    hold.release().await?;
    let acknowledged = all_but_one_acknowledged(&bed, "during the alarm").await?;
    bed.says("ending the alarm");
    bed.rabbitmq().end_memory_alarm().await?;
    let again = BROKER.works_again(&bed, &service, "out of its alarm").await?;
    let set_aside = wait::try_until(RECOVERY, async || {
        Ok::<_, Stop>(bed.broker().take_all(DEAD).await?.into_iter().find(|letter| letter.body == POISON))
    });
    let set_aside = promise(format!(
        "poison that came in the alarm is among the dead letters {} s after it",
        RECOVERY.as_secs()
    ))
    .likely(
        true,
        "it could not be set aside in the alarm, and nobody tried again",
        "keep what could not be set aside, and try again, with pauses",
    )
    .kept_if(set_aside.await?.is_some())?;
    let stored = all_stored(&bed, &run, "during the alarm", &[]).await?;
    Ok(acknowledged.and(again).and(set_aside).and(stored))
}
