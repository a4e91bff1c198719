//! How many connections to the database there are, at most.

use std::time::Duration;

use crate::contract::prelude::*;

use super::outage::HOST;
use super::overload::{DEADLINE, SERVICE_TIME};

/// Never more connections to the database than the pool has.
pub(super) async fn bounded_connections(bed: Bed) -> Verdict {
    const FEW: usize = 3;
    /// Of DATABASE_MAX_CONNECTIONS, by the contract.
    const DEFAULT: usize = 10;
    let path = Path::to(bed.database().server(), Duration::ZERO)?;
    let service = bed.service().pool(FEW).database_via(path.addr()).start().await?;
    bed.database().service_time(SERVICE_TIME).await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let length = Duration::from_secs(2);
    let load = bed.posts(&service, Schedule::constant(90.0, length)).capacity(30.0).start();
    // Posts come first, however they end: what a service meets first must not be chance.
    testbed::wait::until(length, async || (load.counts().ended() > 0).then_some(())).await;
    let reads =
        bed.gets(&service, "/posts", Schedule::constant(30.0, length)).label("reads beside it").start();
    let (run, _) = (load.finish().await?, reads.finish().await?);
    let peak = connections.peak().open;
    let opened = path.counts().connections;
    let busy = promise(format!(
        "with DATABASE_MAX_CONNECTIONS={FEW} there are never more than {FEW} connections to the database"
    ))
    .observed(Fact::count("most at once", peak))
    .observed(Fact::count("looks", connections.looks()))
    .observed(Fact::count("opened in all", opened))
    .observed(Fact::count("offered", run.counts().scheduled))
    .observed(Fact::count("accepted", run.counts().accepted))
    .likely(
        peak == DEFAULT,
        "there are as many as the contract's default: DATABASE_MAX_CONNECTIONS is not what decides",
        "take the pool's size from DATABASE_MAX_CONNECTIONS",
    )
    .likely(
        peak > FEW && opened >= run.counts().accepted,
        "each request opens a connection of its own",
        "make one pool at the start, and share it",
    )
    .likely(
        peak > FEW,
        "a second pool (one for reads, perhaps), or a connection beside it",
        "send every statement through the one pool",
    )
    .likely(
        true,
        "no post is accepted at all, so nothing is seen of the connections",
        "post by hand first: cargo lab check 01 --only create-then-read",
    )
    .kept_if(peak <= FEW && run.counts().accepted > 0)?;
    service.kill().await?;
    let abandoned = abandoned_statements(&bed, FEW).await?;
    let in_time = one_deadline(&bed, FEW).await?;
    Ok(busy.and(abandoned).and(in_time).and(by_default(&bed, DEFAULT).await?))
}

/// Without the setting there are as many connections as the contract's default says.
async fn by_default(bed: &Bed, default: usize) -> Verdict {
    bed.database().end_connections().await?;
    let service = bed.start().await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let load = bed.posts(&service, Schedule::constant(200.0, Duration::from_millis(1500)));
    let run = load
        .label("no setting")
        .capacity(default as f64 / SERVICE_TIME.as_secs_f64())
        .start()
        .finish()
        .await?;
    let peak = connections.peak().open;
    promise(format!("without DATABASE_MAX_CONNECTIONS there are never more than {default} connections"))
        .observed(Fact::count("offered without the setting", run.counts().scheduled))
        .observed(Fact::count("most at once without it", peak))
        .likely(true, "the default is another one", format!("take {default} where nothing is said"))
        .kept_if(peak <= default)
}

/// A statement that outlives its request still has its connection.
async fn abandoned_statements(bed: &Bed, few: usize) -> Verdict {
    // Those of the process before it: the server may take a moment to see that it is gone.
    bed.database().end_connections().await?;
    let service = bed.service().pool(few).deadline(Duration::from_millis(500)).start().await?;
    let hold = bed.database().hold_inserts().await?;
    let connections = bed.postgres().watch(bed.database()).await?;
    let load = bed.posts(&service, Schedule::constant(20.0, Duration::from_secs(2)));
    let run = load.label("no insert ends in time").start().finish().await?;
    let peak = connections.peak().open;
    hold.release().await?;
    promise(format!("also while no insert ends in time there are never more than {few} connections"))
        .observed(Fact::count("offered while none ends", run.counts().scheduled))
        .observed(Fact::count("most at once then", peak))
        .likely(
            true,
            "the service gave up on a statement and opened another connection, while the database was still busy with the first",
            "let the database end it (statement_timeout) or cancel it, and lend the connection again only then",
        )
        .kept_if(peak <= few)
}

/// A request has one deadline, however many waits it has: the contract's default, since no other is given.
async fn one_deadline(bed: &Bed, few: usize) -> Verdict {
    bed.database().end_connections().await?;
    let service = bed.service().pool(few).start().await?;
    let hold = bed.database().hold_inserts().await?;
    let load = bed.posts(&service, Schedule::constant(20.0, Duration::from_millis(500)));
    let run = load.label("no insert ends in time, and no deadline is set").start().finish().await?;
    hold.release().await?;
    let slowest = run.latency_from_send(|_| true).max().unwrap_or_default();
    promise("where REQUEST_TIMEOUT_MS is not given, every request is answered within 2 s")
        .observed(Fact::count("offered without the setting, while no insert ends", run.counts().scheduled))
        .observed(Fact::duration("slowest answer", slowest))
        .likely(
            slowest.abs_diff(2 * DEADLINE) < DEADLINE / 4,
            "the wait for a connection and the statement have the whole deadline each",
            "take what is left of it for the second",
        )
        .likely(true, "the default is another one, or a wait has none", "take 2000 where nothing is said")
        .kept_if(slowest <= DEADLINE + HOST)
}
