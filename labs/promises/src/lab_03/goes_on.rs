//! What may befall one refresh, and never ends the refreshing: a statement that fails, a connection that is closed, a row that
//! cannot be read.

use std::time::{Duration, Instant};

use testbed::wait;

use crate::contract::prelude::*;
use crate::lab_01::HOST;

use super::first_page::{FirstPage, OFTEN, POSTS, is_fresh_again};
use super::statements::{allowed, looks, looks_in};

/// How old page 1 may be served in this check: longer than any part of it but one takes to look at it, on a busy host too.
const STALE: Duration = Duration::from_millis(3500);

/// No failure ends the refreshing.
pub(super) async fn refreshing_goes_on(bed: Bed) -> Verdict {
    let service = bed.service().role("api").refresh(OFTEN).stale(STALE).start().await?;
    bed.database().plant_numbered(POSTS).await?;
    bed.database().read_time(Duration::ZERO).await?;
    let ready = is_fresh_again(&bed, &service, "the start").await?;
    let unchanged = stays_young(&bed, &service).await?;

    bed.says("statements fail");
    bed.database().fail_reads().await?;
    let begun = none_is_begun_at_once(&bed).await?;
    let failing = stays_as_it_was(&service, "while its statements fail").await?;
    let refused = is_refused_from_memory(&bed, &service).await?;
    bed.database().read_time(Duration::ZERO).await?;
    let failed = is_fresh_again(&bed, &service, "statements that failed").await?;

    bed.says("connections are closed");
    bed.database().end_connections().await?;
    let closed = is_fresh_again(&bed, &service, "a connection that was closed").await?;

    bed.says("a row cannot be read");
    let endless =
        "INSERT INTO post (id, content, created_at) VALUES (gen_random_uuid(), 'for ever', 'infinity')";
    sqlx::query(endless).execute(bed.database().pool()).await?;
    looks(&bed, 2).await?;
    service.get("/health").send().await?.has_status(200)?;
    let no_longer = "DELETE FROM post WHERE created_at = 'infinity'";
    sqlx::query(no_longer).execute(bed.database().pool()).await?;
    let unread = is_fresh_again(&bed, &service, "a row that could not be read").await?;
    Ok(ready.and(unchanged).and(begun).and(failing).and(refused).and(failed).and(closed).and(unread))
}

/// The promise that a page which was read again, and is the same, is as young as one that is new.
async fn stays_young(bed: &Bed, service: &Subject) -> Verdict {
    /// Many intervals, in which nothing changes.
    const READ_AGAIN: u64 = 5;
    /// More than an interval and a statement.
    const YOUNG: Duration = Duration::from_secs(1);
    looks(bed, READ_AGAIN).await?;
    let age = FirstPage::of(service).await?.age()?;
    promise("page 1 is as old as the last read that succeeded, whether that found anything new or not")
        .observed(Fact::count("read again, with nothing new", READ_AGAIN))
        .observed(Fact::count("Age then", age.as_secs()))
        .likely(
            true,
            "the age counts from when the page last changed: a page that was read again, and is the same, is not old",
            "move the time of the read with each read that succeeds, whether its bytes are others or not",
        )
        .kept_if(age <= YOUNG)
}

/// The promise that a read which failed is followed by the next one when that is due, and not at once.
async fn none_is_begun_at_once(bed: &Bed) -> Verdict {
    /// By its end the page is more than a second old.
    const WINDOW: Duration = Duration::from_millis(1500);
    let (looks, lasted) = looks_in(bed, WINDOW).await?;
    let most = allowed(OFTEN, lasted, 1);
    promise("while its statements fail, there is still no more than one per REFRESH_MS")
        .observed(Fact::count("statements that failed", looks))
        .observed(Fact::count("at most", most))
        .likely(
            true,
            "a read that fails is begun again at once: the database that cannot answer is asked the more",
            "let the pause belong to the loop, and not to a read that succeeded",
        )
        .kept_if(looks <= most)
}

/// The promise that page 1 is served as it was, and says how old it is by now.
async fn stays_as_it_was(service: &Subject, when: &str) -> Verdict {
    let page = FirstPage::of(service).await?;
    let age = page.age()?;
    promise(format!("{when}, page 1 is served as it was, with its true age"))
        .observed(Fact::count("posts listed", page.ids.len()))
        .observed(Fact::count("Age", age.as_secs()))
        .likely(
            page.ids.is_empty(),
            "what a failed read gave has replaced the page",
            "replace the page only by what was read",
        )
        .likely(
            age.is_zero(),
            "the age counts from the last attempt, or from the answer",
            "let it count from the last read that succeeded",
        )
        .kept_if(!page.ids.is_empty() && !age.is_zero())
}

/// The promise that a page too old to be served is refused, and that its readers still ask the table nothing.
async fn is_refused_from_memory(bed: &Bed, service: &Subject) -> Verdict {
    const READERS: usize = 20;
    bed.says("page 1 grows too old to be served");
    let ended = wait::try_until(STALE + 2 * HOST, async || {
        Ok::<_, Stop>((service.get("/posts").send().await?.status != 200).then_some(()))
    });
    let is_over = ended.await?.is_some();
    let over = promise("while its statements fail, page 1 is served up to an age of STALE_MS, and no longer")
        .observed(Fact::duration("STALE_MS", STALE))
        .observed(Fact::named("page 1 beyond it", if is_over { "not served" } else { "served" }))
        .likely(
            true,
            "the page is served for ever: nobody compares its age with STALE_MS",
            "beyond STALE_MS answer 503 with Retry-After",
        )
        .kept_if(is_over)?;
    let (before, began) = (bed.database().reads().await?, Instant::now());
    for _ in 1..READERS {
        service.get("/posts").send().await?;
    }
    let last = service.get("/posts").send().await?;
    let (looks, most) = (bed.database().reads().await? - before, allowed(OFTEN, began.elapsed(), 1));
    let unasked = promise("whoever looks at page 1 when it is too old to be served makes no statement, either")
        .observed(Fact::count("looks at page 1", READERS))
        .observed(Fact::count("statements meanwhile", looks))
        .observed(Fact::count("statements meanwhile at most", most))
        .likely(
            true,
            "where the page is too old, its readers go to the table: the database that cannot answer is asked by all of them",
            "refuse page 1 by its age alone, and let the next refresh make it young again",
        )
        .kept_if(looks <= most)?;
    let refused = last.is_problem(&[503])?;
    Ok(over.and(unasked).and(refused))
}
