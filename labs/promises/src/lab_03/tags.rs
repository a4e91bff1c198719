//! Tags: the same bytes have the same one, and who has them gets no body.

use std::time::{Duration, Instant};

use testbed::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::contract::prelude::*;

use super::first_page::{FirstPage, POSTS, REFRESH, in_time, is_fresh_again, tag_of};
use super::statements::{allowed, looks};

/// What is changed on page 1: as many posts as before, the same ones, and none is longer.
struct Change {
    what: &'static str,
    statement: &'static str,
    /// Whether the page must have other bytes then: how exactly an instant is told is of another check.
    is_told: bool,
}

const CHANGES: [Change; 3] = [
    Change {
        what: "the content of the newest post",
        statement: "UPDATE post SET content = reverse(content)
             WHERE id = (SELECT id FROM post ORDER BY created_at DESC LIMIT 1)",
        is_told: true,
    },
    Change {
        what: "the content of the last post on the page",
        statement: "UPDATE post SET content = reverse(content)
             WHERE id = (SELECT id FROM post ORDER BY created_at DESC OFFSET 19 LIMIT 1)",
        is_told: true,
    },
    Change {
        // Posts are a second apart: their order stays.
        what: "the instant of the third post",
        statement: "UPDATE post SET created_at = created_at - interval '400 milliseconds'
             WHERE id = (SELECT id FROM post ORDER BY created_at DESC OFFSET 2 LIMIT 1)",
        is_told: false,
    },
];

/// A reader who has the page gets no body, and every other reader gets it.
pub(super) async fn tags(bed: Bed) -> Verdict {
    let one = bed.service().role("api").start().await?;
    bed.database().plant_numbered(POSTS).await?;
    bed.database().read_time(Duration::ZERO).await?;
    is_fresh_again(&bed, &one, "the start").await?;
    let page = FirstPage::of(&one).await?;
    let tag = page.tag()?;
    let (before, began) = (bed.database().reads().await?, Instant::now());
    let cases = who_has_it_gets_no_body(&one, &tag).await?;
    let looks = bed.database().reads().await? - before;
    let unasked = costs_no_statement(looks, allowed(REFRESH, began.elapsed(), 1))?;
    let packed = what_is_packed_has_its_own(&one, &tag).await?;
    let same = stays_the_same(&bed, &one, &page, &tag).await?;
    let mut changed = Kept::default();
    for change in CHANGES {
        changed = changed.and(changes_with_the_bytes(&bed, &one, &change).await?);
    }
    Ok(cases.and(unasked).and(packed).and(same).and(changed))
}

/// The promise that who has the page with this tag gets a head alone, and who has another page gets this one.
pub(crate) async fn who_has_it_gets_no_body(one: &impl Endpoint, tag: &str) -> Verdict {
    for path in ["/posts", "/posts?page=1"] {
        for (known, called) in [
            (tag.to_owned(), "its tag"),
            (format!("\"other\", {tag}"), "a list with its tag"),
            (format!("{tag},\"other\""), "a list without blanks"),
            (format!("W/{tag}"), "its tag in the weak form"),
            (format!("W/\"other\", W/{tag}"), "a list of weak ones"),
            ("*".to_owned(), "`*`"),
        ] {
            let answer = one.get(path).header("if-none-match", &known).send().await?;
            is_not_modified(&answer, called, tag)?;
        }
    }
    let inner = tag.trim_matches('"');
    for (other, called) in [
        ("\"other\"".to_owned(), "another tag"),
        ("W/\"other\", \"another\"".to_owned(), "a list of others"),
        (format!("\"{inner}x\""), "a longer tag"),
        (format!("\"{}\"", inner.chars().take(inner.len() / 2).collect::<String>()), "half of its tag"),
        ("\"\"".to_owned(), "an empty tag"),
    ] {
        let answer = one.get("/posts").header("if-none-match", &other).send().await?;
        promise("who has another page gets this one in full")
            .observed(Fact::named("If-None-Match", called))
            .observed(Fact::named(answer.asked(), format!("answered {}", answer.status)))
            .likely(
                answer.status == 304 && called.contains("other"),
                "whoever sends the header is told that nothing has changed",
                "compare the tags of the header with the page's own",
            )
            .likely(
                answer.status == 304,
                "a part of a tag is taken for the tag",
                "take the header apart, and compare whole tags",
            )
            .kept_if(answer.status == 200 && !answer.body.is_empty())?;
    }
    no_byte_follows_a_304(one).await?;
    Ok(all_kept("who sends the tag, a list with it, its weak form or `*` gets 304 and no body", 12))
}

/// The promise that who asks with a tag costs no statement, either.
fn costs_no_statement(looks: u64, most: u64) -> Verdict {
    promise("a request with `If-None-Match` makes no statement of its own")
        .observed(Fact::count("statements meanwhile", looks))
        .observed(Fact::count("at most", most))
        .likely(
            true,
            "whether the reader's page is the present one is asked of the table",
            "compare with the tag of the page in memory",
        )
        .kept_if(looks <= most)
}

/// The promise that other bytes have another tag also where they are the same page, compressed.
async fn what_is_packed_has_its_own(one: &Subject, tag: &str) -> Verdict {
    let asks = || one.get("/posts").header("accept-encoding", "gzip, br");
    let packed = asks().send().await?;
    if matches!(packed.header("content-encoding"), "" | "identity") {
        return Ok(Kept::default());
    }
    let its_own = tag_of(&packed)?;
    let known = asks().header("if-none-match", &its_own).send().await?;
    is_not_modified(&known, "its tag, of the compressed page", &its_own)?;
    promise("page 1 with other bytes, since it is compressed, has another tag")
        .observed(Fact::named("Content-Encoding", packed.header("content-encoding")))
        .observed(Fact::named("its tag", likeness(&its_own, tag)))
        .likely(
            true,
            "the page is compressed after its tag was made: two texts have one name, and a cache gives out the wrong one",
            "make a tag for each encoding, or do not compress page 1",
        )
        .kept_if(its_own != tag)
}

/// `called` says what If-None-Match held.
fn is_not_modified(answer: &Answer, called: &str, tag: &str) -> Verdict {
    let is_plain = called == "its tag";
    promise("who has the page (its tag, a list with it, its weak form, or `*`) is answered 304, with the tag and no body")
        .observed(Fact::named("If-None-Match", called))
        .observed(Fact::named(answer.asked(), format!("answered {}", answer.status)))
        .observed(Fact::count("bytes of body", answer.body.len()))
        .observed(Fact::named("ETag", likeness(answer.header("etag"), tag)))
        .likely(
            answer.status == 200 && answer.header("etag").is_empty(),
            "what is asked for here has no tag: it is not taken for page 1, which `/posts` and `/posts?page=1` both are",
            "look at the number of the page, and not at the text of the query",
        )
        .likely(
            answer.status == 200 && is_plain,
            "the header is not looked at",
            "compare If-None-Match with the page's tag, and answer 304",
        )
        .likely(
            answer.status == 200,
            "the header is compared as one text: it may be a list, a weak tag, or `*`",
            "take it apart (RFC 9110, 13.1.2), and compare weakly",
        )
        .likely(
            answer.status == 304 && !answer.body.is_empty(),
            "the 304 carries a body",
            "answer the head alone",
        )
        .likely(answer.status == 304, "the 304 does not repeat the tag", "send the same ETag with the 304")
        .kept_if(answer.status == 304 && answer.body.is_empty() && answer.header("etag") == tag)
}

/// The promise that a 304 is a head alone, byte by byte: a client that reads on takes what follows for the next answer.
async fn no_byte_follows_a_304(one: &impl Endpoint) -> Result<(), Stop> {
    let fault = |error| SetUp::from_cause("ask for page 1 over a socket", error);
    let mut socket = TcpStream::connect(one.addr()).await.map_err(fault)?;
    let ask = "GET /posts HTTP/1.1\r\nhost: x\r\nif-none-match: *\r\nconnection: close\r\n\r\n";
    socket.write_all(ask.as_bytes()).await.map_err(fault)?;
    let mut answer = Vec::new();
    // Whoever leaves the connection open has said all that it says by then.
    let _ = timeout(REFRESH, socket.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer);
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    promise("after the head of a 304 comes nothing")
        .observed(Fact::named("answered", head.lines().next().unwrap_or("nothing")))
        .observed(Fact::count("bytes after the head", rest.len()))
        .likely(
            !rest.is_empty(),
            "the 304 carries a body, and a client that keeps the connection takes it for the next answer",
            "answer the head alone",
        )
        .kept_if(head.contains(" 304") && rest.is_empty())?;
    Ok(())
}

/// What a tag is beside the page's: a run decides how either reads.
fn likeness(told: &str, tag: &str) -> &'static str {
    match told {
        "" => "none",
        told if told == tag => "the same",
        _ => "another",
    }
}

/// The promise that the same bytes have the same tag: after a refresh, and from another process.
async fn stays_the_same(bed: &Bed, one: &Subject, page: &FirstPage, tag: &str) -> Verdict {
    looks(bed, 2).await?;
    let later = FirstPage::of(one).await?;
    let other = bed.service().role("api").named("a second instance").start().await?;
    let elsewhere = FirstPage::of(&other).await?;
    let kept = promise("the same bytes have the same tag, after a refresh too")
        .observed(Fact::named("tag after a refresh", likeness(later.answer.header("etag"), tag)))
        .likely(
            true,
            "the tag is made of something else than the bytes (the time, a counter): each refresh sends every reader the page anew",
            "make the tag of the bytes alone",
        )
        .kept_if(later.answer.body != page.answer.body || later.tag()? == tag)?;
    let everywhere = promise("two processes with the same bytes have the same tag")
        .observed(Fact::named("tag from a second process", likeness(elsewhere.answer.header("etag"), tag)))
        .likely(
            true,
            "the tag holds something of the process (a random number, its start): a reader who meets another one gets the page anew",
            "make the tag of the bytes alone",
        )
        .kept_if(elsewhere.answer.body != page.answer.body || elsewhere.tag()? == tag)?;
    Ok(kept.and(everywhere))
}

/// The promise that other bytes have another tag. A post that was changed has other bytes, too, and here neither more nor others of them.
async fn changes_with_the_bytes(bed: &Bed, one: &Subject, change: &Change) -> Verdict {
    let page = FirstPage::of(one).await?;
    let (tag, before) = (page.tag()?, page.answer.body);
    sqlx::query(change.statement).execute(bed.database().pool()).await?;
    let mut last = None;
    let changed = wait::try_until(in_time(Duration::ZERO), async || {
        let page = FirstPage::of(one).await?;
        let is_other = page.answer.body != before;
        last = Some(page);
        Ok::<_, Stop>(is_other.then_some(()))
    });
    let changed = changed.await?.is_some();
    let now = last.as_ref().map(|page| page.answer.header("etag").to_owned()).unwrap_or_default();
    promise("when a post is changed, page 1 has other bytes and another tag, within REFRESH_MS and a second")
        .observed(Fact::named("changed was", change.what))
        .observed(Fact::named("bytes", if changed { "others" } else { "the same" }))
        .observed(Fact::named("tag after the change", likeness(&now, &tag)))
        .likely(
            !changed,
            "the change is not on page 1",
            "replace the page by what was read, whatever is new in it",
        )
        .likely(
            true,
            "the tag is made of ids, of counts, of the length or of a part of the page, which a change does not touch: readers keep what is wrong",
            "make the tag of the bytes alone, and of all of them",
        )
        .kept_if(if changed { now != tag } else { !change.is_told })
}
