//! Several processes on one table: each reads page 1 for itself, and a consumer reads nothing.

use std::time::Duration;

use crate::contract::prelude::*;

use super::first_page::{FirstPage, POSTS};
use super::statements::{allowed, looks_in};

/// Two instances look twice in an interval, and a consumer not at all.
pub(super) async fn each_for_itself(bed: Bed) -> Verdict {
    /// Not the default: who takes no notice of the setting is seen.
    const REFRESH: Duration = Duration::from_secs(3);
    const WINDOW: Duration = Duration::from_secs(6);
    let two = (
        bed.service().role("api").named("api-1").refresh(REFRESH).start().await?,
        bed.service().role("api").named("api-2").refresh(REFRESH).start().await?,
    );
    bed.database().plant_numbered(POSTS).await?;
    bed.database().read_time(Duration::ZERO).await?;
    let planted = bed.database().plant_one("while nobody asks").await?;
    let (looks, lasted) = looks_in(&bed, WINDOW).await?;
    let most = allowed(REFRESH, lasted, 2);
    let few = promise("two instances make two statements per REFRESH_MS for page 1")
        .observed(Fact::duration("REFRESH_MS", REFRESH))
        .observed(Fact::count("statements of two instances", looks))
        .observed(Fact::count("at most", most))
        .likely(
            looks >= 2 * WINDOW.as_secs() - 2,
            "there is one a second from each: REFRESH_MS is not what decides",
            "take the interval from REFRESH_MS",
        )
        .likely(true, "page 1 is read more often than agreed", "one statement per REFRESH_MS and process")
        .kept_if(looks <= most)?;
    let mut alive = Kept::default();
    for instance in [&two.0, &two.1] {
        let page = FirstPage::of(instance).await?;
        alive = alive.and(
            promise("each of them keeps page 1 fresh, also when nobody asks for it: the first look finds what was committed")
                .observed(Fact::duration("committed before", lasted))
                .observed(Fact::named("Age", page.answer.header("age")))
                .likely(
                    true,
                    "page 1 is read when somebody asks for it, and whoever asks first gets the old one",
                    "refresh it in the background, every REFRESH_MS",
                )
                .kept_if(page.ids.contains(&planted))?,
        );
    }
    two.0.kill().await?;
    two.1.kill().await?;
    bed.database().end_connections().await?;

    let before = bed.database().ordered_reads().await?;
    let _consumer = bed.service().role("consumer").refresh(Duration::from_millis(500)).start().await?;
    let at_its_start = bed.database().ordered_reads().await? - before;
    let (looks, _) = looks_in(&bed, WINDOW / 4).await?;
    let none = promise("a consumer makes no statement for page 1, at its start neither")
        .observed(Fact::count("statements that list posts, at its start", at_its_start))
        .observed(Fact::count("statements of a consumer", looks))
        .likely(
            looks == 0,
            "page 1 is read at the start whatever ROLE says: while it cannot be read, nobody stores anything",
            "read it only where it is served",
        )
        .likely(true, "the refreshing runs whatever ROLE says", "refresh only where page 1 is served")
        .kept_if(looks == 0 && at_its_start == 0)?;
    Ok(few.and(alive).and(none))
}
