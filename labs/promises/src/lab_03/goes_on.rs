//! What may befall one refresh, and never ends the refreshing: a statement that fails, a connection that is closed, a row that
//! cannot be read.

use std::time::Duration;

use testbed::wait;

use crate::contract::prelude::*;

use super::first_page::{FirstPage, POSTS, REFRESH, is_fresh_again};

/// No failure ends the refreshing.
pub(super) async fn refreshing_goes_on(bed: Bed) -> Verdict {
    let service = bed.service().role("api").start().await?;
    bed.database().plant((0..POSTS).map(|n| format!("post number {n}"))).await?;
    bed.database().read_time(Duration::ZERO).await?;
    let ready = is_fresh_again(&bed, &service, REFRESH, "the start").await?;

    bed.says("statements fail");
    bed.database().fail_reads().await?;
    looks(&bed, 3).await?;
    let failing = stays_as_it_was(&service, "while its statements fail").await?;
    bed.database().read_time(Duration::ZERO).await?;
    let failed = is_fresh_again(&bed, &service, REFRESH, "statements that failed").await?;

    bed.says("connections are closed");
    bed.database().end_connections().await?;
    let closed = is_fresh_again(&bed, &service, REFRESH, "a connection that was closed").await?;

    bed.says("a row cannot be read");
    let endless =
        "INSERT INTO post (id, content, created_at) VALUES (gen_random_uuid(), 'for ever', 'infinity')";
    sqlx::query(endless).execute(bed.database().pool()).await?;
    looks(&bed, 2).await?;
    service.get("/health").send().await?.has_status(200)?;
    let no_longer = "DELETE FROM post WHERE created_at = 'infinity'";
    sqlx::query(no_longer).execute(bed.database().pool()).await?;
    let unread = is_fresh_again(&bed, &service, REFRESH, "a row that could not be read").await?;
    Ok(ready.and(failing).and(failed).and(closed).and(unread))
}

/// Waits until the refreshing has looked so often, or would have. One that has ended is found out by what comes after.
async fn looks(bed: &Bed, count: u64) -> Result<(), Stop> {
    let before = bed.database().reads().await?;
    let longest = REFRESH * u32::try_from(count + 2).unwrap_or(u32::MAX);
    let looked = wait::try_until(longest, async || {
        Ok::<_, Stop>((bed.database().reads().await? >= before + count).then_some(()))
    });
    looked.await?;
    Ok(())
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
