//! What dies, or is away for a while, and costs nothing: the service, its consumer, the database.

use std::time::Duration;

use crate::contract::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::stored::{all_accepted, all_stored};
use crate::contract::QUEUE;
use crate::lab_01::{ATTEMPTS_A_SECOND, attempts_are_bounded, reads_are_refused_in_time};

const SERVICE_TIME: Duration = Duration::from_millis(100);

/// The chapter's central experiment: the process that holds accepted posts is killed.
pub(super) async fn kill_loses_nothing(bed: Bed) -> Verdict {
    let service = bed.service().pool(6).start().await?;
    bed.database().service_time(SERVICE_TIME).await?;
    let schedule = Schedule::poisson(120.0, Duration::from_secs(20), 1);
    let load = bed.posts(&service, schedule).capacity(60.0).start();

    load.accepted(150).await?;
    service.kill().await?;
    let run = load.stop().await?;
    service.restart().await?;

    let in_memory = (
        !was_published(&bed).await?,
        "no message was ever published: accepted posts waited in the process's own memory, and died with it",
        "keep accepted posts in the broker's queue: publish, await the confirm, answer",
    );
    all_stored(&bed, &run, "after the kill and the restart", &[in_memory]).await
}

/// Whether any message came to the queue.
async fn was_published(bed: &Bed) -> Result<bool, Stop> {
    /// The broker counts a few times a second, and when a channel ends.
    const COUNTED: Duration = Duration::from_secs(3);
    let published = testbed::wait::try_until(COUNTED, async || {
        let queue = bed.broker().declared(QUEUE).await?;
        Ok::<_, Stop>(queue.is_some_and(|queue| queue.published > 0).then_some(()))
    });
    Ok(published.await?.is_some())
}

/// The two halves live apart: one takes posts while the other is not there.
pub(super) async fn consumer_stopped(bed: Bed) -> Verdict {
    let api = bed.service().role("api").start().await?;
    let load = bed.posts(&api, Schedule::constant(50.0, Duration::from_secs(2))).start();
    let run = load.finish().await?;
    let accepted = all_accepted(&run, "with no consumer anywhere")?;
    let waiting = bed.broker().ready(QUEUE).await?.unwrap_or(0);
    let rows = bed.database().rows().await?;
    let told = run.accepted().find_map(|sample| sample.receipt).unwrap_or_default();
    let not_yet = api.get(&format!("/post/{told}")).send().await?;
    let not_yet = promise("a post that is accepted and not yet stored is answered 404")
        .observed(&not_yet)
        .likely(
            not_yet.status == 200,
            "the process answers from its own memory: another one knows nothing of this post",
            "read from the table",
        )
        .kept_if(not_yet.status == 404)?;
    let apart = promise("with ROLE=api posts wait in the queue, and nobody stores them")
        .observed(Fact::count("in the queue", waiting))
        .observed(Fact::count("rows", rows))
        .likely(
            rows > 0,
            "the api stores posts itself",
            "leave the table to the consumer: ROLE says who does what",
        )
        .likely(true, "posts are kept somewhere else than in the queue", "publish each before its 202")
        .kept_if(rows == 0 && u64::from(waiting) == run.counts().accepted)?;

    let before = OffsetDateTime::now_utc();
    let consumer = bed.service().role("consumer").start().await?;
    let stored = all_stored(&bed, &run, "when a consumer comes", &[]).await?;
    let newest: OffsetDateTime =
        sqlx::query_scalar("SELECT max(created_at) FROM post").fetch_one(bed.database().pool()).await?;
    let instants = promise("created_at is when a post was accepted, not when it was stored")
        .observed(Fact::measure("newest, before the consumer came", (before - newest).as_seconds_f64(), "s"))
        .likely(true, "the consumer takes its own clock", "store the instant that the message carries")
        .kept_if(newest < before)?;
    let closed = a_consumer_accepts_nothing(&consumer).await?;
    Ok(accepted.and(not_yet).and(apart).and(stored).and(instants).and(closed))
}

/// The promise that a consumer takes no posts. Who gives no answer at all has not taken one, either.
async fn a_consumer_accepts_nothing(consumer: &Subject) -> Verdict {
    let answer =
        consumer.post(&serde_json::json!({"content": format!("{BY_HAND}, to a consumer")})).send().await;
    let accepted = answer.as_ref().ok().filter(|answer| (200..300).contains(&answer.status));
    promise("with ROLE=consumer no post is accepted: `POST /post` is not answered 2xx")
        .observed(accepted)
        .likely(
            accepted.is_some_and(|answer| answer.status == 200),
            "whatever is asked is answered as `GET /health` is",
            "look at the method and the path, and answer 404 to all others",
        )
        .likely(
            true,
            "every role has the routes of all",
            "let ROLE decide which routes there are: a consumer has `/health`",
        )
        .kept_if(accepted.is_none())
}

/// A database that is away for twelve seconds: posts are accepted all the while.
pub(super) async fn database_down(bed: Bed) -> Verdict {
    const PREFETCH: usize = 200;
    const LENGTH: Duration = Duration::from_secs(13);
    /// The contract's default.
    const DEADLINE: Duration = Duration::from_secs(2);
    let path = Path::to(bed.database().server(), Duration::ZERO)?;
    let service = bed.service().prefetch(PREFETCH).database_via(path.addr()).start().await?;
    let load = bed.posts(&service, Schedule::constant(4.0, LENGTH)).label("the database is away").start();
    load.accepted(4).await?;
    bed.postgres().kill().await?;
    let (killed, before) = (load.elapsed(), load.counts().accepted);
    path.reset_counts();
    service.get("/health").send().await?.has_status(200)?;
    // Page 1 may be in memory, from lab 03 on.
    let reads =
        ["/posts?page=2".to_owned(), "/search?content=read".to_owned(), format!("/post/{}", Uuid::now_v7())];
    let refused = reads_are_refused_in_time(&service, DEADLINE, &reads, "away").await;
    let run = load.finish().await?;
    let attempts = path.counts().connections;
    let limit = limit_in_reach(&bed).await?;
    let accepted = all_accepted(&run, "while the database is away")?;
    let requests = run.counts().scheduled - before + reads.len() as u64;
    let lasted = LENGTH.saturating_sub(killed);

    bed.says("starting PostgreSQL again");
    bed.postgres().start_again().await?;
    let early = (
        true,
        "the database was away, and messages were acknowledged all the same, or given back until the broker's limit of deliveries",
        "acknowledge after the commit; keep what could not be stored, and try it again, with pauses",
    );
    let stored = all_stored(&bed, &run, "when the database is back", &[early]).await?;
    // Each message that waits may try once a second.
    let a_second = ATTEMPTS_A_SECOND + PREFETCH as u64;
    let spared = match limit {
        Some(limit) => spares_deliveries(&bed, &service, &path, limit).await?,
        None => Kept::default(),
    };
    // Last: who throws messages away because of it has the greater worry.
    refused?;
    Ok(accepted
        .and(stored)
        .and(spared)
        .and(attempts_are_bounded("database", attempts, requests, a_second, lasted)?))
}

/// The broker's limit of deliveries, where it is within reach, and messages were given back while the database was away.
async fn limit_in_reach(bed: &Bed) -> Result<Option<u64>, Stop> {
    /// A limit that no outage reaches.
    const MANY: u64 = 100_000;
    let queue = bed.broker().declared(QUEUE).await?.filter(|queue| queue.redelivered > 0);
    Ok(queue.and_then(|queue| queue.delivery_limit).filter(|limit| *limit < MANY))
}

/// The promise that an outage does not use up a message's deliveries. To be asked of who gives messages back while the database is away:
/// some brokers count each that is given back, and others only what a dead connection held.
async fn spares_deliveries(bed: &Bed, service: &Subject, path: &Path, limit: u64) -> Verdict {
    const AWAY: Duration = Duration::from_secs(15);
    /// Who gives a message back once, and then waits for the database, is right. One is the kill's.
    const FEW: u64 = 2;
    bed.says("the way to the database is cut once more");
    path.cut()?;
    let post = serde_json::json!({ "content": format!("{BY_HAND}, while the database is away") });
    service.post(&post).send().await?.has_status(202)?;
    testbed::wait::until(AWAY, async || None::<()>).await;
    // Dead, it holds nothing: what it gave back, and what it held, is ready.
    service.kill().await?;
    let counted = testbed::wait::try_until(AWAY, async || {
        let letters = bed.broker().take_all(QUEUE).await?;
        Ok::<_, Stop>(letters.into_iter().map(|letter| letter.returned).max())
    });
    let counted = counted.await?.unwrap_or(0);
    promise("a message that waits for the database is not given back until the broker's limit of deliveries is reached")
        .observed(Fact::duration("the database was away for", AWAY))
        .observed(Fact::count("deliveries of one post that the broker counts as failed", counted))
        .observed(Fact::count("the queue's limit of them", limit))
        .observed(Fact::duration("an outage reaches it in", AWAY.mul_f64(limit as f64 / counted.max(1) as f64)))
        .likely(
            true,
            "what cannot be stored is given back, and comes again, and the broker counts: when the outage lasts, it sets good posts aside",
            "keep what could not be stored and try it again, with pauses, or take nothing until the database answers",
        )
        .kept_if(counted <= FEW)
}
