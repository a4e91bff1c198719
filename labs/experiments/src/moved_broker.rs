//! A broker that still holds messages is replaced by another one: with everything at once, and with the old one emptied first.

use std::time::Duration;

use promises::contract::QUEUE;
use promises::contract::prelude::*;
use serde_json::json;
use testbed::path::Path;
use testbed::services::VirtualHost;

use crate::findings::{Findings, Table, claim, raw};
use crate::subject::{PATIENCE, Ran, messages, reckoned, server};

/// Posts a second.
const RATE: f64 = 50.0;
/// How long a row keeps the consumer's connection busy: half of the posts wait in the queue.
const ROW: Duration = Duration::from_millis(40);
const LENGTH: Duration = Duration::from_secs(8);
/// How many posts are accepted before the move.
const BEFORE: usize = 200;
/// How long a queue may take to be worked off.
const DRAINED: Duration = Duration::from_secs(60);

/// How the broker is moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Move {
    /// Whoever publishes and whoever consumes is given the new address at the same time.
    AtOnce,
    /// Whoever publishes moves first; the old consumer stays until its queue is empty.
    DrainedFirst,
}

impl Move {
    fn words(self) -> &'static str {
        match self {
            Move::AtOnce => "everybody is given the new address at once",
            Move::DrainedFirst => "the old queue is emptied first",
        }
    }
}

/// A move, and what came of the posts.
struct Seen {
    how: Move,
    run: Ran,
    /// In the old queue at the move.
    waited: u64,
    /// Still there at the end.
    left: u64,
    ledger: Ledger,
}

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let mut seen = Vec::new();
    for how in [Move::AtOnce, Move::DrainedFirst] {
        seen.push(moved(&bed, how).await?);
    }
    Ok(findings(&seen))
}

async fn moved(bed: &Bed, how: Move) -> Result<Seen, Stop> {
    // Not dropped: they go with the container. To a service another virtual host is as good as another broker.
    let (old, new) = (bed.rabbitmq().fresh_host().await?, bed.rabbitmq().fresh_host().await?);
    let at = |role: &str, host: &VirtualHost| server(bed).role(role).set("AMQP_URL", host.url(None));
    let (publisher, consumer) = (at("api", &old).start().await?, at("consumer", &old).start().await?);
    bed.database().row_time(ROW).await?;
    // Clients know one address; who answers there can change.
    let entry = Path::to(publisher.addr(), Duration::ZERO)?;
    let load =
        bed.posts(&entry, Schedule::constant(RATE, LENGTH)).label(how.words()).patience(PATIENCE).start();
    load.accepted(BEFORE).await?;

    let waited = messages(&old, |count| count > 0).await?;
    bed.says(format!("{}: {waited} messages wait in the old one", how.words()));
    let next = at("api", &new).start().await?;
    entry.set_upstream(next.addr());
    // It answers what it has begun before it ends; new connections lead to the other one.
    publisher.terminate().await?;
    if how == Move::DrainedFirst {
        messages(&old, |count| count == 0).await?;
    }
    consumer.terminate().await?;
    // Whoever consumed is gone: what was delivered and not acknowledged is ready again.
    let left = u64::from(old.ready(QUEUE).await?.unwrap_or(0));
    let _consumer = at("consumer", &new).start().await?;
    let run = load.finish().await?;

    let ledger = reckoned(bed, &run, DRAINED, |ledger| ledger.lost.len() as u64 == left).await?;
    Ok(Seen { how, run, waited, left, ledger })
}

fn findings(seen: &[Seen]) -> Findings {
    let mut table = Table::of(&["how", "accepted", "waited", "stored", "left behind", "doubled"]);
    for Seen { how, waited, left, ledger, .. } in seen {
        let stored = ledger.answered - ledger.lost.len();
        table.row([
            how.words().to_owned(),
            ledger.answered.to_string(),
            waited.to_string(),
            stored.to_string(),
            left.to_string(),
            ledger.doubled.len().to_string(),
        ]);
    }
    table.note("waited: in the old queue at the move; left behind: there at the end");
    let (at_once, drained) = (&seen[0], &seen[1]);
    let sentence = format!(
        "{} posts had been answered 202 and were left in a queue that nobody reads any more. With the old queue emptied first {} were left, \
         and all {} that were accepted are in the table.",
        at_once.left, drained.left, drained.ledger.answered,
    );
    Findings {
        claims: vec![
            claim("messages wait at the move", seen.iter().all(|seen| seen.waited > 0)),
            claim(
                "at once: what waited is left behind, and nothing else is missing",
                at_once.left > 0 && at_once.ledger.lost.len() as u64 == at_once.left,
            ),
            claim("emptied first: nothing is left, and all is stored", {
                drained.left == 0 && drained.ledger.lost.is_empty()
            }),
            claim("nothing is stored twice", seen.iter().all(|seen| seen.ledger.doubled.is_empty())),
        ],
        table,
        sentence,
        figures: Vec::new(),
        data: json!(seen.iter().map(|seen| (seen.how.words(), raw(&seen.run))).collect::<Vec<_>>()),
    }
}
