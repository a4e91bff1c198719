//! What dies, or is away for a while, and costs nothing: the service, its consumer, the database.

use std::time::Duration;

use crate::contract::prelude::*;
use time::OffsetDateTime;

use super::stored::{all_accepted, all_acknowledged, all_stored};
use crate::contract::QUEUE;
use crate::lab_01::{ATTEMPTS_A_SECOND, attempts_are_bounded};

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
    /// The broker counts once a second, and when a channel ends.
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
    let _consumer = bed.service().role("consumer").start().await?;
    let stored = all_stored(&bed, &run, "when a consumer comes", &[]).await?;
    let newest: OffsetDateTime =
        sqlx::query_scalar("SELECT max(created_at) FROM post").fetch_one(bed.database().pool()).await?;
    let instants = promise("created_at is when a post was accepted, not when it was stored")
        .observed(Fact::measure("newest, before the consumer came", (before - newest).as_seconds_f64(), "s"))
        .likely(true, "the consumer takes its own clock", "store the instant that the message carries")
        .kept_if(newest < before)?;
    Ok(accepted.and(not_yet).and(apart).and(stored).and(instants))
}

/// A database that is away for fourteen seconds: posts are accepted all the while.
pub(super) async fn database_down(bed: Bed) -> Verdict {
    const PREFETCH: usize = 200;
    const LENGTH: Duration = Duration::from_secs(15);
    let path = Path::to(bed.database().server(), Duration::ZERO)?;
    let service = bed.service().prefetch(PREFETCH).database_via(path.addr()).start().await?;
    let load = bed.posts(&service, Schedule::constant(4.0, LENGTH)).label("the database is away").start();
    load.accepted(4).await?;
    bed.postgres().kill().await?;
    let (killed, before) = (load.elapsed(), load.counts().accepted);
    path.reset_counts();
    service.get("/health").send().await?.has_status(200)?;
    let run = load.finish().await?;
    let attempts = path.counts().connections;
    let accepted = all_accepted(&run, "while the database is away")?;
    let (requests, lasted) = (run.counts().scheduled - before, LENGTH.saturating_sub(killed));

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
    // Last: who throws messages away because of it has the greater worry.
    Ok(accepted.and(stored).and(attempts_are_bounded("database", attempts, requests, a_second, lasted)?))
}

/// SIGTERM ends the service in time; what it had accepted is stored, or is still in the queue.
pub(super) async fn graceful_stop(bed: Bed) -> Verdict {
    /// So long an answer takes at least: a good way to the broker, once there and back.
    const ROUND_TRIP: Duration = Duration::from_millis(250);
    /// A request that left so long before the signal has surely arrived.
    const ARRIVED: Duration = Duration::from_millis(100);
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let service = bed.service().broker_via(path.addr()).start().await?;
    // Not before the first post: to connect takes a dozen round trips, and some connect when they must.
    service
        .post(&serde_json::json!({"content": format!("{BY_HAND}, the first")}))
        .send()
        .await?
        .has_status(202)?;
    path.set_way(Way::round_trip(ROUND_TRIP));
    bed.database().service_time(Duration::from_millis(500)).await?;
    let load = bed.posts(&service, Schedule::constant(60.0, Duration::from_secs(20))).start();
    let _idle = service.idle_clients("/post").await?;
    load.accepted(60).await?;
    let signalled = load.elapsed();
    let ended = service.terminate().await?;
    let run = load.stop().await?;

    let exit = ended.in_time(
        "service",
        "something holds the process: the consumer's loop, or a wait without an end",
        "cancel the subscription, end the batch that is being stored, close, return from main",
    )?;
    let answered = in_flight_is_answered(&run, signalled, ARRIVED)?;
    bed.database().service_time(Duration::ZERO).await?;
    path.set_way(Way::default());
    service.restart().await?;
    let dropped = (
        true,
        "what was taken from the queue at SIGTERM was acknowledged and not stored",
        "give back what is not stored: end the channel without an acknowledgement",
    );
    let stored = all_stored(&bed, &run, "after the stop and the next start", &[dropped]).await?;
    let acknowledged = all_acknowledged(&bed, "after the stop and the next start").await?;
    Ok(exit.and(answered).and(stored).and(acknowledged))
}

/// The promise that every request that had arrived at the signal has its answer.
fn in_flight_is_answered(run: &Finished, signalled: Duration, arrived: Duration) -> Verdict {
    let in_flight = run.samples().iter().filter(|sample| {
        sample.sent.is_some_and(|sent| sent + arrived < signalled) && sample.ended > signalled
    });
    let (accepted, others): (Vec<_>, Vec<_>) =
        in_flight.partition(|sample| sample.outcome == Outcome::Accepted);
    if accepted.is_empty() && others.is_empty() {
        return Err(Stop::Inconclusive("no request was in flight at the moment of the signal".to_owned()));
    }
    let refused = others.iter().filter(|sample| sample.status.is_some()).count();
    promise("every request that was in flight at SIGTERM is finished with its normal answer: 202")
        .observed(Fact::count("in flight", accepted.len() + others.len()))
        .observed(Fact::count("cut", others.len() - refused))
        .observed(Fact::count("refused", refused))
        .likely(
            refused > 0,
            "the way to the broker is closed while requests wait for their confirms",
            "on SIGTERM stop accepting, answer what is there, and close the connections to broker and database last",
        )
        .likely(
            true,
            "the process ends with requests under way: their senders cannot know what became of their posts",
            "on SIGTERM stop accepting, answer what is there, then end",
        )
        .kept_if(others.is_empty())
}
