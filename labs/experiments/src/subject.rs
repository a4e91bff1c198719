//! The server under an experiment, the load on it (a check's own, with a client that outwaits whatever is set up), and what an experiment
//! waits for.

use std::time::Duration;

use promises::contract::{QUEUE, Reckoned as _};
use testbed::bed::{Bed, Finished, ServiceSettings};
use testbed::ledger::Ledger;
use testbed::load::Schedule;
use testbed::services::VirtualHost;
use testbed::subject::Subject;
use testbed::verdict::Stop;
use testbed::wait;

/// How long a client waits for an answer. Longer than any wait that an experiment sets up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a load on an experiment's server came to.
pub type Ran = Finished;

/// The server, to be given settings before it starts. It logs errors only: a line for each request would cost what is measured.
pub fn server(bed: &Bed) -> ServiceSettings {
    bed.service().set("RUST_LOG", "error")
}

/// `GET path` at the moments of `schedule`, to its end.
///
/// # Errors
/// A load that this host could not carry says nothing.
pub async fn gets(
    bed: &Bed,
    label: &str,
    server: &Subject,
    path: &str,
    schedule: Schedule,
) -> Result<Ran, Stop> {
    bed.gets(server, path, schedule).label(label).patience(PATIENCE).start().finish().await
}

/// Waits until something is seen, of a load for example.
///
/// # Errors
/// A run in which it is not seen within `longest` says nothing; `what` is what was waited for.
pub async fn until(longest: Duration, seen: impl Fn() -> bool, what: &str) -> Result<(), Stop> {
    let seen = wait::until(longest, async || seen().then_some(())).await;
    seen.ok_or_else(|| Stop::Inconclusive(format!("not within {} s: {what}", longest.as_secs())))
}

/// How many messages wait in the queue of posts, delivered or not, as soon as the broker has counted as many as are `wanted`: it counts
/// once a second.
///
/// # Errors
/// A run in which it never has says nothing.
pub async fn messages(host: &VirtualHost, wanted: impl Fn(u64) -> bool) -> Result<u64, Stop> {
    let longest = Duration::from_secs(60);
    let mut last = None;
    let counted = wait::try_until(longest, async || {
        last = host.all_messages(QUEUE).await?;
        Ok::<_, Stop>(last.filter(|count| wanted(*count)))
    });
    counted.await?.ok_or_else(|| Stop::Inconclusive(format!("to the end the queue held {last:?} messages")))
}

/// Answered against stored, as soon as it is as `wanted`, or as it is when `longest` has passed.
pub async fn reckoned(
    bed: &Bed,
    run: &Ran,
    longest: Duration,
    wanted: impl Fn(&Ledger) -> bool,
) -> Result<Ledger, Stop> {
    let mut ledger = Ledger::default();
    let looked = wait::try_until(longest, async || {
        ledger = bed.ledger(run).await?;
        Ok::<_, Stop>(wanted(&ledger).then_some(()))
    });
    looked.await?;
    Ok(ledger)
}
