//! A first read that fails: there is no page then, and nothing that stands for one.

use std::time::Duration;

use testbed::{client, wait};

use crate::contract::prelude::*;

use super::reader::{Asked, first_answer, once};

/// The promise that a service whose first read of page 1 fails has no page, says so, and has one when the table can be read. It may
/// end as well: whoever started it starts it again.
pub(super) async fn that_fails_makes_no_page(bed: &Bed) -> Verdict {
    /// Several attempts, or the first one and a pause.
    const FAILING: Duration = Duration::from_secs(3);
    let client = client::client()?;
    bed.database().fail_reads().await?;
    let service = bed.service().role("api").named("one whose first read fails").begin()?;
    let addr = service.addr();
    let answered = wait::until(FAILING, async || {
        for path in ["/health", "/posts"] {
            match once(&client, addr, path).await {
                // Who has ended, or ends, answers nobody.
                Asked::SentAway | Asked::Unanswered => {}
                Asked::Served => return Some(format!("{path} answered 200")),
                Asked::Wrongly { answer, .. } => return Some(answer),
            }
        }
        None
    });
    let answered = answered.await;
    let no_page = promise("while page 1 cannot be read for the first time, it is no empty list and no 500, and /health is not 200")
        .observed(Fact::duration("all reads have failed for", FAILING))
        .observed(Fact::named("wrongly answered", answered.as_deref().unwrap_or("nothing")))
        .likely(
            answered.as_ref().is_some_and(|answer| answer.contains(" 500")),
            "a page that is not there yet is taken for a fault",
            "answer 503 until it is there, or listen only then",
        )
        .likely(
            true,
            "a first read that failed is taken for a page without posts, or for a page",
            "try again until it succeeds, and be ready only then",
        )
        .kept_if(answered.is_none())?;
    bed.database().read_time(Duration::ZERO).await?;
    let exit = wait::until(Duration::from_millis(500), async || service.has_ended()).await;
    if let Some(exit) = exit {
        let as_a_fault = promise("a service that ends since page 1 cannot be read tells it by its exit code")
            .observed(Fact::named("ended with", exit.to_string()))
            .likely(true, "whoever started it takes this for a wanted end", "exit with another code than 0")
            .kept_if(!exit.success())?;
        return Ok(no_page.and(as_a_fault));
    }
    let seen = first_answer(&client, addr, "/posts").await;
    let then = promise("when page 1 can be read, a service whose first read failed has it")
        .observed(Fact::named("page 1", if seen.served { "served" } else { "never served" }))
        .observed(seen.wrong.first().map(|answer| Fact::named("before that", answer)))
        .likely(
            true,
            "nothing reads it again after the first time",
            "begin the refreshing whatever came of the first read",
        )
        .kept_if(seen.served && seen.wrong.is_empty())?;
    Ok(no_page.and(then))
}
