//! The same stall, seen by a client that waits for each answer and by one that keeps its schedule.

use std::ops::Range;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::load::{Latency, Schedule};
use testbed::setup::SetUp;
use testbed::subject::Subject;
use testbed::verdict::Stop;
use tokio::time::{Instant, sleep_until};

use crate::client::{Turn, closed_loop};
use crate::figure::{Dots, Panel};
use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::never_sent;
use crate::subject::{gets, server};

/// Clients in the closed loop; the server has room for all of them and more.
const CLIENTS: usize = 10;
const WORKERS: usize = 16;
const PATH: &str = "/io/50";
const LENGTH: Duration = Duration::from_secs(8);
/// When the server stands still.
const STALL: Range<Duration> = Duration::from_secs(2)..Duration::from_secs(4);
/// Before the stall, and after the first requests.
const CALM: Range<Duration> = Duration::from_millis(500)..STALL.start;

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let server = server(&bed).set("WORKERS", WORKERS).set("QUEUE", 2000).set("TIMEOUT_MS", 20_000);
    let server = server.start().await?;
    bed.says(format!("closed loop: {CLIENTS} clients for {} s, a stall from 2 s to 4 s", LENGTH.as_secs()));
    let (turns, stalled) = tokio::join!(closed_loop(server.addr(), PATH, CLIENTS, LENGTH), stall(&server));
    stalled?;
    let turns = turns.map_err(|error| SetUp::from_cause("run the closed loop", error))?;
    let calm = turns.iter().filter(|turn| CALM.contains(&turn.sent)).count();
    // The rate at which the same clients ask when nothing holds them up.
    let rate = (calm as f64 / (CALM.end - CALM.start).as_secs_f64()).round().max(1.0);
    let load = gets(&bed, "open loop", &server, PATH, Schedule::constant(rate, LENGTH));
    let (run, stalled) = tokio::join!(load, stall(&server));
    stalled?;
    let run = run?;

    let closed = Latency::of(turns.iter().map(|turn| turn.took));
    let open = run.latency_from_intended(|_| true);
    let sent = run.samples().iter().filter_map(|sample| sample.sent);
    let missing_open = never_sent(rate, STALL, sent);
    let missing = never_sent(rate, STALL, turns.iter().map(|turn: &Turn| turn.sent));
    let mut table = Table::of(&["client", "sent", "never sent in the stall", "p50", "p90", "p99", "longest"]);
    let mut row = |name: &str, sent: usize, missing: usize, latency: &Latency| {
        let shown =
            |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{} ms", time.as_millis()));
        let [p50, p90, p99] = [50.0, 90.0, 99.0].map(|percent| shown(latency.percentile(percent)));
        let cells =
            [name.to_owned(), sent.to_string(), missing.to_string(), p50, p90, p99, shown(latency.max())];
        table.row(cells);
    };
    row("closed loop", turns.len(), missing, &closed);
    row("open loop", run.samples().len(), missing_open, &open);
    let percentile = |latency: &Latency, percent| latency.percentile(percent).unwrap_or_default();
    let (closed_p99, open_p99) = (percentile(&closed, 99.0), percentile(&open, 99.0));
    let sentence = format!(
        "The server stood still for 2 s. The closed loop sent {rate:.0} requests a second before it, and in it it left out \
         {missing} of {:.0}: its p99 is {} ms. The open loop, at the same rate, left out {missing_open}: its p99 is {} ms.",
        rate * (STALL.end - STALL.start).as_secs_f64(),
        closed_p99.as_millis(),
        open_p99.as_millis()
    );
    let figure = Dots {
        id: "closed-versus-open",
        title: "how long each answer took, by when its request was due".to_owned(),
        panels: vec![
            Panel {
                label: format!("closed loop: {} requests, p99 {} ms", turns.len(), closed_p99.as_millis()),
                dots: turns.iter().map(|turn| (turn.sent, turn.took)).collect(),
            },
            Panel {
                label: format!(
                    "open loop: {} requests, p99 {} ms",
                    run.samples().len(),
                    open_p99.as_millis()
                ),
                dots: run
                    .accepted()
                    .map(|sample| (sample.intended, sample.latency_from_intended()))
                    .collect(),
            },
        ],
        marked: Some((STALL, "stall")),
    };
    let due = rate * (STALL.end - STALL.start).as_secs_f64();
    let all = run.counts().accepted == run.counts().scheduled && turns.iter().all(|turn| turn.accepted);
    let turns: Vec<_> = turns.iter().map(|turn| json!({ "sent": turn.sent, "took": turn.took })).collect();
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("every request that was sent is answered", all),
            claim("the closed loop sends almost nothing in the stall", missing as f64 >= 0.8 * due),
            claim("the open loop sends almost everything in it", missing_open as f64 <= 0.1 * due),
            claim(
                "the closed loop's p99 hides the stall, the open loop's shows it",
                open_p99 >= 5 * closed_p99,
            ),
        ],
        figures: vec![("closed-versus-open", figure.svg())],
        data: json!({ "rate": rate, "closed": turns, "open": raw(&run) }),
    })
}

/// Stops the server at the stall's start and lets it go on at its end, counted from now: the stall is as long as it is.
async fn stall(server: &Subject) -> Result<(), SetUp> {
    let started = Instant::now();
    for (at, signal) in [(STALL.start, Signal::STOP), (STALL.end, Signal::CONT)] {
        sleep_until(started + at).await;
        let pid = server.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let gone = || SetUp::new("stop the server for 2 s", "it has ended", "run the experiment again");
        let fault = |error| SetUp::from_cause("stop the server for 2 s", error);
        kill_process(pid.ok_or_else(gone)?, signal).map_err(fault)?;
    }
    Ok(())
}
