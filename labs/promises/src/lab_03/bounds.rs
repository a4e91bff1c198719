//! What stays bounded: connections to the database, and memory.

use std::time::Duration;

use testbed::bed::ServiceSettings;
use testbed::load::Counts;
use testbed::verdict::Promise;
use tokio::task::JoinSet;

use crate::contract::prelude::*;

use super::first_page::{POSTS, is_fresh_again};

/// Never more connections than DATABASE_MAX_CONNECTIONS, that of the refreshing included.
pub(super) async fn refresher_counts(bed: Bed) -> Verdict {
    /// One for the reads, one for the consumer, one for the refreshing: if each wants its own.
    const FEW: usize = 3;
    const READ_TIME: Duration = Duration::from_millis(100);
    /// Longer than any deadline of a refresh.
    const ENDLESS: Duration = Duration::from_secs(8);
    let length = Duration::from_secs(2);
    let service = bed.service().pool(FEW).start().await?;
    bed.database().plant_numbered(POSTS).await?;
    bed.database().read_time(READ_TIME).await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let posts = bed.posts(&service, Schedule::constant(10.0, length)).label("posts").start();
    let pages = bed.gets(&service, "/posts?page=2", Schedule::constant(30.0, length)).label("page 2").start();
    let firsts = bed.gets(&service, "/posts", Schedule::constant(50.0, length)).label("page 1").start();
    let ended = (posts.finish().await?, pages.finish().await?, firsts.finish().await?);
    let peak = connections.peak().open;
    let busy = never_more(FEW, peak, "all at work")
        .likely(peak == FEW + 1, ON_TOP.0, ON_TOP.1)
        .kept_if(peak <= FEW)?;
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
    let firsts = firsts.start().finish().await?.counts();
    let abandoned = connections.peak().open;
    let abandoned = never_more(FEW, abandoned, "refreshes do not end")
        .likely(
            true,
            "a refresh was given up and the next one took another connection, while the database was still busy with the first",
            "let the database end the statement (statement_timeout), or cancel it, before a new connection is opened",
        )
        .kept_if(abandoned <= FEW)?;
    let old = is_served_meanwhile(firsts)?;
    service.kill().await?;
    bed.database().end_connections().await?;

    bed.database().read_time(READ_TIME).await?;
    let one = bed.service().role("api").pool(1);
    let (peak, pages) = at_work(&bed, one, "page 2, one connection").await?;
    let one = never_more(1, peak, "there may be only one")
        .likely(peak == 2, ON_TOP.0, ON_TOP.1)
        .kept_if(peak <= 1)?
        .and(others_have_the_rest(1, pages)?);
    let two = bed.service().role("all").pool(2);
    let (peak, pages) = at_work(&bed, two, "page 2, two connections and a consumer").await?;
    let two = never_more(2, peak, "one of them the consumer's")
        .likely(
            true,
            "the consumer is forgotten: the refreshing keeps a connection beside those of the consumer and of the reads",
            "with a consumer in the same process, keep one for the refreshing where three are allowed; with two, it shares that of the reads",
        )
        .kept_if(peak <= 2)?
        .and(others_have_the_rest(2, pages)?);
    Ok(busy.and(served).and(abandoned).and(old).and(one).and(two))
}

/// A cause that one connection too many points to, and its mend.
const ON_TOP: (&str, &str) = (
    "the refreshing's connection comes on top of the pool",
    "count it: what the refreshing keeps, the other reads have not",
);

fn never_more(allowed: usize, peak: usize, when: &str) -> Promise {
    promise(format!(
        "with DATABASE_MAX_CONNECTIONS={allowed} there are never more than {allowed} connections"
    ))
    .observed(Fact::count(format!("most at once, {when}"), peak))
}

/// The promise that a refresh which does not end takes nothing from the page that is there.
fn is_served_meanwhile(firsts: Counts) -> Verdict {
    promise("while refreshes do not end, page 1 is served as it was: no look at it is refused")
        .observed(Fact::count("looks while refreshes do not end", firsts.scheduled))
        .observed(Fact::count("of these answered 200", firsts.accepted))
        .likely(
            firsts.mostly(Outcome::Refused),
            "a refresh that is given up takes the page with it, or the page ends before it is STALE_MS old: 60000, where nothing is set",
            "keep the last page that was read, whatever becomes of a refresh, and refuse it by its age alone",
        )
        .likely(
            firsts.mostly(Outcome::TimedOut),
            "readers of page 1 wait for the refresh that is under way",
            "answer them from the last page that was read",
        )
        .kept_if(firsts.accepted == firsts.scheduled)
}

/// The most connections that a service had at once when all that needs one was at work, and how its reads of page 2 ended.
async fn at_work(bed: &Bed, service: ServiceSettings, label: &str) -> Result<(usize, Counts), Stop> {
    /// More than an interval and a statement.
    const LENGTH: Duration = Duration::from_millis(1500);
    let service = service.start().await?;
    // Not before: the server may still take leave of the connection that made the schema.
    let connections = bed.postgres().watch(bed.database()).await?;
    let schedule = || Schedule::constant(5.0, LENGTH);
    let posts = bed.posts(&service, schedule()).label("posts").start();
    let pages = bed.gets(&service, "/posts?page=2", schedule()).label(label).start();
    let (_, pages) = (posts.finish().await?, pages.finish().await?);
    let peak = connections.peak().open;
    service.kill().await?;
    bed.database().end_connections().await?;
    Ok((peak, pages.counts()))
}

/// The promise that where few connections are allowed, the refreshing leaves the other reads one.
fn others_have_the_rest(allowed: usize, pages: Counts) -> Verdict {
    promise(format!(
        "with DATABASE_MAX_CONNECTIONS={allowed} the refreshing leaves the other reads a connection"
    ))
    .observed(Fact::count("reads of page 2", pages.scheduled))
    .observed(Fact::count("of these served", pages.accepted))
    .likely(
        pages.refused > 0,
        "the refreshing has taken the reads' only connection for itself, and gives it back to nobody",
        "where there is none to spare, take a connection for one refresh, and give it back after it",
    )
    .kept_if(pages.accepted > 0)
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
    is_fresh_again(&bed, &service, "the planting").await?;
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
