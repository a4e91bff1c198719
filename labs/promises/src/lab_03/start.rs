//! The first moments: many readers and no page yet, and a table without posts.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use testbed::{client, wait};

use crate::contract::prelude::*;

use super::first_page::{FirstPage, POSTS, REFRESH, in_time};
use super::first_read;
use super::reader::{READY, first_answer};
use super::statements::allowed;

/// Two hundred readers wait for a service that starts, on a slow database.
pub(super) async fn cold_start(bed: Bed) -> Verdict {
    const READERS: usize = 200;
    const SLOW: Duration = Duration::from_millis(1500);
    bed.database().make_table().await?;
    bed.database().plant_numbered(POSTS).await?;
    bed.database().read_time(SLOW).await?;
    let began = Instant::now();
    let service = bed.service().role("api").pool(READERS / 10).begin()?;
    bed.says(format!("{READERS} readers are there before the first page"));
    // One for all: to make one for each reader takes longer than a service needs to start.
    let client = client::client()?;
    // Before the readers come: among two hundred of them it would see /health late.
    let health = format!("http://{}/health", service.addr());
    let heard = wait::until(READY, async || client.get(&health).send().await.ok()).await;
    let early = heard.filter(|answer| answer.status() == 200).map(|_| began.elapsed());
    let readers = join_all((0..READERS).map(|_| first_answer(&client, service.addr(), "/posts")));
    let healthy = async {
        let healthy = first_answer(&client, service.addr(), "/health").await;
        let since = early.unwrap_or_else(|| began.elapsed());
        Ok::<_, Stop>((healthy, since, service.get("/posts").send().await?))
    };
    let (healthy, seen) = join(healthy, readers).await;
    let (healthy, since, at_once) = healthy?;
    let unserved = seen.iter().filter(|reader| !reader.served).count();
    let wrong: Vec<String> = seen.into_iter().flat_map(|reader| reader.wrong).collect();
    let (statements, lasted) = (bed.database().reads().await?, began.elapsed());

    let started = promise("the service starts, and is healthy in time")
        .observed(Fact::named("/health", if healthy.served { "200" } else { "never 200" }))
        .kept_if(healthy.served)?;
    let nothing_half =
        promise("until page 1 is there, its readers get no answer, or 503 with Retry-After; then the page")
            .observed(Fact::count("readers", READERS))
            .observed(Fact::count("of these never served", unserved))
            .observed(Fact::count("wrong answers", wrong.len()))
            .observed(wrong.first().map(|answer| Fact::named("one of them", answer)))
            .likely(
                wrong.iter().any(|answer| answer.contains("200: null") || answer.ends_with("200: []")),
                "the service listens before it has read page 1, and answers what it has: nothing",
                "read page 1, then listen; or answer 503 until it is there",
            )
            .likely(
                wrong.iter().any(|answer| answer.contains(" 500")),
                "a page that is not there yet is taken for a fault",
                "read page 1, then listen; or answer 503 until it is there",
            )
            .likely(
                wrong.iter().any(|answer| answer.contains(" 503")),
                "this 503 is made by hand, and is another one than the service's other refusals",
                "refuse page 1 as everything else: with Retry-After, and as application/problem+json",
            )
            .likely(
                true,
                "readers waited in vain, or got a refusal that is not the contract's",
                "compare with labs/cache.md",
            )
            .kept_if(wrong.is_empty() && unserved == 0)?;
    let honest = promise("when /health is 200, page 1 is there")
        .observed(Fact::named(at_once.asked(), format!("answered {}", at_once.status)))
        .observed(Fact::duration("the first read of page 1 takes", SLOW))
        .observed(Fact::duration("/health was 200 after", since))
        .likely(
            at_once.status == 200,
            "the service calls itself ready while it reads page 1 for the first time: whoever is sent to it now waits for that",
            "let /health be 200 when the first page is there (or listen only then)",
        )
        .likely(
            true,
            "the service calls itself ready before it has read page 1: whoever is sent to it now is sent away",
            "let /health be 200 when the first page is there (or listen only then)",
        )
        .kept_if(at_once.status == 200 && since >= SLOW)?;
    let most = allowed(REFRESH, lasted, 1);
    let one = promise("however many readers wait for the start, page 1 is read once for all of them")
        .observed(Fact::count("statements", statements))
        .observed(Fact::count("at most", most))
        .likely(
            true,
            "readers who find no page read it themselves, each of them: a stampede",
            "let one task read it, and let readers wait for that one, or tell them to come back",
        )
        .kept_if(statements <= most)?;
    service.kill().await?;
    bed.database().end_connections().await?;
    let failed = first_read::that_fails_makes_no_page(&bed).await?;
    Ok(started.and(nothing_half).and(honest).and(one).and(failed))
}

/// A table without posts has a page 1; and so has one that had posts, and has none any more.
pub(super) async fn empty_table(bed: Bed) -> Verdict {
    let service = bed.start().await?;
    let empty = FirstPage::of(&service).await?;
    let is_empty = |page: &FirstPage| page.ids.is_empty();
    let first = promise("page 1 of a table without posts is `[]`")
        .observed(&empty.answer)
        .kept_if(is_empty(&empty))?;
    let tag = empty.tag()?;
    let again = service.get("/posts").header("if-none-match", &tag).send().await?;
    let tagged = promise("it is a page as any other: who has it is answered 304")
        .observed(&again)
        .kept_if(again.status == 304)?;
    let planted = bed.database().plant_one("the first of all").await?;
    let longest = in_time(Duration::ZERO);
    let filled = wait::try_until(longest, async || {
        Ok::<_, Stop>((FirstPage::of(&service).await?.ids == [planted]).then_some(()))
    });
    let filled = filled.await?.is_some();
    let filled = promise("the first post of all is on page 1 within REFRESH_MS, and a second for the host")
        .observed(Fact::count("listed", FirstPage::of(&service).await?.ids.len()))
        .likely(
            true,
            "a page without posts is taken for no page at all, or is kept for ever",
            "an empty list is what was read: it replaces, and is replaced, as any other",
        )
        .kept_if(filled)?;
    sqlx::query("DELETE FROM post").execute(bed.database().pool()).await?;
    let emptied = wait::try_until(longest, async || {
        Ok::<_, Stop>(is_empty(&FirstPage::of(&service).await?).then_some(()))
    });
    let emptied = emptied.await?.is_some();
    let emptied =
        promise("when the last post is gone, page 1 is `[]` within REFRESH_MS, and a second for the host")
            .observed(Fact::count("still listed", FirstPage::of(&service).await?.ids.len()))
            .likely(
                true,
                "an empty list is taken for a failed read, and replaces nothing",
                "an empty list is what was read: it replaces the page as any other",
            )
            .kept_if(emptied)?;
    Ok(first.and(tagged).and(filled).and(emptied))
}
