//! What the commit of a post decides, and not its insert alone.

use std::time::Duration;

use serde_json::json;

use crate::contract::prelude::*;

/// How long a commit takes here.
const COMMIT: Duration = Duration::from_millis(300);

/// The promise that a post is answered when its commit has ended, and as its commit has ended. An insert takes `insert`.
pub(super) async fn are_awaited(bed: &Bed, service: &Subject, insert: Duration) -> Verdict {
    bed.database().commit_time(COMMIT).await?;
    let slow = service.post(&json!({ "content": format!("{BY_HAND}, with a slow commit") })).send().await?;
    slow.has_status(201)?;
    let awaited = promise("no post is answered 201 before its commit can have ended")
        .observed(Fact::duration("an insert takes", insert))
        .observed(Fact::duration("its commit takes", COMMIT))
        .observed(Fact::duration("answered 201 after", slow.took))
        .likely(
            slow.took < insert * 9 / 10,
            "the answer left before the insert",
            "await the insert and its commit, then answer",
        )
        .likely(
            true,
            "the insert had run, and the answer left before its transaction was committed",
            "commit, look at its outcome, then answer",
        )
        .kept_if(slow.took >= (insert + COMMIT) * 9 / 10)?;

    bed.database().refuse_commits().await?;
    let refused =
        service.post(&json!({ "content": format!("{BY_HAND}, not to be committed") })).send().await?;
    let looked_at = promise("a post whose commit the database refuses is not answered with a success")
        .observed(&refused)
        .likely(
            true,
            "the insert had run, and nobody looked at the outcome of its commit",
            "commit, look at its outcome, then answer",
        )
        .kept_if(refused.status >= 300)?;
    // Which refusal it is, is open.
    let shaped = refused.is_problem(&[refused.status])?;
    Ok(awaited.and(looked_at).and(shaped))
}
