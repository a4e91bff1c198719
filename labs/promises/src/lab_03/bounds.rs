//! What stays bounded: connections to the database, and memory.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::contract::prelude::*;

use super::first_page::{POSTS, REFRESH, is_fresh_again};

/// Never more connections than DATABASE_MAX_CONNECTIONS, that of the refreshing included.
pub(super) async fn refresher_counts(bed: Bed) -> Verdict {
    /// One for the reads, one for the consumer, one for the refreshing: if each wants its own.
    const FEW: usize = 3;
    const READ_TIME: Duration = Duration::from_millis(100);
    /// Longer than any deadline of a refresh.
    const ENDLESS: Duration = Duration::from_secs(8);
    let length = Duration::from_secs(3);
    let service = bed.service().pool(FEW).start().await?;
    bed.database().plant((0..POSTS).map(|n| format!("post number {n}"))).await?;
    bed.database().read_time(READ_TIME).await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let posts = bed.posts(&service, Schedule::constant(10.0, length)).label("posts").start();
    let pages = bed.gets(&service, "/posts?page=2", Schedule::constant(30.0, length)).label("page 2").start();
    let firsts = bed.gets(&service, "/posts", Schedule::constant(50.0, length)).label("page 1").start();
    let ended = (posts.finish().await?, pages.finish().await?, firsts.finish().await?);
    let peak = connections.peak().open;
    let busy = never_more(FEW, peak, "all at work").kept_if(peak <= FEW)?;
    let served = promise("meanwhile no look at page 1 is refused")
        .observed(ended.2.counts())
        .likely(true, "page 1 needs a connection", "answer it from what was read before")
        .kept_if(ended.2.counts().accepted == ended.2.counts().scheduled)?;

    bed.says("refreshes take longer than anybody waits");
    bed.database().read_time(ENDLESS).await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let firsts = bed
        .gets(&service, "/posts", Schedule::constant(20.0, ENDLESS))
        .label("page 1, while refreshes do not end");
    firsts.start().finish().await?;
    let abandoned = connections.peak().open;
    let abandoned = never_more(FEW, abandoned, "refreshes do not end")
        .likely(
            true,
            "a refresh was given up and the next one took another connection, while the database was still busy with the first",
            "let the database end the statement (statement_timeout), or cancel it, before a new connection is opened",
        )
        .kept_if(abandoned <= FEW)?;
    service.kill().await?;
    bed.database().end_connections().await?;

    bed.database().read_time(READ_TIME).await?;
    let alone = bed.service().role("api").pool(1).start().await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let pages =
        bed.gets(&alone, "/posts?page=2", Schedule::constant(5.0, length)).label("page 2, one connection");
    pages.start().finish().await?;
    let peak = connections.peak().open;
    let only = never_more(1, peak, "there may be only one").kept_if(peak <= 1)?;
    Ok(busy.and(served).and(abandoned).and(only))
}

fn never_more(allowed: usize, peak: usize, when: &str) -> testbed::verdict::Promise {
    promise(format!(
        "with DATABASE_MAX_CONNECTIONS={allowed} there are never more than {allowed} connections"
    ))
    .observed(Fact::count(format!("most at once, {when}"), peak))
    .likely(
        peak == allowed + 1,
        "the refreshing's connection comes on top of the pool",
        "count it: what the refreshing keeps, the other reads have not",
    )
}

/// However many other pages are read, one page is kept.
pub(super) async fn memory_stays(bed: Bed) -> Verdict {
    /// Of the longest posts: all of them together are far more than the bound.
    const PAGES: usize = 1_050;
    const READERS: usize = 4;
    /// What resident memory may grow by, in bytes.
    const MEMORY: u64 = 512 << 20;
    let service = bed.service().role("api").start().await?;
    bed.says(format!("planting {PAGES} pages of long posts"));
    plant_pages(&bed, PAGES).await?;
    is_fresh_again(&bed, &service, REFRESH, "the planting").await?;
    let memory = service.watch_memory()?;
    let addr = service.addr();
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        readers.spawn(async move {
            for page in (2 + reader..=PAGES).step_by(READERS) {
                addr.get(&format!("/posts?page={page}")).send().await?.has_status(200)?;
            }
            Ok::<_, Stop>(())
        });
    }
    while let Some(reader) = readers.join_next().await {
        reader.map_err(|error| SetUp::from_cause("read pages", error))??;
    }
    let grown = memory.peak().saturating_sub(memory.first());
    promise(format!("however many pages are read, memory grows by less than {} MiB", MEMORY >> 20))
        .observed(Fact::count("pages read", PAGES - 1))
        .observed(Fact::measure("memory grew by", grown as f64 / f64::from(1 << 20), "MiB"))
        .likely(
            true,
            "each page that was read is kept: a crawler fills the memory",
            "keep page 1, and nothing else; what is kept for each key needs a bound",
        )
        .kept_if(grown < MEMORY)
}

/// Plants so many pages of the longest posts, in the server: they are compressed there, and take little room.
async fn plant_pages(bed: &Bed, pages: usize) -> Result<(), Stop> {
    let rows = i64::try_from(20 * pages).unwrap_or(i64::MAX);
    let plant = "INSERT INTO post (id, content, created_at)
         SELECT gen_random_uuid(), 'post ' || n || repeat('글', 9980), now() - interval '1 hour' - n * interval '1 second'
         FROM generate_series(1, $1) AS n";
    sqlx::query(plant).bind(rows).execute(bed.database().pool()).await?;
    // The depth of a page must not be what the check measures.
    let index = "CREATE INDEX testbed_newest_first ON post (created_at DESC, id DESC)";
    sqlx::query(index).execute(bed.database().pool()).await?;
    Ok(())
}
