//! What `POST /post` does with a post, and when it answers.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::{Value, json};
use testbed::answer::all_kept;

use super::stored::{all_accepted, all_stored};
use crate::contract::{DEAD, QUEUE};

/// How long an insert keeps its connection busy, in the overload of lab 01.
const SERVICE_TIME: Duration = Duration::from_millis(100);
/// The pool, and with it the capacity of lab 01: 60 posts a second.
const POOL: usize = 6;
const CAPACITY: f64 = 60.0;

/// The message is as the contract has it, and so is its queue.
pub(super) async fn message_as_agreed(bed: Bed) -> Verdict {
    let ready = queues_when_ready(&bed).await?;
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
    Ok(ready.and(in_queue).and(body).and(persistent).and(queues))
}

/// The promise that who is ready has declared.
async fn queues_when_ready(bed: &Bed) -> Verdict {
    /// A way on which every declaration takes its time.
    const FAR: Duration = Duration::from_millis(150);
    let far = Path::to(bed.broker().server(), FAR)?;
    let _service = bed.service().role("api").broker_via(far.addr()).start().await?;
    let mut missing = Vec::new();
    for queue in [QUEUE, DEAD] {
        if bed.broker().declared(queue).await?.is_none() {
            missing.push(format!("`{queue}`"));
        }
    }
    promise("when `/health` is first answered 200, both queues are there, also where the broker is far")
        .observed((!missing.is_empty()).then(|| Fact::named("not there", missing.join(" and "))))
        .likely(
            true,
            "it listens before it has declared, or declares with the first post",
            "declare both queues, await the broker's answers, then listen",
        )
        .kept_if(missing.is_empty())
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

/// Who repeats a post with its id makes no second one.
pub(super) async fn same_id_same_post(bed: Bed) -> Verdict {
    /// Of one connection the consumer can keep none for itself: reads and inserts take turns.
    const FEW: usize = 1;
    let service = bed.service().pool(FEW).start().await?;
    let id = "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b11";
    let list = service.get("/posts").send().await?;
    promise(format!("with DATABASE_MAX_CONNECTIONS={FEW} reads are answered, beside a consumer: they share"))
        .observed(&list)
        .likely(
            true,
            "the consumer keeps the only connection for itself, and no read ever gets it",
            "take the consumer's connections from those of the reads, and give each back after its batch",
        )
        .kept_if(list.status == 200)?;
    // By now a connection that made the schema is gone.
    let connections = bed.postgres().watch(bed.database()).await?;
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
    let refused = no_uuid_is_refused(&service).await?;
    Ok(one.and(refused).and(never_more_than_the_pool(connections.peak().open, FEW)?))
}

/// The promise that an id which is none is refused, and not passed over.
async fn no_uuid_is_refused(service: &Subject) -> Verdict {
    const SENTENCE: &str = "an `id` that is no UUID is refused, with 422 or 400";
    let ids = [json!("no-uuid"), json!(""), json!(42)];
    for id in &ids {
        let answer = service.post(&json!({"id": id, "content": "x"})).send().await?;
        promise(SENTENCE)
            .observed(Fact::named("id", id.to_string()))
            .observed(&answer)
            .likely(
                answer.status < 300 && *id == "",
                "an empty id was taken for none, and the post got another one",
                "make an id where none was sent, and refuse whatever was sent and is no UUID",
            )
            .likely(
                answer.status < 300,
                "the request was taken for a good one",
                "refuse an id that is no UUID where the request is read",
            )
            .likely(
                true,
                "the id was not looked at where the request is read",
                "refuse an id that is no UUID where the request is read",
            )
            .kept_if([400, 422].contains(&answer.status))?;
        answer.is_problem(&[400, 422])?;
    }
    Ok(all_kept(SENTENCE, ids.len()))
}

/// An insert takes two seconds, an answer a few milliseconds.
pub(super) async fn answers_at_once(bed: Bed) -> Verdict {
    const SLOW: Duration = Duration::from_secs(2);
    let service = bed.service().pool(POOL).start().await?;
    let connections = bed.postgres().watch(bed.database()).await?;
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
    reads_beside_inserts(&bed, &service).await?;
    bed.database().service_time(Duration::ZERO).await?;
    let stored = all_stored(&bed, &run, "when the database is quick again", &[]).await?;
    Ok(at_once.and(accepted).and(stored).and(never_more_than_the_pool(connections.peak().open, POOL)?))
}

/// Reads that could use every connection, beside inserts that are under way. How they end is open: connections may be short.
async fn reads_beside_inserts(bed: &Bed, service: &Subject) -> Result<(), Stop> {
    const READ_TIME: Duration = Duration::from_millis(100);
    let reads = Schedule::constant(1.5 * POOL as f64 / READ_TIME.as_secs_f64(), Duration::from_secs(1));
    bed.database().read_time(READ_TIME).await?;
    // Not page 1, which may be in memory, from lab 03 on.
    bed.gets(service, "/posts?page=2", reads).label("reads beside the inserts").start().finish().await?;
    bed.database().read_time(Duration::ZERO).await?;
    Ok(())
}

/// The promise that reads and inserts share the connections.
fn never_more_than_the_pool(peak: usize, pool: usize) -> Verdict {
    promise(format!(
        "with DATABASE_MAX_CONNECTIONS={pool} the process never holds more than {pool} {}",
        if pool == 1 { "connection" } else { "connections" }
    ))
    .observed(Fact::count("most at once", peak))
    .likely(
        peak > 2 * pool,
        "connections are opened as they are needed: nothing bounds them",
        "make one pool of DATABASE_MAX_CONNECTIONS, and send every statement through it",
    )
    .likely(
        true,
        "the consumer's connections come on top of those of the reads",
        "count both: what the consumer takes, the pool of the reads has not",
    )
    .kept_if(peak <= pool)
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
    Ok(accepted.and(stored).and(never_more_than_the_pool(connections.peak().open, POOL)?))
}

/// Two hundred posts within half a second: the broker answers many publishes with one confirm. No faster: a slow host carries it, too.
pub(super) async fn burst_is_confirmed(bed: Bed) -> Verdict {
    let service = bed.start().await?;
    let burst = Schedule::constant(400.0, Duration::from_millis(500));
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
    let some = promise("of two hundred posts within half a second some are accepted")
        .observed(counts)
        .kept_if(counts.accepted > 0)?;
    Ok(stored.and(honest).and(some))
}
