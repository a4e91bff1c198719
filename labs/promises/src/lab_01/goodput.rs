//! What is served while three times as much is offered, held against capacity and against what the host can do.

use std::ops::Range;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use sqlx::postgres::PgPoolOptions;

use crate::contract::prelude::*;

use super::overload::{CAPACITY, DEADLINE, POOL};

/// What goodput may be in percent of capacity. Less is lost; more cannot have been done.
const LEAST: f64 = 90.0;
const MOST: f64 = 110.0;

/// The promise that goodput stays near capacity in `window`. Where it does not, the host is asked what it can do: a busy one is no
/// fault of the service.
pub(super) async fn holds(bed: &Bed, run: &Finished, window: Range<Duration>) -> Verdict {
    let judged = near_capacity(run, window.clone());
    if judged.is_ok() || share(run, window.clone()) > MOST {
        return judged;
    }
    let seen = share(run, window);
    let host = percent(inserts_alone(bed).await?);
    if seen >= LEAST * host / 100.0 {
        return Err(Stop::Inconclusive(format!(
            "goodput was {seen:.0} % of capacity, and {POOL} connections that do nothing but insert reach {host:.0} % on this host now: \
             it is too busy to tell"
        )));
    }
    judged
}

/// What the host makes of the same pool and the same service time without a service between, in posts a second.
async fn inserts_alone(bed: &Bed) -> Result<f64, Stop> {
    const LENGTH: Duration = Duration::from_secs(2);
    bed.says("asking the host for the same inserts without a service");
    let pool = PgPoolOptions::new().max_connections(POOL as u32).connect(&bed.database().url(None)).await?;
    let began = Instant::now();
    let connections = (0..POOL).map(|_| async {
        let mut inserted = 0;
        while began.elapsed() < LENGTH {
            let insert = "INSERT INTO post (id, content, created_at) VALUES (gen_random_uuid(), $1, now())";
            sqlx::query(insert).bind(BY_HAND).execute(&pool).await?;
            inserted += 1;
        }
        Ok::<_, Stop>(inserted)
    });
    let inserted: usize = try_join_all(connections).await?.into_iter().sum();
    let lasted = began.elapsed();
    pool.close().await;
    Ok(inserted as f64 / lasted.as_secs_f64())
}

fn share(run: &Finished, window: Range<Duration>) -> f64 {
    percent(run.goodput(window))
}

fn percent(per_second: f64) -> f64 {
    100.0 * per_second / CAPACITY
}

fn near_capacity(run: &Finished, window: Range<Duration>) -> Verdict {
    let counts = run.counts();
    let goodput = run.goodput(window);
    let share = percent(goodput);
    let refused = 100.0 * (counts.scheduled - counts.accepted) as f64 / counts.scheduled.max(1) as f64;
    let slow = run.latency_from_send(|sample| sample.outcome == Outcome::Accepted).percentile(50.0);
    let waited = run.latency_from_send(|sample| sample.outcome == Outcome::Refused).percentile(50.0);
    promise("goodput stays near capacity, between 90 % and 110 % of it, while three times as much is offered")
        .observed(counts)
        .observed(Fact::measure("goodput", goodput, "/s"))
        .observed(Fact::measure("of capacity", share, "%"))
        .observed(Fact::measure("not accepted", refused, "%"))
        .likely(
            share > MOST,
            "more posts are answered 201 than the pool can have committed: the answer leaves before the commit, or statements \
             run beside the pool",
            "await the insert, then answer; send every statement through the one pool",
        )
        .likely(
            slow.is_some_and(|slow| slow > DEADLINE),
            "the pool works on posts whose senders have given up",
            "drop work whose deadline has passed",
        )
        .likely(
            waited.is_some_and(|waited| waited > DEADLINE / 2),
            "the refused waited for long first: in so long a line whoever gets a connection has hardly any time left, or none",
            "bound the line by what can be served inside the deadline, and refuse at once beyond it",
        )
        .likely(
            counts.accepted * 4 < counts.scheduled,
            "posts are refused at once while connections stand idle",
            "refuse because the line is full now, not because it was full a while ago",
        )
        .likely(
            true,
            "connections are held while no insert runs, or work that was refused still holds them",
            "hold a connection for the insert alone, and do nothing after a refusal",
        )
        .kept_if((LEAST..=MOST).contains(&share))
}
