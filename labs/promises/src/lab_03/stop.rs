//! How the service ends while page 1 is being read.

use std::time::Duration;

use testbed::wait;

use crate::contract::prelude::*;

use super::first_page::{FirstPage, POSTS, REFRESH, is_fresh_again};

/// SIGTERM in the middle of a refresh that nobody will ever answer.
pub(super) async fn stops_in_mid_refresh(bed: Bed) -> Verdict {
    let path = Path::to(bed.database().server(), Duration::ZERO)?;
    let service = bed.service().role("api").database_via(path.addr()).start().await?;
    bed.database().plant_numbered(POSTS).await?;
    is_fresh_again(&bed, &service, "the start").await?;

    bed.says("the database falls silent, and a refresh waits");
    path.lose()?;
    let mut last = None;
    let waits = wait::try_until(4 * REFRESH, async || {
        let age = FirstPage::of(&service).await?.age()?;
        last = Some(age);
        Ok::<_, Stop>((age >= 2 * REFRESH).then_some(()))
    });
    let waits = waits.await?.is_some();
    let old = promise("while the database is silent, page 1 tells its true age")
        .observed(last.map(|age| Fact::count("Age", age.as_secs())))
        .likely(
            true,
            "the age counts from the answer, or from the last attempt",
            "let it count from the last read that succeeded",
        )
        .kept_if(waits)?;
    let ended = service.terminate().await?;
    let exit = ended.in_time(
        "service",
        "something holds the process: a refresh that waits for a silent database",
        "let the stop end the wait for a refresh, wherever it is",
    )?;
    Ok(old.and(exit))
}
