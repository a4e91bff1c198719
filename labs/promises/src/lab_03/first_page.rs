//! Page 1 as a reader gets it, and how long one waits for a post on it.

use std::time::{Duration, Instant};

use testbed::wait;
use uuid::Uuid;

use crate::contract::prelude::*;
use crate::lab_01::HOST;

/// The contract's default for REFRESH_MS.
pub(super) const REFRESH: Duration = Duration::from_secs(1);

/// REFRESH_MS of a check that waits for one read after the other: less than the default, so that it waits less.
pub(super) const OFTEN: Duration = Duration::from_millis(400);

/// How long after the database can be asked again page 1 must be fresh, beside REFRESH_MS.
pub(super) const BACK: Duration = Duration::from_secs(5);

/// How many posts a page holds.
pub(super) const PAGE: usize = 20;

/// So many posts that there are three pages.
pub(super) const POSTS: usize = 45;

/// A 200 for page 1.
pub(crate) struct FirstPage {
    /// The answer.
    pub(crate) answer: Answer,
    /// What it lists.
    pub(crate) ids: Vec<Uuid>,
}

impl FirstPage {
    /// Asks for page 1, which must be there.
    pub(crate) async fn of(service: &impl Endpoint) -> Result<FirstPage, Stop> {
        let answer = service.get("/posts").send().await?;
        answer.has_status(200)?;
        FirstPage::read(answer)
    }

    /// The page that an answer is.
    pub(super) fn read(answer: Answer) -> Result<FirstPage, Stop> {
        let ids = answer.ids()?;
        Ok(FirstPage { answer, ids })
    }

    /// What `Age` says.
    pub(crate) fn age(&self) -> Result<Duration, Stop> {
        let told = self.answer.header("age");
        let age = told.parse().ok().map(Duration::from_secs);
        promise("page 1 carries its `Age`, in whole seconds")
            .observed(&self.answer)
            .observed(Fact::named("Age", if told.is_empty() { "none" } else { told }))
            .likely(
                told.is_empty(),
                "nobody who gets the page can know how old it is",
                "send `Age` with page 1",
            )
            .likely(true, "it is no whole number", "cut it to whole seconds (RFC 9111, 5.1)")
            .kept_if(age.is_some())?;
        Ok(age.unwrap_or_default())
    }

    /// Its tag, which is a strong one.
    pub(crate) fn tag(&self) -> Result<String, Stop> {
        tag_of(&self.answer)
    }
}

/// The tag of a 200 for page 1, compressed or not.
pub(super) fn tag_of(answer: &Answer) -> Result<String, Stop> {
    let tag = answer.header("etag");
    let encoding = answer.header("content-encoding");
    promise("page 1 carries a strong `ETag`: a text in double quotes")
        .observed((encoding.is_empty()).then_some(answer))
        .observed((!encoding.is_empty()).then(|| Fact::named("Content-Encoding", encoding)))
        .observed(Fact::named("ETag", if tag.is_empty() { "none" } else { tag }))
        .likely(tag.is_empty(), "there is none", "make a tag of the bytes, and send it with them")
        .likely(
            tag.starts_with("W/"),
            "it is a weak one: it says that the bytes may differ",
            "the bytes are the same, so say so: no `W/`",
        )
        .likely(true, "it has no quotes", "put the tag in double quotes")
        .kept_if(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'))?;
    Ok(tag.to_owned())
}

/// Waits until page 1 lists the post, and no longer than `longest`: the time that it took.
pub(super) async fn appears(
    service: &impl Endpoint,
    post: Uuid,
    longest: Duration,
) -> Result<Option<Duration>, Stop> {
    let asked = Instant::now();
    let shown = wait::try_until(longest, async || {
        let answer = service.get("/posts").send().await?;
        // It may be too old to be served, until it is fresh again.
        let listed = answer.status == 200 && FirstPage::read(answer)?.ids.contains(&post);
        Ok::<_, Stop>(listed.then(|| asked.elapsed()))
    });
    shown.await
}

/// The promise that page 1 is fresh again: a post that is planted now is on it within REFRESH_MS and five seconds. `after` names what
/// was.
pub(super) async fn is_fresh_again(bed: &Bed, service: &impl Endpoint, after: &str) -> Verdict {
    let planted = bed.database().plant_one(&format!("planted after {after}")).await?;
    let took = appears(service, planted, REFRESH + BACK).await?;
    let age = match took {
        Some(_) => None,
        None => Some(service.get("/posts").send().await?),
    };
    promise(format!("after {after}, page 1 is fresh again within REFRESH_MS and {} s", BACK.as_secs()))
        .observed(match took {
            Some(took) => Fact::duration(format!("fresh again, after {after}"), took),
            None => Fact::named(format!("fresh again, after {after}"), "never"),
        })
        .observed(age.as_ref().map(|answer| Fact::count("page 1 is answered", answer.status)))
        .observed(age.as_ref().filter(|answer| answer.status == 200).map(|answer| Fact::named("Age", answer.header("age"))))
        .likely(
            age.as_ref().is_some_and(|answer| answer.header("age") == "0"),
            "page 1 calls itself new, and lists no new post",
            "let its age count from the last read that succeeded",
        )
        .likely(
            true,
            "the refreshing ended with the failure, or still waits for an answer that was lost",
            "let an error, a panic or a deadline end one refresh, never the loop; and open a new connection for the next",
        )
        .kept_if(took.is_some())
}

/// How long a post may take to be on page 1 when a statement takes `statement`.
pub(super) fn in_time(statement: Duration) -> Duration {
    REFRESH + 2 * statement + HOST
}
