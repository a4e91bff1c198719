//! Posts that the broker has confirmed, in queues of several ages, when it is killed.

use std::time::{Duration, Instant};

use promises::contract::prelude::*;
use serde_json::json;
use testbed::bed::Bed;
use testbed::load::Schedule;
use testbed::services::VirtualHost;
use testbed::verdict::Stop;
use testbed::wait;

use crate::findings::{Findings, Table, claim};
use crate::subject::{PATIENCE, server};

const QUEUE: &str = "CREATE_POST_QUEUE";
/// How old the queue is, at the least, when the broker is killed.
const AGES: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(2)];
/// How many posts are answered 202 meanwhile: ten in the first tenth of a second.
const POSTS: u64 = 10;
const RATE: f64 = 100.0;
/// How long a broker that is back may take to show what it kept. Dozens of times what it takes.
const SHOWN: Duration = Duration::from_secs(3);

/// A queue's age at the kill, and its messages before and after.
struct Seen {
    age: Duration,
    confirmed: u64,
    kept: u64,
}

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let mut seen = Vec::new();
    for age in AGES {
        seen.push(one(&bed, age).await?);
    }
    Ok(findings(&seen))
}

/// A new queue, posts into it, and the broker's death at the given age of the queue.
async fn one(bed: &Bed, age: Duration) -> Result<Seen, Stop> {
    let broker = bed.rabbitmq();
    // Not dropped: it goes with the container.
    let host = broker.fresh_host().await?;
    let service = server(bed).role("api").set("AMQP_URL", host.url(None)).start().await?;
    // It declares its queue before it says that it is ready.
    let declared = Instant::now();
    let schedule = Schedule::constant(RATE, Duration::from_secs_f64(POSTS as f64 / RATE));
    let run = bed.posts(&service, schedule).patience(PATIENCE).start().finish().await?;
    wait::until(age.saturating_sub(declared.elapsed()), async || None::<()>).await;
    let age = declared.elapsed();
    bed.says(format!("SIGKILL to the broker, {:.1} s after the queue was declared", age.as_secs_f64()));
    broker.kill().await?;
    service.kill().await?;
    bed.says("starting RabbitMQ again");
    broker.start_again().await?;
    let confirmed = run.counts().accepted;
    let kept = kept(&host, confirmed).await?;
    Ok(Seen { age, confirmed, kept })
}

/// How many messages are in the queue when all are there, or no more come.
async fn kept(host: &VirtualHost, confirmed: u64) -> Result<u64, Stop> {
    let mut kept = 0;
    let all = wait::try_until(SHOWN, async || {
        kept = u64::from(host.ready(QUEUE).await?.unwrap_or(0));
        Ok::<_, Stop>((kept >= confirmed).then_some(()))
    });
    all.await?;
    Ok(kept)
}

fn findings(seen: &[Seen]) -> Findings {
    let mut table = Table::of(&["age of the queue at the kill", "confirmed", "there after it"]);
    for Seen { age, confirmed, kept } in seen {
        table.row([format!("{:.1} s", age.as_secs_f64()), confirmed.to_string(), kept.to_string()]);
    }
    let lost: u64 = seen.iter().map(|seen| seen.confirmed - seen.kept).sum();
    let (youngest, oldest) = (&seen[0], &seen[seen.len() - 1]);
    let sentence = format!(
        "All {} posts were answered 202: the broker had confirmed each. {lost} of them were gone when it was back. Of the queue \
         that was {:.1} s old it kept {} of {}, of the one that was {:.1} s old {} of {}.",
        seen.iter().map(|seen| seen.confirmed).sum::<u64>(),
        youngest.age.as_secs_f64(),
        youngest.kept,
        youngest.confirmed,
        oldest.age.as_secs_f64(),
        oldest.kept,
        oldest.confirmed,
    );
    let data: Vec<_> = seen
        .iter()
        .map(|seen| json!({"age": seen.age, "confirmed": seen.confirmed, "kept": seen.kept}))
        .collect();
    Findings {
        table,
        sentence,
        claims: vec![
            claim("every post is confirmed", seen.iter().all(|seen| seen.confirmed == POSTS)),
            claim("the youngest queue comes back empty", youngest.kept == 0),
            claim("the oldest queue keeps all", oldest.kept == oldest.confirmed),
        ],
        figures: Vec::new(),
        data: json!(data),
    }
}
