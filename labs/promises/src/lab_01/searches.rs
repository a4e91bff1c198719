//! A search: what was typed, letter by letter.

use std::time::Duration;

use uuid::Uuid;

use super::compare::{encode, is_rising, is_same, numbers, post_as_agreed};
use super::lists::pages_meet;
use crate::contract::prelude::*;

/// A search finds what was typed, and nothing else.
pub(crate) async fn search_is_literal(bed: Bed) -> Verdict {
    let service = bed.start().await?;
    searches_are_literal(&bed, &service).await
}

/// The promise that a search finds what was typed, letter by letter.
pub(crate) async fn searches_are_literal(bed: &Bed, service: &impl Endpoint) -> Verdict {
    const CONTENTS: [&str; 10] = [
        "100% sure",
        "100 percent",
        "snake_case",
        "snakeXcase",
        "it's here",
        "say \"hi\"",
        "back\\slash",
        "'; DROP TABLE post; --",
        "한국어 글",
        "tab\tand % and _",
    ];
    const TYPED: [&str; 21] = [
        "%",
        "_",
        "100%",
        "snake_case",
        "'",
        "\"",
        "\\",
        "\\%",
        "'; DROP TABLE post; --",
        "' OR '1'='1",
        "글",
        "$1",
        "%%",
        "a_d",
        "nothing like it",
        " sure",
        "sure ",
        "t p",     // A substring, of no word.
        "%73nake", // As somebody may type it: nothing that is decoded again.
        " ",
        "\t",
    ];
    let planted = bed.database().plant(CONTENTS.map(str::to_owned)).await?;
    for typed in TYPED {
        let answer = service.get(&format!("/search?content={}", encode(typed))).send().await?;
        promise(format!("a search for `{typed}` is answered 200"))
            .observed(&answer)
            .likely(
                answer.status >= 500,
                "what was typed became part of the SQL",
                "bind the text as a parameter",
            )
            .likely(typed.trim().is_empty(), "a blank is a text as any other", "refuse the empty one alone")
            .likely(true, "a text that is not empty was refused", "refuse only the empty text")
            .kept_if(answer.status == 200)?;
        let mut got = answer.ids()?;
        got.sort();
        let matching = CONTENTS.iter().zip(&planted).filter(|(content, _)| content.contains(typed));
        let mut expected: Vec<Uuid> = matching.map(|(_, id)| *id).collect();
        expected.sort();
        promise(format!("a search for `{typed}` finds the {} posts that contain it", expected.len()))
            .observed(Fact::count("found", got.len()))
            .observed(Fact::count("expected", expected.len()))
            .likely(
                got.len() > expected.len() && typed == "%73nake",
                "what was typed was decoded twice",
                "decode a query once, and look at what the framework hands over: it may be decoded already",
            )
            .likely(
                got.len() > expected.len() && typed.contains(['%', '_']),
                "`%` and `_` act as wildcards",
                "escape them, or compare without LIKE",
            )
            .likely(
                got.len() > expected.len(),
                "what was typed became part of the SQL",
                "bind the text as a parameter",
            )
            .likely(
                typed.trim().len() < typed.len(),
                "blanks around the text were cut off, or it was split into words",
                "look for it as it was typed: a blank is a character as any other",
            )
            .likely(
                typed.contains('\\'),
                "the backslash acts as an escape",
                "escape it too, or compare without LIKE",
            )
            .kept_if(got == expected)?;
    }
    let left = bed.database().rows().await?;
    promise("no search changes the table").observed(Fact::count("rows left", left)).kept_if(left == 10)?;

    let needles = bed.database().plant((0..25).map(|n| format!("needle {n}"))).await?;
    for (page, expected) in [(1, 20), (2, 5), (3, 0)] {
        let found = service.get(&format!("/search?content=needle&page={page}")).send().await?;
        found.has_status(200)?;
        let got = found.ids()?;
        let wanted: Vec<Uuid> = needles.iter().rev().skip((page - 1) * 20).take(20).copied().collect();
        promise(format!("page {page} of a search with 25 hits lists {expected}, newest first"))
            .observed(Fact::named("listed", numbers(&got, &needles)))
            .observed(Fact::named("expected", numbers(&wanted, &needles)))
            .likely(
                is_rising(&got, &needles),
                "the oldest come first",
                "order by created_at, descending, as the list does",
            )
            .likely(
                got.len() > 20,
                "there is no limit to a page of a search",
                "limit the query to 20 rows, as the list does",
            )
            .likely(
                got.len() != wanted.len() || page > 1,
                "a search has no pages, or others than the list",
                "skip (page - 1) * 20 rows, and answer [] beyond the end",
            )
            .kept_if(got == wanted)?;
    }
    pages_are_as_of_the_list(service).await?;
    the_oldest_is_found(bed, service).await?;
    let long = service.get(&format!("/search?content={}", "a".repeat(12_000))).send().await?;
    promise("a search for a long text is answered: its head has less than 16 KiB")
        .observed(Fact::named("a search for 12,000 letters", format!("answered {}", long.status)))
        .likely(true, "the server takes shorter heads only", "raise its bound of a request head to 16 KiB")
        .kept_if(long.status == 200)?;
    let nul = service.get("/search?content=%00").send().await?;
    promise("a search for NUL, which no post holds, is answered `[]`, or refused with 400 or 422")
        .observed(&nul)
        .likely(
            nul.status >= 500,
            "the text went to the database, which cannot hold a NUL",
            "refuse it where it is read",
        )
        .kept_if([200, 400, 422].contains(&nul.status))?;
    service.get("/search?content=").send().await?.is_problem(&[422])?;
    service.get("/search").send().await?.is_problem(&[400, 422])?;
    Ok(all_kept("every search finds exactly the posts that contain what was typed", TYPED.len() + 12))
}

/// The promise that `page` is to a search what it is to the list.
async fn pages_are_as_of_the_list(service: &impl Endpoint) -> Result<(), Stop> {
    for page in ["0", "two", ""] {
        let answer = service.get(&format!("/search?content=needle&page={page}")).send().await?;
        promise("a search with a page that is not a whole number from 1 to 2147483647 is answered 400")
            .observed(Fact::named(format!("page={page}"), format!("answered {}", answer.status)))
            .likely(
                answer.status == 200,
                "the list looks at its page, and the search does not",
                "validate `page` for a search as for the list",
            )
            .likely(true, "it is refused by another rule", "validate `page` for a search as for the list")
            .kept_if(answer.status == 400)?;
        answer.is_problem(&[400])?;
    }
    let last = service.get("/search?content=needle&page=2147483647").send().await?;
    promise("the last page that a search may be asked for is beyond the end: 200 with []")
        .observed(&last)
        .likely(
            last.status >= 500,
            "the offset of the page does not fit where it is counted",
            "count it in 64 bits, as for the list",
        )
        .likely(true, "the page was refused", "validate `page` for a search as for the list")
        .kept_if(last.status == 200 && last.ids()?.is_empty())?;
    Ok(())
}

/// The promise that a search looks at all posts, and not at the newest alone, and lists what it finds as `/posts` does.
async fn the_oldest_is_found(bed: &Bed, service: &impl Endpoint) -> Result<(), Stop> {
    /// So many that no page, nor a few of them, holds all, and that equals have no order of their own.
    const NEWER: usize = 300;
    const AGO: Duration = Duration::from_secs(30);
    bed.database().plant_at_once(["the one in the haystack".to_owned()], Duration::from_secs(86_400)).await?;
    let hay = bed.database().plant_at_once((0..NEWER).map(|n| format!("hay {n}")), AGO).await?;
    let found = service.get("/search?content=haystack").send().await?;
    found.has_status(200)?;
    promise("a search finds a post however many newer ones there are")
        .observed(Fact::count("newer posts", NEWER))
        .observed(Fact::count("found", found.ids()?.len()))
        .likely(
            true,
            "only the newest posts are looked at",
            "let the database compare, and limit what it found",
        )
        .kept_if(found.ids()?.len() == 1)?;
    let promised =
        "all pages of a search together list each post once, also those that were made in the same instant";
    pages_meet(service, "/search?content=hay&", promised, ("found by it", NEWER + 1), hay).await?;
    finds_posts(service, "/search?content=hay&page=2").await
}

/// The promise that a search answers each post as it is answered elsewhere.
async fn finds_posts(service: &impl Endpoint, search: &str) -> Result<(), Stop> {
    let page = service.get(search).send().await?.json()?;
    let found = page.as_array().into_iter().flatten();
    for post in found.clone() {
        post_as_agreed("GET /search", post)?;
    }
    for post in found.take(1) {
        let alone = service
            .get(&format!("/post/{}", post["id"].as_str().unwrap_or_default()))
            .send()
            .await?
            .json()?;
        promise("a post that a search finds is answered as `/post/{id}` answers it")
            .observed(Fact::named("GET /search", post.to_string()))
            .observed(Fact::named("GET /post/{id}", alone.to_string()))
            .likely(
                post["content"] != alone["content"],
                "a search answers an excerpt, or marks what it found",
                "answer the content as it is stored",
            )
            .likely(
                true,
                "the search makes its answer in a way of its own",
                "make a Post of a row in one place",
            )
            .kept_if(is_same(post, &alone))?;
    }
    Ok(())
}
