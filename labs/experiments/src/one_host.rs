//! Proxy and broker on one host, and the host dies under load: what fails meanwhile, what waits, and what is lost.

use std::ops::Range;
use std::time::Duration;

use promises::contract::prelude::*;
use promises::contract::{Deployed, QUEUE};
use serde_json::json;
use testbed::stack::Fault;

use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::{Loss, settled};
use crate::subject::{PATIENCE, messages, until};

/// Posts a second.
const RATE: f64 = 50.0;
/// How long a row keeps the consumer's connection busy: some posts wait in the queue when the host dies.
const ROW: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_secs(120);
/// How many posts go through before, fail meanwhile, and go through after.
const PART: u64 = 120;
/// How long a host may take to be back.
const SOON: Duration = Duration::from_secs(60);

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let deployed = Deployed::roomy(&bed).await?;
    bed.database().row_time(ROW).await?;
    let load = bed.posts(deployed.stack.entry()?, Schedule::constant(RATE, LONGEST));
    let load = load.patience(PATIENCE).start();
    load.accepted(PART as usize).await?;
    let waiting = messages(bed.broker(), |count| count > 0).await?;

    let died = load.elapsed();
    bed.says("SIGKILL to the proxy and to the broker: their host is dead");
    let proxy = deployed.stack.proxy()?;
    tokio::try_join!(proxy.container().kill(), bed.rabbitmq().kill())?;
    let failed = || load.counts().ended() - load.counts().accepted;
    until(SOON, || failed() >= PART, "posts fail").await?;

    let back = load.elapsed();
    bed.says("the host is back: starting both again");
    tokio::try_join!(proxy.container().start_again(), bed.rabbitmq().start_again())?;
    let before = load.counts().accepted;
    until(SOON, || load.counts().accepted >= before + PART, "posts are accepted again").await?;
    let run = load.stop().await?;
    let ledger = bed.drained(&run, QUEUE).await?.ledger;
    deployed.stack.stop().await.map_err(Fault::from)?;

    let parts: [(&str, Range<Duration>); 3] = [
        ("before the host died", Duration::ZERO..died),
        ("while it was away", died..back),
        ("from its start on", back..Duration::MAX),
    ];
    let mut table =
        Table::of(&["posts that were due", "offered", "accepted", "refused", "without an answer"]);
    let mut losses = Vec::new();
    for (words, window) in parts {
        let loss = Loss::of(run.samples(), window);
        table.row([words.to_owned()].into_iter().chain(loss.cells()));
        losses.push(loss);
    }
    table.note(format!("in the queue when the host died {waiting}; {}", settled("accepted", &ledger)));
    let sentence = format!(
        "While the host was away, {} of {} posts failed, though every instance and the database were well. {waiting} posts waited in the \
         broker when it died: they were there when it came back. Of {} that were accepted none was lost.",
        losses[1].offered - losses[1].accepted,
        losses[1].offered,
        ledger.answered,
    );
    Ok(Findings {
        claims: vec![
            claim("before, all posts are accepted", losses[0].accepted + 10 >= losses[0].offered),
            claim("while the host is away, next to none is", losses[1].accepted <= 10),
            claim("posts waited in the broker when it died", waiting > 0),
            claim(
                "what was accepted is stored",
                ledger.lost.is_empty() && ledger.answered >= 2 * PART as usize,
            ),
            claim("nothing is stored twice", ledger.doubled.is_empty()),
        ],
        table,
        sentence,
        figures: Vec::new(),
        data: json!({ "died": died, "back": back, "waiting": waiting, "run": raw(&run) }),
    })
}
