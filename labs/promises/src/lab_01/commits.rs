//! What the commit of a post decides, and not its insert alone.

use std::time::Duration;

use serde_json::json;

use crate::contract::prelude::*;

/// How long a commit takes here.
const COMMIT: Duration = Duration::from_millis(300);

/// The promise that no answer leaves between the insert of a post, which takes `insert`, and the end of its commit.
///
/// Who does not even await the insert keeps it: a kill shows what that costs.
pub(super) async fn is_awaited(bed: &Bed, service: &Subject, insert: Duration) -> Verdict {
    bed.database().commit_time(COMMIT).await?;
    let slow = service.post(&json!({ "content": format!("{BY_HAND}, with a slow commit") })).send().await?;
    slow.has_status(201)?;
    bed.database().commit_time(Duration::ZERO).await?;
    let between = (insert * 9 / 10)..((insert + COMMIT) * 9 / 10);
    promise("no post is answered 201 between its insert and the end of its commit")
        .observed(Fact::duration("an insert takes", insert))
        .observed(Fact::duration("its commit takes", COMMIT))
        .observed(Fact::duration("answered 201 after", slow.took))
        .likely(
            true,
            "the insert had run, and the answer left before its transaction was committed",
            "commit, look at its outcome, then answer",
        )
        .kept_if(!between.contains(&slow.took))
}

/// The promise that a post is answered as its commit has ended.
pub(super) async fn outcome_is_looked_at(bed: &Bed, service: &Subject) -> Verdict {
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
    Ok(looked_at.and(shaped))
}
