//! How fast lab 02's consumer works off a queue, beside one insert a post, and beside each half of its work done alone.

use std::time::{Duration, Instant};

use promises::contract::PostTable as _;
use sqlx::Executor as _;
use testbed::services::Database;
use testbed::setup::SetUp;
use testbed::verdict::Stop;
use testbed::wait;
use tokio::process::Command;

use super::peers::{copy, figures, pgbench};
use super::queue::{Bench, PREFETCH, QUEUE};
use super::{PAIRS, table};

/// What waits in the queue before a drain is timed: more than a second of it.
const BACKLOG: usize = 60_000;
/// How many rows the consumer commits together when there is much to do.
const BATCH: usize = PREFETCH / 2;
/// How long a drain may take.
const LONGEST: Duration = Duration::from_secs(60);
/// The bar beside the two halves done one after the other: what the broker delivers to a consumer that stores nothing, and what
/// PostgreSQL takes by a COPY for each batch.
const HALVES: f64 = 0.7;

/// Measures, prints, and says whether the bars were held.
pub async fn measure(bench: &Bench) -> Result<bool, Stop> {
    let database = bench.bed.database();
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        empty(database).await?;
        let single = pgbench(database, 1).await?;
        empty(database).await?;
        let copied = copy(database, BACKLOG, BATCH).await?;
        let delivered = bench.deliveries().await?;
        empty(database).await?;
        let drained = bench.drain().await?;
        pairs.push(Pair { single, copied, delivered, drained });
    }
    Ok(judge(&pairs))
}

/// What was measured one after the other, in messages or rows a second.
struct Pair {
    /// pgbench's single-row inserts, on as many connections as the consumer has: one.
    single: f64,
    copied: f64,
    delivered: f64,
    drained: f64,
}

impl Pair {
    /// The rate of whoever takes a batch, then stores it, and only then takes the next one.
    fn in_turn(&self) -> f64 {
        1.0 / (1.0 / self.copied + 1.0 / self.delivered)
    }
}

/// Prints the pairs, and says whether the bar was held.
fn judge(pairs: &[Pair]) -> bool {
    println!(
        "\ndrain of {BACKLOG} messages, beside its halves: bare deliveries, and a COPY for each {BATCH} rows"
    );
    println!("{:<6} {:>14} {:>16}", "pair", "deliveries /s", "copied rows /s");
    for (number, pair) in pairs.iter().enumerate() {
        println!("{:<6} {:>14.0} {:>16.0}", number + 1, pair.delivered, pair.copied);
    }
    let halves: Vec<_> = pairs.iter().map(|pair| (pair.in_turn(), pair.drained)).collect();
    let held = table(("in turn /s", "drain /s"), &halves, HALVES);
    // No bar: this is what one commit costs on this disk, and how far that is above a delivery.
    println!("for comparison: pgbench's single-row inserts on as many connections, one");
    for (number, Pair { single, drained, .. }) in pairs.iter().enumerate() {
        println!("{:<6} {single:>14.0} {drained:>16.0} {:>8.2}", number + 1, drained / single);
    }
    held
}

/// Every measurement finds the table as the first one did: an index that has grown is slower.
async fn empty(database: &Database) -> Result<(), SetUp> {
    let emptied = database.pool().execute("TRUNCATE post").await;
    emptied.map(drop).map_err(|error| SetUp::from_cause("empty the table", error))
}

impl Bench {
    async fn fill(&self) -> Result<(), SetUp> {
        let published = self.bed.broker().publish(QUEUE, (0..BACKLOG).map(message)).await;
        published.map_err(|_| SetUp::from_cause("fill the queue", "the service has not declared it"))
    }

    /// Messages a second to a consumer that acknowledges them and does nothing else.
    async fn deliveries(&self) -> Result<f64, SetUp> {
        self.fill().await?;
        let mut command = Command::new(&self.peers.take);
        command.args([&self.bed.broker().url(None), QUEUE, &PREFETCH.to_string(), &BACKLOG.to_string()]);
        figures(&mut command).await.map(|[rate]| rate)
    }

    /// Messages a second that become rows.
    async fn drain(&self) -> Result<f64, Stop> {
        self.fill().await?;
        let _consumer = self.service("consumer").start().await?;
        // The looks are at the queue: to count the rows would take the database's time from the consumer.
        let left = async || self.bed.broker().ready(QUEUE).await.map(|ready| ready.unwrap_or(0) as usize);
        let mut begun = None;
        let drained = wait::try_until(LONGEST, async || {
            let left = left().await?;
            if begun.is_none() && left < BACKLOG {
                begun = Some((Instant::now(), left));
            }
            Ok::<_, SetUp>((left == 0).then_some(()))
        });
        let drained = drained.await?.is_some();
        let stored = wait::try_until(LONGEST, async || {
            Ok::<_, SetUp>((self.rows().await? == BACKLOG).then(Instant::now))
        });
        match (drained, begun, stored.await?) {
            (true, Some((begun, left)), Some(ended)) => {
                Ok(left as f64 / ended.duration_since(begun).as_secs_f64().max(0.001))
            }
            _ => {
                let cause = format!("{} of {BACKLOG} are stored after {LONGEST:?}", self.rows().await?);
                Err(SetUp::from_cause("drain the queue", cause).into())
            }
        }
    }

    async fn rows(&self) -> Result<usize, SetUp> {
        let rows =
            self.bed.database().rows().await.map_err(|error| SetUp::from_cause("count the rows", error))?;
        Ok(usize::try_from(rows).unwrap_or(0))
    }
}

fn message(n: usize) -> Vec<u8> {
    let (id, filler) = (uuid::Uuid::now_v7(), "x".repeat(54));
    format!(r#"{{"id":"{id}","content":"{n:>10}{filler}","created_at":"2026-11-23T09:30:00.123456Z"}}"#)
        .into_bytes()
}
