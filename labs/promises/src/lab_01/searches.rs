//! A search: what was typed, letter by letter.

use std::time::Duration;

use uuid::Uuid;

use super::compare::{encode, ids};
use crate::contract::prelude::*;

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
    const TYPED: [&str; 18] = [
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
        "t p", // A substring, of no word.
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
            .observed(Fact::count("found", got.len()))
            .observed(Fact::count("expected", expected.len()))
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
    promise("no search changes the table").observed(Fact::count("rows left", left)).kept_if(left == 10)?;

    let needles = bed.database().plant((0..25).map(|n| format!("needle {n}"))).await?;
    for (page, expected) in [(1, 20), (2, 5), (3, 0)] {
        let found = service.get(&format!("/search?content=needle&page={page}")).send().await?;
        found.has_status(200)?;
        let got = ids(&found)?;
        let wanted: Vec<Uuid> = needles.iter().rev().skip((page - 1) * 20).take(20).copied().collect();
        promise(format!("page {page} of a search with 25 hits lists {expected}, newest first"))
            .observed(Fact::count("listed", got.len()))
            .kept_if(got == wanted)?;
    }
    the_oldest_is_found(&bed, &service).await?;
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
    Ok(all_kept("every search finds exactly the posts that contain what was typed", TYPED.len() + 8))
}

/// The promise that a search looks at all posts, and not at the newest alone.
async fn the_oldest_is_found(bed: &Bed, service: &Subject) -> Result<(), Stop> {
    /// So many that no page, nor a few of them, holds all.
    const NEWER: usize = 300;
    bed.database().plant_at_once(["the one in the haystack".to_owned()], Duration::from_secs(86_400)).await?;
    bed.database().plant((0..NEWER).map(|n| format!("hay {n}"))).await?;
    let found = service.get("/search?content=haystack").send().await?;
    found.has_status(200)?;
    promise("a search finds a post however many newer ones there are")
        .observed(Fact::count("newer posts", NEWER))
        .observed(Fact::count("found", ids(&found)?.len()))
        .likely(
            true,
            "only the newest posts are looked at",
            "let the database compare, and limit what it found",
        )
        .kept_if(ids(&found)?.len() == 1)?;
    Ok(())
}
