//! A record that takes no line any more: its disk is full.

use std::path::Path;
use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::json;
use testbed::wait;

/// A file, of this system, whose disk is always full. Not every system has one.
const FULL: &str = "/dev/full";

/// The promise that no post is answered 202 whose line could not be written. Who does not start without a record is right as well.
pub(super) async fn no_line_is_no_202(bed: &Bed) -> Verdict {
    /// Many times what a start takes.
    const STARTED: Duration = Duration::from_secs(5);
    /// Who reads the whole file at its start finds no end, and gets no further: here, before the host has to end it.
    const READ: u64 = 512 << 20;
    if !Path::new(FULL).exists() {
        return promise("a post whose line cannot be written is not answered 202 (not asked: no such disk)")
            .kept_if(true);
    }
    let api = bed.service().role("api").set("AUDIT_LOG", FULL).begin()?;
    // It may have ended by now.
    let memory = api.watch_memory().ok();
    let started = wait::until(STARTED, async || {
        let is_over =
            api.has_ended().is_some() || memory.as_ref().is_some_and(|memory| memory.latest() > READ);
        let health = api.get("/health").send().await;
        (is_over || health.is_ok_and(|answer| answer.status == 200)).then_some(!is_over)
    });
    let answer = match started.await {
        Some(true) => api.post(&json!({"content": format!("{BY_HAND}, not recorded")})).send().await.ok(),
        _ => None,
    };
    promise(
        "a post whose line cannot be written, because the disk of the audit log is full, is not answered 202",
    )
    .observed(answer.as_ref())
    .observed(
        answer
            .is_none()
            .then(|| Fact::named("with such a disk", "the service does not start, or does not answer")),
    )
    .likely(
        true,
        "the error of the write was logged, and the post answered all the same: it is in no record",
        "answer 503 when its line is not on the disk; who repeats the post gets it into the record too",
    )
    .kept_if(answer.is_none_or(|answer| answer.status >= 300))
}
