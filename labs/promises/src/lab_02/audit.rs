//! The audit log: a second place to look, when somebody purges the queue.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::{Value, json};
use testbed::bed::ServiceSettings;
use testbed::subject::Ended;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::stored::all_stored;
use super::unrecorded;
use crate::contract::QUEUE;

/// How long a replay of a few hundred posts may take. A hundred times what it takes.
const REPLAY: Duration = Duration::from_secs(60);

/// A post by hand ([`BY_HAND`]) with characters that end a line for a reader of text, and do not end one of JSON.
const ODD: &str = "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b12";
const ODD_CONTENT: &str = "by hand, \u{2028}line \u{85}line\r\n\u{b}\u{c}line <\"\\> 글 \u{1f409}";

/// A post by hand ([`BY_HAND`]): the first one after a line that a kill has torn.
const AFTER: &str = "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b13";
/// What a kill leaves of a line.
const TORN: &[u8] = br#"{"id":"0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b14","content":"by hand, to"#;

/// Every accepted post is in the file before its 202, and `replay` publishes what the table lacks.
pub(super) async fn audit_log(bed: Bed) -> Verdict {
    let file = bed.folder()?.join("audit.jsonl");
    let role = |role: &str| bed.service().role(role).set("AUDIT_LOG", file.display());
    let api = role("api").start().await?;
    let load = bed.posts(&api, Schedule::constant(100.0, Duration::from_secs(1))).label("stored");
    let first = load.start().finish().await?;
    let consumer = role("consumer").start().await?;
    let stored = all_stored(&bed, &first, "before the queue is purged", &[]).await?;
    let stops = "with every ROLE, stop taking what is new, end what has begun, close, and return from main";
    let consumer = consumer.terminate().await?.in_time(
        "consumer",
        "with ROLE=consumer something holds it: its loop knows of no end",
        stops,
    )?;
    // What is in the file stays there when the next process opens it.
    let api_stopped = api.terminate().await?.in_time(
        "api",
        "with ROLE=api something holds it: the publisher's connection, or the audit log",
        stops,
    )?;
    let stopped = consumer.and(api_stopped);
    tear(&file)?;
    api.restart().await?;
    let after = json!({"id": AFTER, "content": format!("{BY_HAND}, after a torn line")});
    api.post(&after).send().await?.has_status(202)?;
    let twice = json!({"id": "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b11", "content": format!("{BY_HAND}, twice")});
    for _ in 0..2 {
        api.post(&twice).send().await?.has_status(202)?;
    }

    let load = bed.posts(&api, Schedule::constant(100.0, Duration::from_secs(20))).label("purged").start();
    api.post(&json!({"id": ODD, "content": ODD_CONTENT})).send().await?.has_status(202)?;
    load.accepted(100).await?;
    api.kill().await?;
    let second = load.stop().await?;
    tear(&file)?;
    let journal = Journal::read(&file)?;
    let journalled = journalled(&journal, &[&first, &second])?;

    bed.broker().purge(QUEUE).await?;
    let missing = journal.missing_in(&bed).await?;
    let honest = full_queue_is_no_success(&bed, role("all"), missing).await?;
    let ended = role("all").run_to_end("replay", REPLAY).await?;
    let published = bed.broker().ready(QUEUE).await?.unwrap_or(0) as usize;
    let replayed = promise(
        "`replay` publishes exactly what is in the file and not in the table, and exits 0",
    )
    .observed(Fact::named("process", ended.to_string()))
    .observed(Fact::count("in the file", journal.posts.len()))
    .observed(Fact::count("of these not in the table", missing))
    .observed(Fact::count("published", published))
    .likely(
        ended.status.is_none(),
        "the process did not end: with the argument `replay` it must not serve",
        "look at the argument before you start to serve",
    )
    .likely(
        published == journal.posts.len() && published > missing,
        "the whole file was published",
        "look up which ids the table has, and publish the others",
    )
    .likely(
        published > missing,
        "a post was published more than once: one that was accepted twice has two lines, and is one post",
        "publish each id once",
    )
    .likely(
        published + 1 == missing,
        "one post was not published: is it the one whose content has U+2028 and U+0085 in it?",
        "end a line of the file at a line feed, and at nothing else",
    )
    .likely(
        published == 0 && ended.status.is_some_and(|status| !status.success()),
        "the replay gave up: is it the line in the middle of the file that a kill has torn, or the last one?",
        "pass over a line that is no post, and say so in the log",
    )
    .likely(
        true,
        "what is missing was not published, or more than that",
        "compare by id, and await each confirm",
    )
    .kept_if(ended.status.is_some_and(|status| status.success()) && published == missing)?;

    let _consumer = role("consumer").start().await?;
    let restored = all_stored(&bed, &second, "after the replay", &[]).await?;
    let same = journal.is_what_is_stored(&bed).await?;
    let nothing = no_file_is_no_success(&bed, &file.with_file_name("nothing.jsonl")).await?;
    let unrecorded = unrecorded::no_line_is_no_202(&bed).await?;
    let kept = stored.and(stopped).and(journalled).and(honest).and(replayed).and(restored).and(same);
    Ok(kept.and(nothing).and(unrecorded))
}

/// Leaves the file as a kill in the middle of a line does.
fn tear(file: &Path) -> Result<(), SetUp> {
    let torn =
        OpenOptions::new().append(true).create(true).open(file).and_then(|mut file| file.write_all(TORN));
    torn.map_err(|error| SetUp::from_cause(format!("tear the last line of `{}`", file.display()), error))
}

/// The promise that a replay which has nothing to read does not say that it is done: somebody has mistyped a path, on a bad day.
async fn no_file_is_no_success(bed: &Bed, missing: &Path) -> Verdict {
    let named =
        bed.service().role("all").set("AUDIT_LOG", missing.display()).run_to_end("replay", REPLAY).await?;
    let unnamed = bed.service().role("all").run_to_end("replay", REPLAY).await?;
    let fails = |ended: &Ended| ended.status.is_some_and(|status| !status.success());
    promise("a replay without AUDIT_LOG, or with one that names no file, ends with another code than 0")
        .observed(Fact::named("of a file that is not there", named.to_string()))
        .observed(Fact::named("without AUDIT_LOG", unnamed.to_string()))
        .likely(
            named.status.is_none() || unnamed.status.is_none(),
            "the process did not end: it serves, or waits for a file",
            "look at the argument, and at the file, before anything else",
        )
        .likely(
            !fails(&named),
            "a file that is not there was taken for one without posts, or was made by the replay itself",
            "open it for reading alone, and let the error end the process",
        )
        .likely(
            true,
            "without AUDIT_LOG there was nothing to do, and so it was done",
            "say that there is no file, and exit 1",
        )
        .kept_if(fails(&named) && fails(&unnamed))
}

/// The promise that a replay that could publish nothing does not say that it has.
async fn full_queue_is_no_success(bed: &Bed, service: ServiceSettings, missing: usize) -> Verdict {
    const ROOM: u32 = 5;
    const TRIES: u32 = 1000;
    /// Who waits for room is as right as who gives up.
    const WAITED_FOR: Duration = Duration::from_secs(5);
    bed.broker().bound(QUEUE, ROOM).await?;
    if !bed.broker().fill(QUEUE, TRIES).await? {
        return Err(Stop::Inconclusive(format!("the bounded queue took {TRIES} messages, and refused none")));
    }
    let ended = service.run_to_end("replay", WAITED_FOR).await?;
    bed.broker().unbound().await?;
    bed.broker().purge(QUEUE).await?;
    promise("a replay into a full queue, which takes none of the posts, does not exit 0")
        .observed(Fact::count("to be published", missing))
        .observed(Fact::named("process", ended.to_string()))
        .likely(
            true,
            "the replay did not await its confirms, or took a nack for one",
            "await each confirm, and exit 0 when all of them are acks",
        )
        .kept_if(!ended.status.is_some_and(|status| status.success()))
}

/// The promise that every accepted post is in the file, also those that were answered just before the kill.
fn journalled(journal: &Journal, runs: &[&Finished]) -> Verdict {
    let accepted: Vec<Uuid> =
        runs.iter().flat_map(|run| run.accepted()).filter_map(|sample| sample.receipt).collect();
    let absent = accepted.iter().filter(|id| !journal.posts.contains_key(*id)).count();
    let odd = ODD.parse().ok().and_then(|id| journal.posts.get(&id));
    let odd = odd.is_some_and(|lines| lines.iter().all(|(content, _)| content == ODD_CONTENT));
    let after = AFTER.parse().is_ok_and(|id| journal.posts.contains_key(&id));
    promise("every post answered 202 is a line of the audit log, written before its answer left")
        .observed(Fact::count("answered", accepted.len()))
        .observed(Fact::count("lines", journal.posts.len()))
        .observed(Fact::count("not in the file", absent))
        .observed(Fact::count("unreadable lines", journal.unreadable))
        // Of one that is unreadable nothing is known.
        .observed(
            (!odd && journal.unreadable == 0)
                .then(|| Fact::named("without its line", format!("{ODD_CONTENT:?}"))),
        )
        .observed((journal.torn > 0).then(|| Fact::count("lines that begin with a torn one", journal.torn)))
        .observed((!after).then(|| Fact::named("without its line", "the first post after a torn line")))
        .likely(
            journal.posts.is_empty() && journal.unreadable == 0,
            "the file is not there, or is empty",
            "append to the file that AUDIT_LOG names",
        )
        .likely(
            absent > 0 && journal.unreadable > 0,
            "lines run into each other: what stands on one line is more than one JSON object",
            "end each line with a line feed",
        )
        .likely(
            absent > 0 && absent >= runs[0].counts().accepted as usize,
            "the lines of the first process are gone: the second one began the file anew",
            "open the file for appending, and never truncate it",
        )
        .likely(
            !after && journal.torn > 0,
            "a kill had torn the last line, and the next one was written behind it, on the same line: both are lost",
            "if the file does not end with a line feed, write one before the next line",
        )
        .likely(
            absent > 0,
            "the last lines were in the process's memory when it was killed",
            "write the line, and then answer: a buffer that is flushed later is lost",
        )
        .likely(true, "a line is not as agreed", "one JSON object a line: id, content, created_at")
        .kept_if(absent == 0 && journal.unreadable == 0 && odd && after && !accepted.is_empty())
}

/// What is in the file.
struct Journal {
    /// By id, what each line says of the post. One that was accepted twice may have two lines.
    posts: HashMap<Uuid, Vec<Line>>,
    /// Lines that end, and are not as agreed. The last one may be torn by a kill.
    unreadable: usize,
    /// Of these, those that begin with what a kill had [torn](TORN) are told apart.
    torn: usize,
}

/// Content and instant.
type Line = (String, OffsetDateTime);

impl Journal {
    fn read(file: &Path) -> Result<Journal, SetUp> {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(SetUp::from_cause(format!("read `{}`", file.display()), error)),
        };
        let mut journal = Journal { posts: HashMap::new(), unreadable: 0, torn: 0 };
        let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        for line in whole.filter(|line| !line.trim_ascii().is_empty()) {
            match line_of(&serde_json::from_slice(line).unwrap_or_default()) {
                Some((id, line)) => journal.posts.entry(id).or_default().push(line),
                None if line.starts_with(TORN) => journal.torn += 1,
                None => journal.unreadable += 1,
            }
        }
        Ok(journal)
    }

    /// How many of its posts the table does not have.
    async fn missing_in(&self, bed: &Bed) -> Result<usize, Stop> {
        let stored: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM post").fetch_all(bed.database().pool()).await?;
        let stored: HashSet<Uuid> = stored.into_iter().collect();
        Ok(self.posts.keys().filter(|id| !stored.contains(id)).count())
    }

    /// The promise that what was restored is what had been accepted.
    async fn is_what_is_stored(&self, bed: &Bed) -> Verdict {
        let rows: Vec<(Uuid, String, OffsetDateTime)> =
            sqlx::query_as("SELECT id, content, created_at FROM post")
                .fetch_all(bed.database().pool())
                .await?;
        let is_told = |(id, content, made): &&(Uuid, String, OffsetDateTime)| {
            let close = |instant: &OffsetDateTime| (*instant - *made).abs() < time::Duration::MILLISECOND;
            let mut lines = self.posts.get(id).into_iter().flatten();
            lines.any(|line| line.0 == *content && close(&line.1))
        };
        let others = rows.len() - rows.iter().filter(is_told).count();
        promise("each row has the content and the instant of its line in the audit log")
            .observed(Fact::count("rows", rows.len()))
            .observed(Fact::count("with another content or instant", others))
            .likely(
                true,
                "the replay, or the consumer after it, made an instant of its own",
                "publish the line as it is: the post was accepted then, not now",
            )
            .kept_if(others == 0)
    }
}

/// A line, if it is as agreed.
fn line_of(post: &Value) -> Option<(Uuid, Line)> {
    let made = OffsetDateTime::parse(post["created_at"].as_str()?, &Rfc3339).ok()?;
    Some((post["id"].as_str()?.parse().ok()?, (post["content"].as_str()?.to_owned(), made)))
}
