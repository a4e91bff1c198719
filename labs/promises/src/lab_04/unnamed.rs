//! A post that its client did not name: the proxy does, and no two alike.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use testbed::wait;
use uuid::Uuid;

use crate::contract::prelude::*;
use crate::contract::{Deployed, Logged};

use super::keys::id_of;

/// Posts without key and id are as many as were sent, also when the proxy was restarted between them: a number that it counts for itself
/// begins again then.
pub(super) async fn are_apart(bed: &Bed, deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    bed.says("restarting the proxy, twice");
    deployed.restart_proxy().await?;
    let before = unnamed(deployed).await?;
    deployed.restart_proxy().await?;
    let after = unnamed(deployed).await?;
    posts.extend(before.iter().chain(&after));
    let all: BTreeSet<Uuid> = before.iter().chain(&after).copied().collect();
    let alone: BTreeSet<Uuid> = before.iter().copied().collect();
    let apart = promise("posts without key and id are as many as were sent, also with the same content, and also after a restart of the proxy")
        .observed(Fact::count("posts", before.len() + after.len()))
        .observed(Fact::count("ids", all.len()))
        .likely(
            alone.len() < before.len(),
            "the name is made of the content, or is the same for all",
            "let the proxy make a name for each request: $request_id",
        )
        .likely(
            true,
            "after a restart the proxy gives names that it has given before: a number of a connection or of a process begins again",
            "let the proxy make a name by chance for each request: $request_id",
        )
        .kept_if(all.len() == before.len() + after.len())?;
    Ok(apart.and(are_named_by_the_proxy(deployed, &after).await?))
}

/// The promise that the proxy sets the header to `$request_id`, by what its log calls these posts.
async fn are_named_by_the_proxy(deployed: &Deployed, posts: &[Uuid]) -> Verdict {
    /// How long a line may be on its way.
    const SOON: Duration = Duration::from_secs(5);
    let mut named = 0;
    wait::try_until(SOON, async || {
        let log = deployed.stack.proxy()?.logs().await?.stdout;
        let names: BTreeSet<Uuid> = Logged::posts(&log).iter().filter_map(Logged::id).collect();
        named = posts.iter().filter(|id| names.contains(id)).count();
        Ok::<_, Stop>((named == posts.len()).then_some(()))
    })
    .await?;
    promise("a post without key and id has the name that the proxy gave the request, `$request_id`, before its first attempt")
        .observed(Fact::count("posts", posts.len()))
        .observed(Fact::count("of these named by the `id` of their line in the log", named))
        .likely(
            true,
            "the proxy makes another name, which two requests may have in common: a time, a number of a process or of a connection",
            "set the header to `$request_id` where the client sent none",
        )
        .kept_if(named == posts.len())
}

/// Some posts without key and id, with the same content: their ids.
async fn unnamed(deployed: &Deployed) -> Result<Vec<Uuid>, Stop> {
    let body = json!({"content": format!("{BY_HAND}, without a name")});
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(id_of(&deployed.stack.entry()?.post(&body).send().await?)?);
    }
    Ok(ids)
}
