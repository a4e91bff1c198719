//! What `POST /post` does with a post, and when it answers.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stored::{all_accepted, all_stored};
use crate::contract::{DEAD, QUEUE};

/// How long an insert keeps its connection busy, in the overload of lab 01.
const SERVICE_TIME: Duration = Duration::from_millis(100);
/// The pool, and with it the capacity of lab 01: 60 posts a second.
const POOL: usize = 6;
const CAPACITY: f64 = 60.0;

/// The message is as the contract has it, and so is its queue.
pub(super) async fn message_as_agreed(bed: Bed) -> Verdict {
    let service = bed.service().role("api").start().await?;
    let answer = service.post(&json!({"content": "my post"})).send().await?;
    answer.has_status(202)?;
    let id = answer.json()?["id"].as_str().unwrap_or_default().to_owned();

    let taken = bed.broker().take_all(QUEUE).await?;
    let in_queue = promise(format!("the answered post is one message in `{QUEUE}`"))
        .observed(Fact::count("messages", taken.len()))
        .likely(
            taken.is_empty(),
            "the 202 left before the broker had the message, or it went elsewhere",
            "await the confirm of a mandatory publish, then answer",
        )
        .kept_if(taken.len() == 1)?;
    let message = &taken[0];
    let body: Value = serde_json::from_slice(&message.body).unwrap_or_default();
    let told = format!("{} bytes: {body}", message.body.len());
    let same = body["id"] == id.as_str() && body["content"] == "my post" && body["created_at"].is_string();
    let body = promise("its body is JSON with id, content and created_at; message_id is the id")
        .observed(Fact::named("body", told))
        .observed(Fact::named("message_id", message.message_id.clone().unwrap_or_default()))
        .likely(
            !same,
            "the body lacks a member, or is not the answered post",
            "publish the whole post: the id of the answer, the content, the instant",
        )
        .likely(
            same,
            "the message carries no message_id, or another one",
            "set the property `message_id` to the post's id",
        )
        .kept_if(same && message.message_id.as_deref() == Some(id.as_str()))?;
    let persistent = promise("the message is persistent: a broker that restarts still has it")
        .observed(Fact::named("delivery_mode", if message.persistent { "2" } else { "1, transient" }))
        .likely(true, "the message is transient", "publish with `delivery_mode` 2")
        .kept_if(message.persistent)?;
    let queues = queues_as_agreed(&bed).await?;
    Ok(in_queue.and(body).and(persistent).and(queues))
}

async fn queues_as_agreed(bed: &Bed) -> Verdict {
    let queue = bed.broker().declared(QUEUE).await?.unwrap_or_default();
    let dead = bed.broker().declared(DEAD).await?;
    promise(format!("`{QUEUE}` is durable and a quorum queue, and `{DEAD}` is there and durable"))
        .observed(Fact::named("kind", &queue.kind))
        .observed(Fact::named("durable", queue.durable.to_string()))
        .observed(Fact::named(
            "dead letters",
            match &dead {
                None => "no such queue",
                Some(dead) if dead.durable => "durable",
                Some(_) => "transient",
            },
        ))
        .likely(
            !queue.durable,
            "the queue ends with the broker",
            "declare it durable, with x-queue-type quorum",
        )
        .likely(
            queue.kind != "quorum",
            "a classic queue confirms before it has synced to disk",
            "declare it with x-queue-type quorum",
        )
        .likely(
            dead.is_none(),
            "nothing takes the messages that can never be stored",
            "declare the queue for dead letters, too",
        )
        .likely(true, format!("`{DEAD}` ends with the broker, and what is in it"), "declare it durable, too")
        .kept_if(queue.durable && queue.kind == "quorum" && dead.is_some_and(|dead| dead.durable))
}

/// What somebody publishes by hand in the management page becomes a post, each time that it is published.
pub(super) async fn message_by_hand(bed: Bed) -> Verdict {
    const TIMES: usize = 2;
    let service = bed.start().await?;
    let body = br#"{"content":"my post"}"#.to_vec();
    bed.broker().publish(QUEUE, vec![body; TIMES]).await?;
    let mut ids = Vec::new();
    let listed = testbed::wait::try_until(Duration::from_secs(10), async || {
        let list = service.get("/posts").send().await?.json()?;
        let posts = list.as_array().into_iter().flatten().filter(|post| post["content"] == "my post");
        ids = posts.filter_map(|post| post["id"].as_str()?.parse::<Uuid>().ok()).collect();
        let dead = bed.broker().ready(DEAD).await?.unwrap_or(0);
        Ok::<_, Stop>((ids.len() >= TIMES || dead > 0).then_some(()))
    });
    listed.await?;
    let dead = bed.broker().ready(DEAD).await?.unwrap_or(0);
    let stored = promise("each message `{\"content\":\"my post\"}` is stored, with an id made then")
        .observed(Fact::count("published", TIMES))
        .observed(Fact::count("in the list", ids.len()))
        .observed(Fact::count("dead letters", dead))
        .likely(
            dead > 0,
            "it became a dead letter: it has no id, and its row was not given one",
            "make an id and an instant where a message has none; build all columns from one list of posts",
        )
        .likely(
            !ids.is_empty(),
            "the same content twice was taken for one post: its id was made from its content",
            "make a new id for each message that has none",
        )
        .likely(true, "the message was not stored", "look at the service's stderr")
        .kept_if(ids.len() >= TIMES && dead == 0)?;
    let versions: Vec<String> = ids.iter().map(|id| id.get_version_num().to_string()).collect();
    let sorted = promise("the id that was made is a UUID of version 7, as every post's")
        .observed(Fact::named("versions", versions.join(", ")))
        .kept_if(ids.iter().all(|id| id.get_version_num() == 7))?;
    Ok(stored.and(sorted))
}

/// Who repeats a post with its id makes no second one.
pub(super) async fn same_id_same_post(bed: Bed) -> Verdict {
    let service = bed.start().await?;
    let id = "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b11";
    for _ in 0..3 {
        let answer = service.post(&json!({"id": id, "content": "once"})).send().await?;
        answer.has_status(202)?;
        promise("the answer carries the id that came with the post")
            .observed(&answer)
            .observed(Fact::named("location", answer.header("location")))
            .likely(true, "the service made an id of its own", "take the id of the body, where it has one")
            .kept_if(
                answer.json()?["id"] == id && answer.header("location").ends_with(&format!("/post/{id}")),
            )?;
    }
    // What was queued before it is stored before it.
    Posting::Queued.post(&service, &json!({"content": "after the three"})).await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM post WHERE content = 'once'")
        .fetch_one(bed.database().pool())
        .await?;
    let dead = bed.broker().ready(DEAD).await?.unwrap_or(0);
    let one = promise("three posts with one id are one row, and no dead letter")
        .observed(Fact::count("rows", rows))
        .observed(Fact::count("dead letters", dead))
        .likely(rows > 1, "each message made a row", "insert with the message's own id")
        .likely(
            dead > 0,
            "the second insert failed on the key, and its message was thrown away",
            "a post that is there is no error: ON CONFLICT (id) DO NOTHING",
        )
        .kept_if(rows == 1 && dead == 0)?;
    let refused = service.post(&json!({"id": "no-uuid", "content": "x"})).send().await?;
    Ok(one.and(refused.is_problem(&[400, 422])?))
}

/// An insert takes two seconds, an answer a few milliseconds.
pub(super) async fn answers_at_once(bed: Bed) -> Verdict {
    const SLOW: Duration = Duration::from_secs(2);
    let service = bed.start().await?;
    bed.database().service_time(SLOW).await?;
    let load = bed.posts(&service, Schedule::constant(30.0, Duration::from_secs(2))).start();
    let run = load.finish().await?;
    let waited = run.samples().iter().filter(|sample| sample.latency_from_send() >= Some(SLOW / 4)).count();
    let median = run.latency_from_send(|_| true).percentile(50.0);
    let at_once =
        promise("the answer does not wait for the insert: 95 of 100 come in less than a quarter of its time")
            .observed(Fact::duration("an insert takes", SLOW))
            .observed(median.map(|median| Fact::duration("half the answers within", median)))
            .observed(Fact::count("waited longer than 500 ms", waited))
            .likely(
                true,
                "the handler waits for the row",
                "answer when the broker has confirmed; the row is the consumer's work",
            )
            .kept_if(waited * 20 <= run.samples().len())?;
    let accepted = all_accepted(&run, "with an insert that takes 2 s")?;
    bed.database().service_time(Duration::ZERO).await?;
    let stored = all_stored(&bed, &run, "when the database is quick again", &[]).await?;
    Ok(at_once.and(accepted).and(stored))
}

/// The overload of lab 01, with the same pool, the same service time and the same schedule.
pub(super) async fn overload_loses_nothing(bed: Bed) -> Verdict {
    let service = bed.service().pool(POOL).start().await?;
    bed.database().service_time(SERVICE_TIME).await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let watch = bed.watch_stored();
    let label = "three times capacity, with a queue";
    let schedule = Schedule::constant(3.0 * CAPACITY, Duration::from_secs(6));
    let load = bed.posts(&service, schedule).label(label).capacity(CAPACITY).start();
    let run = load.finish().await?;
    let accepted = all_accepted(&run, "at three times the database's capacity")?;
    let stored = all_stored(&bed, &run, "when the queue is worked off", &[]).await?;
    bed.tell_stored(label, &watch);
    let peak = connections.peak().open;
    let bounded = promise(format!(
        "with DATABASE_MAX_CONNECTIONS={POOL} the process never holds more than {POOL} connections"
    ))
    .observed(Fact::count("most at once", peak))
    .likely(
        peak > 2 * POOL,
        "connections are opened as they are needed: nothing bounds them",
        "make one pool of DATABASE_MAX_CONNECTIONS, and send every statement through it",
    )
    .likely(
        true,
        "the consumer's connections come on top of those of the reads",
        "count both: what the consumer takes, the pool of the reads has not",
    )
    .kept_if(peak <= POOL)?;
    Ok(accepted.and(stored).and(bounded))
}

/// Two hundred posts within a fifth of a second: the broker answers many publishes with one confirm.
pub(super) async fn burst_is_confirmed(bed: Bed) -> Verdict {
    let service = bed.start().await?;
    let burst = Schedule::constant(1000.0, Duration::from_millis(200));
    let run = bed.posts(&service, burst).label("the burst").start().finish().await?;
    let stored = all_stored(&bed, &run, "after the burst", &[]).await?;
    let taken = bed.ledger(&run).await?.refused_yet_stored.len();
    let counts = run.counts();
    let honest = promise("no post that the broker confirmed is refused")
        .observed(counts)
        .observed(Fact::count("refused, and in the table", taken))
        .likely(
            true,
            "a confirm can stand for many publishes (`multiple`): those before its number waited for one of their own until their deadline",
            "take a confirm with `multiple` for every publish up to its number",
        )
        .kept_if(taken == 0)?;
    let some = promise("of two hundred posts within a fifth of a second some are accepted")
        .observed(counts)
        .kept_if(counts.accepted > 0)?;
    Ok(stored.and(honest).and(some))
}
