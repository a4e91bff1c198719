//! The contract, request by request. Later labs include this file: what it promises holds in all of them.

mod compare;
mod created;
mod posting;
mod table;

use serde_json::json;
use testbed::prelude::*;
use uuid::Uuid;

use compare::{encode, ids, is_rising, is_same, numbers};
pub(crate) use created::create_then_read;
pub(crate) use posting::Posting;

/// The list is newest first, twenty a page.
pub(crate) async fn list_newest_first(bed: Bed, posting: Posting) -> Verdict {
    let service = bed.start().await?;
    let planted = bed.database().plant((0..45).map(|n| format!("post number {n}"))).await?;
    let newest_first: Vec<&Uuid> = planted.iter().rev().collect();

    for (page, expected) in [
        ("?page=1", 0..20),
        ("", 0..20),
        ("?page=2", 20..40),
        ("?page=3", 40..45),
        ("?page=4", 45..45),
        ("?page=200000000", 45..45), // Its first row has a number that 32 bits do not hold.
    ] {
        let answer = service.get(&format!("/posts{page}")).send().await?;
        answer.has_status(200)?;
        let got = ids(&answer)?;
        let expected = &newest_first[expected];
        promise(format!("GET /posts{page} lists {} posts, newest first", expected.len()))
            .observed(Figure::named("listed", numbers(&got, &planted)))
            .observed(Figure::named(
                "expected",
                numbers(&expected.iter().map(|id| **id).collect::<Vec<_>>(), &planted),
            ))
            .likely(is_rising(&got, &planted), "the oldest come first", "order by created_at, descending")
            .likely(got.len() > 20, "there is no limit to a page", "limit the query to 20 rows")
            .likely(
                got.len() == expected.len() && page != "?page=4",
                "the right number from the wrong place: the first page is page 1",
                "skip (page - 1) * 20 rows",
            )
            .likely(
                page == "?page=4" || page == "?page=3",
                "pages do not meet end to end",
                "skip (page - 1) * 20 rows, and answer [] beyond the end",
            )
            .kept_if(got.iter().eq(expected.iter().copied()))?;
    }
    for page in ["0", "-1", "1.5", "two"] {
        service.get(&format!("/posts?page={page}")).send().await?.is_problem(&[400])?;
    }

    let (_, created) = posting.post(&service, &json!({"content": "the newest"})).await?;
    let first = service.get("/posts").send().await?.json()?;
    promise("a new post is first in the list")
        .observed(Figure::named("first", first[0]["content"].to_string()))
        .kept_if(is_same(&first[0], &created))?;
    a_list_gives_its_connection_back(&service).await?;
    Ok(all_kept("the list is newest first, 20 a page, empty beyond its end, and refuses what is no page", 11))
}

/// The promise that a list that goes on can be had as often as somebody asks.
async fn a_list_gives_its_connection_back(service: &Subject) -> Result<(), Stop> {
    /// More than the contract's default pool has.
    const TIMES: usize = 15;
    for time in 1..=TIMES {
        let answer = service.get("/posts").send().await?;
        promise(format!("a list that has another page is answered {TIMES} times, one after the other"))
            .observed(Figure::count("asked for", time))
            .observed(&answer)
            .likely(
                true,
                "each list keeps its connection: its rows are not read to their end, and it is not given back",
                "close the rows on every way out, also when there is another page",
            )
            .kept_if(answer.status == 200)?;
    }
    Ok(())
}

/// A search finds what was typed, and nothing else.
pub(crate) async fn search_is_literal(bed: Bed) -> Verdict {
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
    const TYPED: [&str; 15] = [
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
    ];
    let service = bed.start().await?;
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
            .likely(true, "a text that is not empty was refused", "refuse only the empty text")
            .kept_if(answer.status == 200)?;
        let mut got = ids(&answer)?;
        got.sort();
        let matching = CONTENTS.iter().zip(&planted).filter(|(content, _)| content.contains(typed));
        let mut expected: Vec<Uuid> = matching.map(|(_, id)| *id).collect();
        expected.sort();
        promise(format!("a search for `{typed}` finds the {} posts that contain it", expected.len()))
            .observed(Figure::count("found", got.len()))
            .observed(Figure::count("expected", expected.len()))
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
                typed.contains('\\'),
                "the backslash acts as an escape",
                "escape it too, or compare without LIKE",
            )
            .kept_if(got == expected)?;
    }
    let left = bed.database().rows().await?;
    promise("no search changes the table").observed(Figure::count("rows left", left)).kept_if(left == 10)?;

    let needles = bed.database().plant((0..25).map(|n| format!("needle {n}"))).await?;
    for (page, expected) in [(1, 20), (2, 5), (3, 0)] {
        let found = service.get(&format!("/search?content=needle&page={page}")).send().await?;
        found.has_status(200)?;
        let got = ids(&found)?;
        let wanted: Vec<Uuid> = needles.iter().rev().skip((page - 1) * 20).take(20).copied().collect();
        promise(format!("page {page} of a search with 25 hits lists {expected}, newest first"))
            .observed(Figure::count("listed", got.len()))
            .kept_if(got == wanted)?;
    }
    service.get("/search?content=").send().await?.is_problem(&[422])?;
    service.get("/search").send().await?.is_problem(&[400, 422])?;
    Ok(all_kept("every search finds exactly the posts that contain what was typed", TYPED.len() + 5))
}

/// Bad input is refused in one shape, and nothing of it is stored.
pub(crate) async fn bad_input_is_refused(bed: Bed, posting: Posting) -> Verdict {
    let service = bed.start().await?;
    let json = Some("application/json");
    let content = |text: &str| json!({ "content": text }).to_string().into_bytes();
    let bodies: [(Option<&'static str>, Vec<u8>, &[u16]); 17] = [
        (json, b"{\"content\":".to_vec(), &[400]),
        (json, b"".to_vec(), &[400, 422]),
        (json, b"{\"content\":\"\xff\xfe\"}".to_vec(), &[400, 422]),
        (json, b"[]".to_vec(), &[422]),
        (json, b"\"text\"".to_vec(), &[422]),
        (json, b"{}".to_vec(), &[422]),
        (json, b"{\"content\":7}".to_vec(), &[422]),
        (json, b"{\"content\":null}".to_vec(), &[422]),
        (json, content(""), &[422]),
        (json, content(" \t\n "), &[422]),
        (json, content("\u{3000}\u{2003}"), &[422]),
        (json, content("nul \0 inside"), &[422]),
        (json, content(&"a".repeat(10_001)), &[422]),
        (json, content(&"글".repeat(10_001)), &[422]),
        (json, content(&"a".repeat(70_000)), &[413]),
        (Some("text/plain"), content("plain"), &[415]),
        (Some("application/x-www-form-urlencoded"), b"content=form".to_vec(), &[415]),
    ];
    let cases = bodies.len();
    for (media_type, body, statuses) in bodies {
        service.post_raw(media_type, body).send().await?.is_problem(statuses)?;
    }
    service.get("/post/not-a-uuid").send().await?.is_problem(&[400])?;
    service.get("/post/0190a7d0-0000-7000-8000-000000000000").send().await?.is_problem(&[404])?;
    service.get("/no/such/route").send().await?.is_problem(&[404])?;
    for (method, path, allowed) in [("DELETE", "/post", "POST"), ("PUT", "/posts", "GET")] {
        let method = method.parse().unwrap_or_default();
        let answer = service.ask(method, path).send().await?;
        answer.is_problem(&[405])?;
        promise(format!("a 405 on {path} says what is allowed"))
            .observed(Figure::named("allow", answer.header("allow")))
            .kept_if(answer.header("allow").contains(allowed))?;
    }
    // What had been queued before it is stored before it.
    posting.post(&service, &json!({"content": "a good one after all the bad"})).await?;
    let stored = bed.database().rows().await?;
    promise("nothing of what was refused is stored, and the good post after it is")
        .observed(Figure::count("rows", stored))
        .kept_if(stored == 1)?;
    Ok(all_kept(
        "each bad request is refused by its own 4xx as application/problem+json, nothing stored, nothing told",
        cases + 5,
    ))
}
