//! A pool as large as the service is told to have: its connections are among what the service needs itself.

use std::time::Duration;

use futures_util::future::join;

use crate::contract::prelude::*;

use super::CLIENTS;
use super::flood::{Flood, all_answered};

/// `DATABASE_MAX_CONNECTIONS` here.
const POOL: usize = 60;
/// Soft and hard limit: enough for the pool, and not for all clients.
const LIMIT: (u64, u64) = (64, 256);
/// How long the database takes for a page, and how many are asked for in a second: two thirds of the pool are wanted at once.
const READ_TIME: Duration = Duration::from_millis(500);
const READS: f64 = 80.0;
const LENGTH: Duration = Duration::from_secs(5);

/// The promise that 500 clients leave a large pool its descriptors.
pub(super) async fn is_counted(bed: &Bed) -> Verdict {
    let service =
        bed.service().named("with a large pool").pool(POOL).nofile(LIMIT.0, LIMIT.1).start().await?;
    bed.database().read_time(READ_TIME).await?;
    bed.says(format!("{CLIENTS} clients come, and the pool is wanted"));
    let crowd = Crowd::of(CLIENTS, &service, "/posts").length(LENGTH);
    let reads = bed.gets(&service, "/posts?page=2", Schedule::constant(READS, LENGTH));
    let reads = reads.label("reads beside a flood").repeating().start();
    let (flood, reads) = join(Flood::of(crowd, &service), reads.finish()).await;
    let counts = reads?.counts();
    // First: where there is none left, chance decides who has to wait.
    let spare = promise(format!(
        "with DATABASE_MAX_CONNECTIONS={POOL} less than the limit of {} is taken in a flood, also while the pool is wanted",
        LIMIT.1
    ))
    .observed(flood.descriptors())
    .likely(
        true,
        "clients have the descriptors that the pool needs: what is kept for the service itself is a constant, whatever DATABASE_MAX_CONNECTIONS says",
        "count the pool by its setting, and let clients have the rest",
    )
    .kept_if(!flood.was_full())?;
    let served = promise(format!(
        "in a flood, reads have all of DATABASE_MAX_CONNECTIONS={POOL} where {} descriptors are allowed",
        LIMIT.1
    ))
    .observed(Fact::count("reads", counts.scheduled))
    .observed(Fact::count("of these served", counts.accepted))
    .observed(flood.descriptors())
    .likely(
        true,
        "reads were refused, or waited longer than their deadline",
        "look at what the service says on stderr",
    )
    .kept_if(counts.accepted == counts.scheduled)?;
    Ok(spare.and(served).and(all_answered(&flood, &service)?))
}
