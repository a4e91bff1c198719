//! The proxy, with the limits that the submission's own files give it.

use std::time::Duration;

use testbed::descriptors;
use testbed::stack::Fault;

use crate::contract::prelude::*;
use crate::contract::{DEADLINE, Deployed};
use crate::lab_01::HOST;

use super::CLIENTS;

/// What the log must not say, and what it means.
const COMPLAINTS: [(&str, &str, &str); 3] = [
    (
        "setrlimit",
        "`worker_rlimit_nofile` is above the hard limit of the container: the worker runs on with the limit that it was started with",
        "raise `ulimits.nofile.hard` in stack.yml, or ask for less",
    ),
    (
        "Too many open files",
        "the worker has no descriptor left: each client takes one, and each request that is under way one more",
        "`ulimits.nofile.soft` in stack.yml, or `worker_rlimit_nofile` in the template: more than there are connections",
    ),
    (
        "worker_connections are not enough",
        "the worker has descriptors, and may not use them: its own bound is lower",
        "`WORKER_CONNECTIONS` in stack.yml: one for each client, and one for each request that is under way",
    ),
];

/// Five hundred clients, then again after a reload, and after a restart.
pub(super) async fn holds(bed: Bed) -> Verdict {
    let deployed = Deployed::as_written(&bed).await?;
    let proxy = deployed.stack.proxy()?;
    let first = all_are_served(&bed, &deployed, "at first").await?;
    proxy.reload().await.map_err(Fault::from)?;
    let reloaded = all_are_served(&bed, &deployed, "after a reload").await?;
    bed.says("restarting the proxy");
    deployed.restart_proxy().await?;
    let restarted = all_are_served(&bed, &deployed, "after a restart").await?;
    Ok(first.and(reloaded).and(restarted))
}

async fn all_are_served(bed: &Bed, deployed: &Deployed, when: &str) -> Verdict {
    let proxy = deployed.stack.proxy()?;
    bed.says(format!("{CLIENTS} clients come, {when}"));
    let crowd = Crowd::of(CLIENTS, deployed.stack.entry()?, "/posts").within(Duration::from_secs(1));
    let crowd = crowd.length(Duration::from_secs(5)).come().await;
    let log = proxy.logs().await?.stderr;
    let said = COMPLAINTS.into_iter().find(|(words, _, _)| log.contains(words));
    let worker = proxy.workers().await?.first().and_then(|worker| descriptors::of(*worker).ok());
    let limit = worker
        .map(|open| Fact::named("the worker's limit", format!("soft {}, hard {}", open.soft, open.hard)));
    let mut quiet = promise(format!("{when}, the proxy's log has nothing of a limit"))
        .observed(&crowd)
        .observed(limit.clone());
    if let Some((words, likely, next)) = said {
        let lines = log.lines().filter(|line| line.contains(words)).count();
        quiet = quiet
            .observed(Fact::named("log", format!("`{words}`, {lines} times")))
            .likely(true, likely, next);
    }
    let quiet = quiet.kept_if(said.is_none())?;
    let served = promise(format!(
        "{when}, no request of {CLIENTS} clients fails, and none waits longer than the deadline"
    ))
    .observed(&crowd)
    .observed(Fact::duration("the slowest after", crowd.slowest()))
    .observed(limit)
    .likely(
        true,
        "the log says nothing of a limit: the instances refuse, or clients wait for each other",
        "read the log of the proxy, and of the instances",
    )
    .kept_if(crowd.all_served() && crowd.slowest() <= DEADLINE + HOST)?;
    Ok(quiet.and(served))
}
