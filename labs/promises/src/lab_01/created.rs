//! One post, from its request to its row and back.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use testbed::answer::shorten;

use super::blanks::{NOT_BLANK, is_not_blank};
use super::compare::{as_recorded, instant, is_same, post_as_agreed};
use super::table;

/// The longest body that is taken, in bytes.
const MAX_BODY: usize = 65_536;
/// How far from now the instant of a post that was just made may be.
const NOW: Duration = Duration::from_secs(60);

/// A post comes back exactly as it was sent, also from a second process, and as the table has it.
pub(crate) async fn create_then_read(bed: Bed, agreement: Agreement) -> Verdict {
    let service = bed.start().await?;
    let (rows, post) = posts_come_back(&bed, &service, agreement).await?;
    let path = format!("/post/{}", post["id"].as_str().unwrap_or_default());
    let second = bed.start().await?;
    let read = second.get(&path).send().await?;
    let shared = promise("a second process, started beside the first, reads what the first has stored")
        .observed(&read)
        .likely(
            true,
            "posts are read from a memory that the process has to itself",
            "read them from the table",
        )
        .kept_if(read.status == 200 && is_same(&read.json()?, &post))?;
    bed.database().delete(post["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default()).await?;
    let after = service.get(&path).send().await?;
    let from_the_table = promise("a post that others have deleted is answered 404")
        .observed(&after)
        .likely(
            after.status == 200,
            "the process answers what it remembers of its own posts, and not what the table has",
            "read from the table",
        )
        .kept_if(after.status == 404)?;
    Ok(rows.and(shared).and(from_the_table).and(table::as_agreed(&bed).await?))
}

/// The promise that a post comes back exactly as it was sent, whatever is in it, and is one row; and one that was sent.
pub(crate) async fn posts_come_back(
    bed: &Bed,
    service: &impl Endpoint,
    agreement: Agreement,
) -> Result<(Kept, Value), Stop> {
    let (created, post) = agreement.posting.post(service, &json!({"content": "my first post"})).await?;
    let told = created.json()?;
    match agreement.posting {
        Posting::Stored => {
            as_recorded("POST /post answers with the Post: id, content, created_at", &created, || {
                insta::assert_json_snapshot!(told, {".id" => "[uuid]", ".created_at" => "[instant]"}, @r#"
            {
              "content": "my first post",
              "created_at": "[instant]",
              "id": "[uuid]"
            }
            "#);
            })?
        }
        Posting::Queued => promise("POST /post answers with the id of the post: {\"id\": …}, a UUID")
            .observed(&created)
            .kept_if(told["id"].as_str().is_some_and(|id| Uuid::parse_str(id).is_ok()))?,
    };

    let id = post["id"].as_str().unwrap_or_default();
    // Where a proxy names the post, the id is made of that name.
    if !agreement.proxied {
        is_of_version_7(id, &created)?;
    }
    let made = instant(&post).map(|made| (made - OffsetDateTime::now_utc()).unsigned_abs());
    promise("created_at is an instant in UTC, in RFC 3339, and it is now")
        .observed(Fact::named("created_at", post["created_at"].to_string()))
        .likely(made.is_none(), "it is not told in UTC, or not in RFC 3339", "write it with `Z` at its end")
        .likely(
            made.is_some_and(|away| away > Duration::from_secs(1800)),
            "it is hours away: the local time of the host was told as if it were UTC",
            "take the clock in UTC, or an instant with its offset, and turn it into UTC",
        )
        .kept_if(made.is_some_and(|away| away < NOW))?;
    promise("Location names the new post: /post/{id}")
        .observed(Fact::named("location", created.header("location")))
        .likely(
            created.header("location").is_empty(),
            "the answer has no Location",
            "send the header with the answer to the POST",
        )
        .kept_if(created.header("location").ends_with(&format!("/post/{id}")))?;

    every_body_is_read(service, agreement).await?;
    instants_are_fine(bed, service).await?;

    // The é of two characters is not the é of one: nothing is normalised.
    let contents =
        ["x", "  blanks around stay  ", "나의 첫 번째 글", "\"quotes\" \\ and\r\nnewlines", "🦀", "e\u{301}"];
    let longest = "글".repeat(10_000);
    // Each is one character, whatever it takes in bytes or in halves of UTF-16.
    let crabs = "🦀".repeat(10_000);
    for content in contents.into_iter().chain(NOT_BLANK).chain([longest.as_str(), crabs.as_str()]) {
        let body = json!({ "content": content });
        let answer = service.post(&body).send().await?;
        is_not_blank(content, &answer)?;
        answer.has_status(agreement.posting.status())?;
        let sent = agreement.posting.post_of(service, &answer, &body).await?;
        let read = service.get(&format!("/post/{}", sent["id"].as_str().unwrap_or_default())).send().await?;
        read.has_status(200)?;
        let got = read.json()?;
        let trimmed = got["content"].as_str().is_some_and(|got| got != content && got == content.trim());
        promise("GET /post/{id} gives back the post that was sent, to the character")
            .observed(Fact::named("sent", shorten(&format!("{content:?}"), 60)))
            .observed(Fact::named("came back", shorten(&got["content"].to_string(), 60)))
            .observed(&read)
            .likely(
                trimmed,
                "the blanks around the content were cut off",
                "trim to see whether it is blank, and store it as it was sent",
            )
            .likely(
                got["content"] != content,
                "the content was changed on its way: normalised, escaped, or cut",
                "store the text as it was sent, and read it back as it is",
            )
            .likely(true, "it is another post than the answer to the POST told", "answer with what is stored")
            .kept_if(is_same(&got, &sent) && sent["content"] == content)?;
        post_as_agreed("GET /post/{id}", &read.json()?)?;
    }
    let stored = bed.database().rows().await?;
    let rows = promise("every answered post is one row of the table `post`")
        .observed(Fact::count("rows", stored))
        .kept_if(stored == 21)?;
    Ok((rows, post))
}

/// The promise that an id that the service makes has the time of now in it.
fn is_of_version_7(id: &str, created: &Answer) -> Verdict {
    let parsed = Uuid::parse_str(id).unwrap_or_default();
    let version = parsed.get_version_num();
    let of_now = parsed
        .get_timestamp()
        .and_then(|at| OffsetDateTime::from_unix_timestamp(at.to_unix().0.try_into().ok()?).ok())
        .is_some_and(|at| (at - OffsetDateTime::now_utc()).unsigned_abs() < NOW);
    promise("the id is a UUID of version 7, so that ids sort by time")
        .observed(created)
        .observed(Fact::count("version", version))
        .likely(
            version == 4,
            "the id is a random one: ids of one moment are scattered over the whole index",
            "make ids of version 7, which begin with the time",
        )
        .likely(
            version == 7,
            "it says version 7, and the time in it is not now",
            "its first 48 bits are the milliseconds since 1970",
        )
        .kept_if(version == 7 && of_now)
}

/// The promise that members which the contract does not know are ignored: where posts are answered when they are stored, `id` is one.
async fn members_are_ignored(service: &impl Endpoint, agreement: Agreement) -> Result<(), Stop> {
    let theirs = "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b12";
    let mut body =
        json!({"content": "with members that nobody knows", "title": "none", "tags": ["a", {"b": null}]});
    if agreement.posting == Posting::Stored {
        body["id"] = theirs.into();
    }
    let answer = service.post(&body).send().await?;
    promise("members of the body that the contract does not know are ignored")
        .observed(&answer)
        .likely(
            answer.status >= 400,
            "what is not known is refused",
            "read `content`, and pass over everything else",
        )
        .kept_if(answer.status == agreement.posting.status())?;
    let post = agreement.posting.post_of(service, &answer, &body).await?;
    promise("an `id` in the body is ignored: the service makes its own")
        .observed(&answer)
        .likely(true, "the caller's id became the post's", "make the id where the post is accepted")
        .kept_if(post["id"] != theirs)?;
    Ok(())
}

/// Instants are told and kept to the millisecond, at the least: of four posts, not all were made in a whole second, and a row that
/// somebody else wrote comes back with its own.
async fn instants_are_fine(bed: &Bed, service: &impl Endpoint) -> Result<(), Stop> {
    const TIMES: usize = 3;
    let made: Vec<OffsetDateTime> =
        sqlx::query_scalar("SELECT created_at FROM post").fetch_all(bed.database().pool()).await?;
    let whole = made.iter().filter(|made| made.millisecond() == 0).count();
    promise("created_at is kept with a precision of milliseconds, or finer")
        .observed(Fact::count("rows", made.len()))
        .observed(Fact::count("of these in a whole second", whole))
        .likely(
            true,
            "the instant is cut to seconds before it is stored",
            "store what the clock says, to the microsecond",
        )
        .kept_if(whole < made.len())?;
    for n in 0..TIMES {
        let planted = bed.database().plant_one(&format!("{BY_HAND} {n}")).await?;
        let kept: OffsetDateTime = sqlx::query_scalar("SELECT created_at FROM post WHERE id = $1")
            .bind(planted)
            .fetch_one(bed.database().pool())
            .await?;
        let post = service.get(&format!("/post/{planted}")).send().await?.json()?;
        let told = instant(&post).map(|told| (told - kept).abs());
        promise("created_at is told as the table has it, to the millisecond or finer")
            .observed(Fact::named("created_at", post["created_at"].to_string()))
            .likely(
                true,
                "the instant is cut when it is written as text",
                "write it with its fraction of a second",
            )
            .kept_if(told.is_some_and(|away| away < time::Duration::MILLISECOND))?;
    }
    Ok(())
}

/// Bodies that are good, and come otherwise than a test by hand sends them. Each becomes a row.
async fn every_body_is_read(service: &impl Endpoint, agreement: Agreement) -> Result<(), Stop> {
    let halves = json!({"content": "a body in two pieces"});
    let answer = service.post(&halves).in_two_pieces().send().await?;
    promise("a body whose second half comes a moment after the first is one body")
        .observed(&answer)
        .likely(
            answer.status == 400,
            "what the first read gave was taken for the whole body",
            "read as many bytes as Content-Length says",
        )
        .kept_if(answer.status == agreement.posting.status())?;
    let whole = agreement.posting.post_of(service, &answer, &halves).await?;
    promise("and it is stored whole").observed(&answer).kept_if(whole["content"] == halves["content"])?;

    let chunks = json!({"content": "a body in chunks"});
    let answer = service.post(&chunks).in_chunks().send().await?;
    promise("a body that comes in chunks (Transfer-Encoding: chunked), without a length, is read")
        .observed(&answer)
        .likely(
            true,
            "a body is read by its Content-Length alone",
            "let the HTTP library read it: HTTP/1.1 has bodies of both kinds",
        )
        .kept_if(answer.status == agreement.posting.status())?;
    agreement.posting.post_of(service, &answer, &chunks).await?;

    let typed = json!({"content": "under a media type with a parameter"});
    let media_type = Some("application/json; charset=utf-8");
    let answer = service.post_raw(media_type, typed.to_string()).send().await?;
    promise("parameters may follow the media type: application/json; charset=utf-8")
        .observed(&answer)
        .likely(
            answer.status == 415,
            "the whole header is compared, and not the media type in it",
            "compare what stands before the semicolon",
        )
        .kept_if(answer.status == agreement.posting.status())?;
    agreement.posting.post_of(service, &answer, &typed).await?;

    members_are_ignored(service, agreement).await?;
    let shouted = json!({"content": "under a media type in other letters"});
    let answer = service.post_raw(Some("Application/JSON"), shouted.to_string()).send().await?;
    promise("a media type is the same in capitals: Application/JSON")
        .observed(&answer)
        .likely(
            answer.status == 415,
            "the media type is compared letter by letter",
            "compare it without regard to case (RFC 9110, 8.3.1)",
        )
        .kept_if(answer.status == agreement.posting.status())?;
    agreement.posting.post_of(service, &answer, &shouted).await?;

    // As long as it may be.
    let blanks = " ".repeat(MAX_BODY - r#"{"content":"in a long body"}"#.len());
    let long = format!("{{\"content\":\"in a long body\"{blanks}}}");
    let bytes = long.len();
    let answer = service.post_raw(Some("application/json"), long).send().await?;
    promise("a body of 65,536 bytes is taken, whatever blanks are in it")
        .observed(Fact::named(format!("a body of {bytes} bytes"), format!("answered {}", answer.status)))
        .likely(
            answer.status == 413,
            "the limit of a body is lower than the contract's",
            "refuse bodies of more than 65,536 bytes",
        )
        .kept_if(answer.status == agreement.posting.status())?;
    agreement.posting.post_of(service, &answer, &json!({"content": "in a long body"})).await?;
    Ok(())
}
