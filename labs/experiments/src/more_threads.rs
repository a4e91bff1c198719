//! The same work for 2, 4, 8 and 16 workers: work that waits, and work that computes.

use std::time::Duration;

use serde_json::json;
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::load::Schedule;
use testbed::verdict::Stop;

use crate::client::capacity;
use crate::figure::{Bar, Bars, Ink};
use crate::findings::{Findings, Table, claim, raw};
use crate::subject::{Ran, gets, server};

const WORKERS: [usize; 4] = [2, 4, 8, 16];
const QUEUE: usize = 20;
const IO: &str = "/io/100";
/// More than sixteen workers can do, of 100 ms each.
const IO_RATE: f64 = 240.0;
const HASH: &str = "/hash/why-servers-die";
/// What is offered of hashes, in parts of what the cores can compute.
const HASH_LOAD: f64 = 1.2;
const LENGTH: Duration = Duration::from_millis(2500);
/// The first requests find every worker free.
const WARM: Duration = Duration::from_millis(500);

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let [a, b, c, d] = WORKERS.map(|workers| offer(&bed, workers, IO, IO_RATE));
    // Who waits needs no core: all four side by side.
    let (a, b, c, d) = tokio::try_join!(a, b, c, d)?;
    let waiting = [a, b, c, d];
    let server = server(&bed).set("WORKERS", crate::cores()).set("QUEUE", QUEUE).start().await?;
    let hashes = HASH_LOAD * capacity(server.addr(), HASH).await?;
    drop(server);
    let mut computing = Vec::new();
    for workers in WORKERS {
        computing.push(offer(&bed, workers, HASH, hashes).await?);
    }

    let goodput = |run: &Ran| run.goodput(WARM..LENGTH);
    let io: Vec<f64> = waiting.iter().map(goodput).collect();
    let hash: Vec<f64> = computing.iter().map(goodput).collect();
    let mut table = Table::of(&["WORKERS", "/io/100, goodput /s", "/hash, goodput /s"]);
    for ((workers, io), hash) in WORKERS.iter().zip(&io).zip(&hash) {
        table.row([workers.to_string(), format!("{io:.0}"), format!("{hash:.0}")]);
    }
    let cores = crate::cores();
    // With as many workers as cores, no core stands idle.
    let enough = WORKERS.iter().position(|workers| *workers >= cores);
    let gain = enough.map_or(f64::INFINITY, |enough| hash[3] / hash[enough].max(1.0));
    let sentence = format!(
        "From 2 workers to 16 the goodput of requests that wait grew from {:.0} to {:.0} a second, {:.1} times. That of \
         requests that compute went from {:.0} to {:.0}, {:.2} times: there are {cores} cores, whoever shares them.",
        io[0],
        io[3],
        io[3] / io[0].max(1.0),
        hash[0],
        hash[3],
        hash[3] / hash[0].max(1.0)
    );
    let bars = |goodputs: &[f64]| -> Vec<Bar> {
        let bar = |(workers, goodput): (&usize, &f64)| Bar {
            label: format!("{workers} workers"),
            parts: vec![(Ink::Good, *goodput)],
            shown: format!("{goodput:.0}"),
        };
        WORKERS.iter().zip(goodputs).map(bar).collect()
    };
    let figure = Bars {
        id: "more-threads",
        title: "goodput, in answers a second".to_owned(),
        groups: vec![("/io/100: waits".to_owned(), bars(&io)), ("/hash: computes".to_owned(), bars(&hash))],
        legend: Vec::new(),
    };
    let runs = |runs: &[Ran]| -> serde_json::Map<_, _> {
        WORKERS.iter().zip(runs).map(|(workers, run)| (workers.to_string(), raw(run))).collect()
    };
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("eight times the workers do at least five times as much that waits", io[3] >= 5.0 * io[0]),
            claim("more workers than cores do at most 1.4 times as much that computes", gain <= 1.4),
        ],
        figures: vec![("more-threads", figure.svg())],
        data: json!({ "io": runs(&waiting), "hash": runs(&computing) }),
    })
}

async fn offer(bed: &Bed, workers: usize, path: &str, rate: f64) -> Result<Ran, Stop> {
    let server = server(bed).set("WORKERS", workers).set("QUEUE", QUEUE).set("TIMEOUT_MS", 20_000);
    let server = server.start().await?;
    let schedule = Schedule::constant(rate.round().max(1.0), LENGTH);
    gets(bed, &format!("{workers:>2} workers, {path}"), &server, path, schedule).await
}
