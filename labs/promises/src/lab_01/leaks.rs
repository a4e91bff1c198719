//! What ends otherwise than well, and costs the pool of connections nothing.

use std::time::{Duration, Instant};

use super::outage::recovered;
use crate::contract::prelude::*;

/// How long a load that might empty the pool lasts. At four fifths of capacity it is many times as many requests as the pool has
/// connections.
const LENGTH: Duration = Duration::from_secs(1);
/// How soon every post is accepted again: who has seen nothing but errors may pause before trying again.
const RECOVERY: Duration = Duration::from_secs(6);

/// The promise that nothing is lost of a pool when clients leave before their answer, and when the database refuses statements. An
/// insert takes `service_time`, and all of the pool can carry `capacity` posts a second.
pub(super) async fn nothing_leaks(
    bed: &Bed,
    service: &Subject,
    capacity: f64,
    service_time: Duration,
) -> Verdict {
    let schedule = || Schedule::constant(0.8 * capacity, LENGTH);
    let leaving = bed.posts(service, schedule()).label("clients that leave").patience(service_time * 2 / 5);
    let left = leaving.start().finish().await?.counts().timed_out;
    let after_leaving = Kind {
        after: "clients have left before their answer",
        many: Fact::count("clients that left", left),
        likely: "a request that was cut off has kept its connection: the pool has fewer, or none",
        next: "give the connection back on every way out of the handler, also out of one that is cancelled",
    };
    let after_leaving = after_leaving.passes(bed, service, capacity).await?;

    bed.database().refuse_inserts().await?;
    let failing = bed.posts(service, schedule()).label("inserts that fail").start().finish().await?;
    bed.database().row_time(service_time).await?;
    let counts = failing.counts();
    let told = promise("no post is answered 201 whose insert the database has refused")
        .observed(Fact::count("posts that it refused", counts.scheduled))
        .observed(Fact::count("answered 201", counts.accepted))
        .likely(
            true,
            "the statement failed, and its error did not come to the answer",
            "answer 201 for a success alone; give each caller of a batch its own outcome",
        )
        .kept_if(counts.accepted == 0)?;
    let after_failing = Kind {
        after: "the database has refused inserts for a while, as when its disk is full",
        many: Fact::count("posts meanwhile", counts.scheduled),
        likely: "a statement that failed has kept its connection, or left its transaction open on it",
        next: "roll back, and give the connection back, on every way out of the handler, also out of one with an error",
    };
    let after_failing = after_failing.passes(bed, service, capacity).await?;
    Ok(after_leaving.and(told).and(after_failing).and(failed_reads_keep_nothing(bed, service).await?))
}

/// The promise that reads whose statement the database has refused are answered in the one shape of a refusal, and keep no connection.
async fn failed_reads_keep_nothing(bed: &Bed, service: &Subject) -> Verdict {
    /// More than the pool has connections.
    const TIMES: usize = 8;
    // One that is there: without a row to look at, the database refuses nothing.
    let stored = bed.database().plant_at_once(["to be read".to_owned()], Duration::ZERO).await?;
    let of_one_post = format!("/post/{}", stored.first().copied().unwrap_or_default());
    let reads = ["/posts", "/search?content=read", &of_one_post];
    bed.database().fail_reads().await?;
    for read in reads {
        for _ in 0..TIMES {
            let answer = service.get(read).send().await?;
            // How it is answered is open, but for the shape of a refusal.
            if answer.status >= 400 {
                answer.is_problem(&[answer.status])?;
            }
        }
    }
    bed.database().read_time(Duration::ZERO).await?;
    let mut answered = Vec::new();
    let began = Instant::now();
    for read in reads {
        let mut last = 0;
        testbed::wait::try_until(RECOVERY.saturating_sub(began.elapsed()), async || {
            last = service.get(read).send().await?.status;
            Ok::<_, Stop>([200, 404].contains(&last).then_some(()))
        })
        .await?;
        answered.push(last);
    }
    promise(
        "after the database has refused reads for a while, each read is answered 200 or 404 again within 6 s",
    )
    .observed(Fact::count("reads that it refused", reads.len() * TIMES))
    .observed(Fact::count("then GET /posts", answered[0]))
    .observed(Fact::count("GET /search", answered[1]))
    .observed(Fact::count("GET /post/{id}", answered[2]))
    .likely(
        answered.contains(&503),
        "a read that failed has kept its connection, and those after it wait for one in vain",
        "give the connection back on every way out of a read, also out of one with an error",
    )
    .likely(
        true,
        "a fault of one statement is remembered as a fault of the service",
        "forget it with its request: the next statement may succeed",
    )
    .kept_if(answered.iter().all(|status| [200, 404].contains(status)))
}

/// One way in which requests end otherwise than well.
struct Kind {
    after: &'static str,
    many: Fact,
    likely: &'static str,
    next: &'static str,
}

impl Kind {
    /// The promise that it is over when it is over: every post of a second is accepted, at 0.6 of capacity.
    async fn passes(self, bed: &Bed, service: &Subject, capacity: f64) -> Verdict {
        let (began, label) = (Instant::now(), format!("after {}", self.after));
        let counts = recovered(bed, service, 0.6 * capacity, &label, began + RECOVERY).await?;
        promise(format!("after {}, every post is accepted again, at 0.6 of capacity", self.after))
            .observed(self.many)
            .observed(counts)
            .likely(true, self.likely, self.next)
            .kept_if(counts.accepted == counts.scheduled)
    }
}
