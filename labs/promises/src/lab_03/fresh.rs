//! How old what is read may be: page 1 a little, everything else never.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::contract::prelude::*;

use super::first_page::{PAGE, POSTS, REFRESH, appears, in_time};
use super::statements::allowed;

/// What is committed is on page 1 in time, whoever committed it, and whenever.
pub(super) async fn fresh_in_time(bed: Bed) -> Verdict {
    const TIMES: usize = 5;
    const IN_TIME: &str = "what is committed is on page 1 within REFRESH_MS, and a second for the host";
    /// Posts a second by way of the service: so few that a post is still on page 1 when it must have come there.
    const POSTED: f64 = 5.0;
    let service = bed.start().await?;
    let longest = in_time(Duration::ZERO);
    let mut slowest = Duration::ZERO;
    bed.database().read_time(Duration::ZERO).await?;
    let (before, began) = (bed.database().ordered_reads().await?, Instant::now());
    let posts =
        bed.posts(&service, Schedule::constant(POSTED, longest * TIMES as u32)).label("posts").start();
    for n in 0..TIMES {
        let planted = match n {
            // One by way of the service, whose consumer commits it.
            0 => {
                let body = serde_json::json!({"content": "by way of the service"});
                let (_, post) = Posting::Queued.post(&service, &body).await?;
                post["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default()
            }
            n => bed.database().plant_one(&format!("committed by others, {n}")).await?,
        };
        let took = appears(&service, planted, longest).await?;
        promise(IN_TIME)
            .observed(Fact::count("posts before it that were", n))
            .observed(match took {
                Some(took) => Fact::duration("on page 1 after", took),
                None => Fact::named("on page 1", format!("not within {} s", longest.as_secs())),
            })
            .likely(
                n == 1 && took.is_none(),
                "page 1 knows what this process has stored, and not what others commit",
                "read it from the table, every REFRESH_MS",
            )
            .likely(
                true,
                "page 1 is read more seldom than REFRESH_MS says, or not at all",
                "read it every REFRESH_MS, also when nobody asks for it",
            )
            .kept_if(took.is_some())?;
        slowest = slowest.max(took.unwrap_or_default());
    }
    let posts = posts.stop().await?;
    let (statements, lasted) = (bed.database().ordered_reads().await? - before, began.elapsed());
    let by_the_clock = the_clock_alone_decides(statements, lasted, posts.counts().accepted)?;
    let observed = vec![Fact::count("posts", TIMES), Fact::duration("the slowest, after", slowest)];
    Ok(Kept { promised: vec![IN_TIME.to_owned()], observed }.and(by_the_clock))
}

/// The promise that a process reads page 1 as often as agreed also where its own consumer stores what comes on it.
fn the_clock_alone_decides(statements: u64, lasted: Duration, posted: u64) -> Verdict {
    let most = allowed(REFRESH, lasted, 1);
    promise("a process that stores posts itself reads page 1 no more than once per REFRESH_MS")
        .observed(Fact::count("posts by way of the service", posted))
        .observed(Fact::count("statements that list posts", statements))
        .observed(Fact::count("at most", most))
        .likely(
            true,
            "what the consumer has stored makes the service read page 1 anew: the more is written, the more is read",
            "let the clock alone decide when page 1 is read: a post waits for the next refresh, as everybody's posts do",
        )
        .kept_if(statements <= most)
}

/// Page 2, a search and a single post are answered from the table, at the moment they are asked.
pub(super) async fn others_are_never_old(bed: Bed) -> Verdict {
    let service = bed.start().await?;
    are_never_old(&bed, &service).await
}

/// The promise that what is not page 1 is as the table is at the moment it is asked.
pub(crate) async fn are_never_old(bed: &Bed, service: &impl Endpoint) -> Verdict {
    const TIMES: usize = 3;
    let mut posts = bed.database().plant_numbered(POSTS).await?;
    for n in 0..TIMES {
        // Whoever keeps what was asked for has it now.
        let word = format!("word{n}");
        service.get("/posts?page=2").send().await?.has_status(200)?;
        service.get(&format!("/search?content={word}")).send().await?.has_status(200)?;
        let planted = bed.database().plant_one(&format!("with the {word}")).await?;
        posts.push(planted);

        let found = service.get(&format!("/search?content={word}")).send().await?;
        is_as_committed("a search", &found, found.ids()? == [planted])?;
        let second = service.get("/posts?page=2").send().await?;
        let expected: Vec<Uuid> = posts.iter().rev().skip(PAGE).take(PAGE).copied().collect();
        is_as_committed("page 2", &second, second.ids()? == expected)?;
        let path = format!("/post/{planted}");
        let single = service.get(&path).send().await?;
        is_as_committed("a single post", &single, single.status == 200)?;

        bed.database().delete(planted).await?;
        posts.pop();
        let single = service.get(&path).send().await?;
        is_as_committed("a single post that was deleted", &single, single.status == 404)?;
        bed.database().plant_as(planted, "back again").await?;
        let single = service.get(&path).send().await?;
        is_as_committed("a single post that is back again", &single, single.status == 200)?;
        bed.database().delete(planted).await?;
    }
    Ok(all_kept(
        "page 2, a search and a single post are as the table is at the moment they are asked",
        5 * TIMES,
    ))
}

fn is_as_committed(what: &str, answer: &Answer, holds: bool) -> Result<(), Stop> {
    promise(format!("{what} is as the table is at the moment it is asked"))
        .observed(answer)
        .likely(
            true,
            "an answer from before was kept: more is cached than page 1",
            "cache page 1 alone; everything else is read from the table each time",
        )
        .kept_if(holds)?;
    Ok(())
}
