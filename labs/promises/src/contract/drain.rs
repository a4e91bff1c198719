//! What is stored of a run, while a queue is being worked off and when it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::interval;
use uuid::Uuid;

use testbed::prelude::*;
use testbed::wait;

use super::table::count_rows;
use super::{DEAD, Reckoned as _};

/// A queue that is being worked off stores something more within this time, whatever the service had to recover from.
const STALLED: Duration = Duration::from_secs(15);
/// When no queue holds anything any more, not even what was delivered, a row that is still on its way comes sooner.
const STALLED_AND_EMPTY: Duration = Duration::from_secs(4);
/// The longest that a drain is waited for.
const LONGEST: Duration = Duration::from_secs(150);

/// How a queue was worked off.
#[derive(Clone, Debug)]
pub struct Drain {
    /// Answered against stored.
    pub ledger: Ledger,
    /// From the call until the last post was stored; `None` when some never were.
    pub took: Option<Duration>,
}

/// What is stored, now and when the queue is worked off.
pub trait Drained {
    /// Waits until every accepted post of `run` is stored, or until nothing more comes, and compares.
    ///
    /// No bound on the rate: a service that stores one row at a time is as right as one that stores hundreds.
    fn drained(&self, run: &Finished, queue: &str) -> impl Future<Output = Result<Drain, Stop>>;
    /// Waits until the posts with these ids are stored: the time until the last one was; `None` when nothing more comes.
    fn stored(&self, ids: &[Uuid], queue: &str) -> impl Future<Output = Result<Option<Duration>, Stop>>;
    /// Begins to count the rows of `post` once a second, for the figure of the run that starts now.
    fn watch_stored(&self) -> StoredWatch;
    /// Puts what a watch saw into the figure of the run with this label.
    fn tell_stored(&self, label: &str, watch: &StoredWatch);
}

impl Drained for Bed {
    async fn drained(&self, run: &Finished, queue: &str) -> Result<Drain, Stop> {
        let accepted: Vec<Uuid> = run.accepted().filter_map(|sample| sample.receipt).collect();
        let took = self.stored(&accepted, queue).await?;
        Ok(Drain { ledger: self.ledger(run).await?, took })
    }

    async fn stored(&self, ids: &[Uuid], queue: &str) -> Result<Option<Duration>, Stop> {
        let (started, wanted) = (Instant::now(), ids.len());
        let mut seen = 0;
        let mut progress = started;
        let ended = wait::try_until(LONGEST, async || {
            let stored = count(self.database().pool(), ids).await?;
            if stored > seen {
                (seen, progress) = (stored, Instant::now());
                self.says(format!("{stored} of {wanted} accepted posts are stored"));
            }
            if seen >= wanted {
                return Ok(Some(Some(progress - started)));
            }
            let still = progress.elapsed();
            let is_over = still > STALLED || (still >= STALLED_AND_EMPTY && is_empty(self, queue).await);
            Ok::<_, Stop>(is_over.then_some(None))
        });
        Ok(ended.await?.flatten())
    }

    fn watch_stored(&self) -> StoredWatch {
        let (pool, rows) = (self.database().pool().clone(), Arc::new(Mutex::new(Vec::new())));
        let kept = rows.clone();
        let task = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_secs(1));
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let counted = count_rows(&pool).await.unwrap_or(0);
                lock(&kept).push(u64::try_from(counted).unwrap_or(0));
            }
        });
        StoredWatch { rows, task }
    }

    fn tell_stored(&self, label: &str, watch: &StoredWatch) {
        self.retell(label, |timeline| timeline.stored = watch.each_second());
    }
}

/// Whether nothing waits any more, neither ready nor delivered: in the queue, or in one of the service's own, where it may keep what it
/// tries again later. A broker that does not answer says neither.
async fn is_empty(bed: &Bed, queue: &str) -> bool {
    matches!(bed.broker().messages_outside(DEAD).await, Ok(0))
        && matches!(bed.broker().ready(queue).await, Ok(None | Some(0)))
}

/// The rows of `post`, counted once a second. Dropping it ends the watch.
pub struct StoredWatch {
    rows: Arc<Mutex<Vec<u64>>>,
    task: JoinHandle<()>,
}

impl StoredWatch {
    /// How many rows came in each second. A count that failed reads as no new row, and the next one makes up for it.
    fn each_second(&self) -> Vec<u64> {
        let (rows, mut highest) = (lock(&self.rows).clone(), 0);
        let each = rows.into_iter().map(|rows| {
            let new = rows.saturating_sub(highest);
            highest = highest.max(rows);
            new
        });
        each.collect()
    }
}

impl Drop for StoredWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn count(pool: &PgPool, ids: &[Uuid]) -> Result<usize, sqlx::Error> {
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM post WHERE id = ANY($1)").bind(ids).fetch_one(pool).await?;
    Ok(usize::try_from(rows).unwrap_or(0))
}
