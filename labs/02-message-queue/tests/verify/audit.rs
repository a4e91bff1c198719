//! The audit log: a second place to look, when somebody purges the queue.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testbed::prelude::*;
use uuid::Uuid;

use crate::queue::{QUEUE, all_stored};

/// How long a replay of a few hundred posts may take. A hundred times what it takes.
const REPLAY: Duration = Duration::from_secs(60);

/// Every accepted post is in the file before its 202, and `replay` publishes what the table lacks.
pub(crate) async fn audit_log(bed: Bed) -> Verdict {
    let file = bed.folder()?.join("audit.jsonl");
    let role = |role: &str| bed.service().role(role).set("AUDIT_LOG", file.display());
    let api = role("api").start().await?;
    let load = bed.posts(&api, Schedule::constant(100.0, Duration::from_secs(1))).label("stored");
    let first = load.start().finish().await?;
    let consumer = role("consumer").start().await?;
    let stored = all_stored(&bed, &first, "before the queue is purged", &[]).await?;
    consumer.terminate().await?;
    // What is in the file stays there when the next process opens it.
    api.terminate().await?;
    api.restart().await?;
    let twice = json!({"id": "0190a7d0-7d2c-7cc0-8d0e-5f2f3a1c9b11", "content": format!("{BY_HAND}, twice")});
    for _ in 0..2 {
        api.post(&twice).send().await?.has_status(202)?;
    }

    let load = bed.posts(&api, Schedule::constant(100.0, Duration::from_secs(20))).label("purged").start();
    load.accepted(100).await?;
    api.kill().await?;
    let second = load.stop().await?;
    let journal = Journal::read(&file)?;
    let journalled = journalled(&journal, &[&first, &second])?;

    bed.broker().purge(QUEUE).await?;
    let missing = journal.missing_in(&bed).await?;
    let ended = role("all").run_to_end("replay", REPLAY).await?;
    let published = bed.broker().ready(QUEUE).await?.unwrap_or(0) as usize;
    let status = ended
        .status
        .map_or_else(|| "did not end in time".to_owned(), |status| format!("ended with {status}"));
    let replayed =
        promise("`replay` publishes exactly what is in the file and not in the table, and exits 0")
            .observed(Figure::named("process", status))
            .observed(Figure::count("in the file", journal.ids.len()))
            .observed(Figure::count("of these not in the table", missing.len()))
            .observed(Figure::count("published", published))
            .likely(
                ended.status.is_none(),
                "the process did not end: with the argument `replay` it must not serve",
                "look at the argument before you start to serve",
            )
            .likely(
                published == journal.ids.len() && published > missing.len(),
                "the whole file was published",
                "look up which ids the table has, and publish the others",
            )
            .likely(
                true,
                "what is missing was not published, or more than that",
                "compare by id, and await each confirm",
            )
            .kept_if(ended.status.is_some_and(|status| status.success()) && published == missing.len())?;

    let _consumer = role("consumer").start().await?;
    let restored = all_stored(&bed, &second, "after the replay", &[]).await?;
    Ok(stored.and(journalled).and(replayed).and(restored))
}

/// The promise that every accepted post is in the file, also those that were answered just before the kill.
fn journalled(journal: &Journal, runs: &[&PostsOutcome]) -> Verdict {
    let accepted: Vec<Uuid> =
        runs.iter().flat_map(|run| run.accepted()).filter_map(|sample| sample.receipt).collect();
    let absent = accepted.iter().filter(|id| !journal.ids.contains(*id)).count();
    promise("every post answered 202 is a line of the audit log, written before its answer left")
        .observed(Figure::count("answered", accepted.len()))
        .observed(Figure::count("lines", journal.ids.len()))
        .observed(Figure::count("not in the file", absent))
        .observed(Figure::count("unreadable lines", journal.unreadable))
        .likely(
            journal.ids.is_empty(),
            "the file is not there, or is empty",
            "append to the file that AUDIT_LOG names",
        )
        .likely(
            absent > 0 && absent >= runs[0].counts().accepted as usize,
            "the lines of the first process are gone: the second one began the file anew",
            "open the file for appending, and never truncate it",
        )
        .likely(
            absent > 0,
            "the last lines were in the process's memory when it was killed",
            "write the line, and then answer: a buffer that is flushed later is lost",
        )
        .likely(true, "a line is not as agreed", "one JSON object a line: id, content, created_at")
        .kept_if(absent == 0 && journal.unreadable == 0 && !accepted.is_empty())
}

/// What is in the file.
struct Journal {
    ids: HashSet<Uuid>,
    /// Lines that end, and are not as agreed. The last one may be torn by a kill.
    unreadable: usize,
}

impl Journal {
    fn read(file: &Path) -> Result<Journal, SetUp> {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(SetUp::from_cause(format!("read `{}`", file.display()), error)),
        };
        let mut journal = Journal { ids: HashSet::new(), unreadable: 0 };
        for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let post: Value = serde_json::from_slice(line).unwrap_or_default();
            let complete = post["content"].is_string() && post["created_at"].is_string();
            match post["id"].as_str().and_then(|id| id.parse().ok()).filter(|_| complete) {
                Some(id) => _ = journal.ids.insert(id),
                None => journal.unreadable += 1,
            }
        }
        Ok(journal)
    }

    /// The ids that the table does not have.
    async fn missing_in(&self, bed: &Bed) -> Result<HashSet<Uuid>, Stop> {
        let stored: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM post").fetch_all(bed.database().pool()).await?;
        let stored: HashSet<Uuid> = stored.into_iter().collect();
        Ok(self.ids.difference(&stored).copied().collect())
    }
}
