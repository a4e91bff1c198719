//! The list: newest first, twenty a page.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::compare::{is_by_id, is_rising, is_same, numbers, post_as_agreed};
use crate::contract::prelude::*;

/// The list is newest first, twenty a page.
pub(crate) async fn list_newest_first(bed: Bed, agreement: Agreement) -> Verdict {
    let service = bed.start().await?;
    lists_meet(&bed, &service, agreement).await
}

/// The promise that the list is newest first, twenty a page, and refuses what is no page.
pub(crate) async fn lists_meet(bed: &Bed, service: &impl Endpoint, agreement: Agreement) -> Verdict {
    let planted = bed.database().plant_numbered(45).await?;
    let newest_first: Vec<&Uuid> = planted.iter().rev().collect();
    agreement.first_page_shows(service, |listed| listed.first() == planted.last()).await?;

    for (page, expected) in [
        ("?page=1", 0..20),
        ("", 0..20),
        ("?page=2", 20..40),
        ("?page=3", 40..45),
        ("?page=4", 45..45),
        ("?page=200000000", 45..45), // Its first row has a number that 32 bits do not hold.
        ("?page=2147483647", 45..45),
        ("?page=2&since=yesterday&utm_source=mail", 20..40), // Parameters that nobody knows are ignored.
    ] {
        let answer = service.get(&format!("/posts{page}")).send().await?;
        answer.has_status(200)?;
        let got = answer.ids()?;
        let expected = &newest_first[expected];
        promise(format!("GET /posts{page} lists {} posts, newest first", expected.len()))
            .observed(Fact::named("listed", numbers(&got, &planted)))
            .observed(Fact::named(
                "expected",
                numbers(&expected.iter().map(|id| **id).collect::<Vec<_>>(), &planted),
            ))
            .likely(
                got.len() == expected.len() && is_by_id(&got),
                "they come in the order of their ids, and a row of somebody else's need not have one that begins with the time",
                "order by created_at, descending, and by the id after it",
            )
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
    for page in ["0", "-1", "1.5", "two", "", "2147483648"] {
        service.get(&format!("/posts?page={page}")).send().await?.is_problem(&[400])?;
    }

    let (_, created) = agreement.posting.post(service, &json!({"content": "the newest"})).await?;
    let is_created = |id: &Uuid| created["id"] == id.to_string();
    agreement.first_page_shows(service, |listed| listed.first().is_some_and(is_created)).await?;
    let first = service.get("/posts").send().await?.json()?;
    for post in first.as_array().into_iter().flatten() {
        post_as_agreed("GET /posts", post)?;
    }
    promise("a new post is first in the list")
        .observed(Fact::named("first", first[0]["content"].to_string()))
        .kept_if(is_same(&first[0], &created))?;
    pages_meet_among_equals(bed, service, agreement).await?;
    a_read_gives_its_connection_back(service).await?;
    Ok(all_kept("the list is newest first, 20 a page, empty beyond its end, and refuses what is no page", 15))
}

/// The promise that pages meet end to end also where they part posts of one instant.
async fn pages_meet_among_equals(
    bed: &Bed,
    service: &impl Endpoint,
    agreement: Agreement,
) -> Result<(), Stop> {
    /// So many that the database keeps the best of a page in a heap, where equals have no order of their own.
    const EQUALS: usize = 300;
    const AGO: Duration = Duration::from_secs(30);
    let equals = (0..EQUALS).map(|n| format!("of one moment {n}"));
    let equals = bed.database().plant_at_once(equals, AGO).await?;
    // The newest post is another; after it the equals fill the page.
    let is_one = |id: &Uuid| equals.contains(id);
    agreement.first_page_shows(service, |listed| listed.iter().skip(1).all(is_one)).await?;
    let rows = bed.database().rows().await? as usize;
    let promised = "all pages together list each post once, also those that were made in the same instant";
    pages_meet(service, "/posts?", promised, ("rows", rows), equals).await
}

/// What is `promised` of all pages of a `list`: that together they list each of `missing`, posts of one instant, and as many as it `has`.
pub(super) async fn pages_meet(
    service: &impl Endpoint,
    list: &str,
    promised: &str,
    has: (&str, usize),
    mut missing: Vec<Uuid>,
) -> Result<(), Stop> {
    let (mut listed, mut page) = (0, 1);
    loop {
        let got = service.get(&format!("{list}page={page}")).send().await?.ids()?;
        if got.is_empty() || page > has.1 {
            break;
        }
        listed += got.len();
        missing.retain(|id| !got.contains(id));
        page += 1;
    }
    promise(promised)
        .observed(Fact::count(has.0, has.1))
        .observed(Fact::count("listed on all pages", listed))
        .observed(Fact::count("of one instant, and on no page", missing.len()))
        .likely(
            !missing.is_empty(),
            "posts of one instant have another order on each page: some stand on two pages, and some on none",
            "order by the id as well, after created_at",
        )
        .kept_if(missing.is_empty() && listed == has.1)?;
    Ok(())
}

/// The promise that a list that goes on, and a post that nobody has made, can be asked for as often as somebody likes.
async fn a_read_gives_its_connection_back(service: &impl Endpoint) -> Result<(), Stop> {
    /// More than the contract's default pool has.
    const TIMES: usize = 15;
    for time in 1..=TIMES {
        let answer = service.get("/posts?page=2").send().await?;
        promise(format!("a list that has another page is answered {TIMES} times, one after the other"))
            .observed(Fact::count("asked for", time))
            .observed(&answer)
            .likely(
                true,
                "each list keeps its connection: its rows are not read to their end, and it is not given back",
                "close the rows on every way out, also when there is another page",
            )
            .kept_if(answer.status == 200)?;
    }
    for time in 1..=TIMES {
        let answer = service.get(&format!("/post/{}", Uuid::now_v7())).send().await?;
        promise(format!("a post that does not exist is answered 404 {TIMES} times, one after the other"))
            .observed(Fact::count("asked for", time))
            .observed(Fact::count("the last one answered", answer.status))
            .likely(
                time > 1,
                "each read that finds nothing keeps its connection: it ends before the connection is given back",
                "give the connection back on every way out, also where there is no row",
            )
            .likely(true, "an id that no row has is taken for another fault", "answer 404 where there is no row")
            .kept_if(answer.status == 404)?;
    }
    Ok(())
}
