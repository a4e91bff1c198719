//! Work that computes, at a rate that grows through what the cores can do.

use std::time::Duration;

use serde_json::json;
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::load::{Outcome, Schedule};
use testbed::report::Timeline;
use testbed::report::figure::timeline_svg;
use testbed::verdict::Stop;

use crate::client::capacity;
use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::{Loss, first_failure};
use crate::subject::{gets, server};

const PATH: &str = "/hash/why-servers-die";
const QUEUE: usize = 20;
/// The ramp, in parts of capacity.
const FROM: f64 = 0.2;
const TO: f64 = 2.2;
const RAMP: Duration = Duration::from_secs(12);
/// So many rows has the table.
const STEPS: u32 = 6;

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let cores = crate::cores();
    let server = server(&bed).set("WORKERS", cores).set("QUEUE", QUEUE).set("TIMEOUT_MS", 1000);
    let server = server.start().await?;
    bed.says("measuring how many hashes a second the cores can compute");
    let capacity = capacity(server.addr(), PATH).await?;

    let offered = |at: Duration| capacity * (FROM + (TO - FROM) * at.div_duration_f64(RAMP));
    let schedule = Schedule::ramp(FROM * capacity, TO * capacity, RAMP);
    let run = gets(&bed, "ramp", &server, PATH, schedule).await?;

    let mut table =
        Table::of(&["seconds", "offered /s", "of capacity", "goodput /s", "lost", "median of the accepted"]);
    let step = RAMP / STEPS;
    let mut goodputs = Vec::new();
    for window in (0..STEPS).map(|n| step * n..step * (n + 1)) {
        let loss = Loss::of(run.samples(), window.clone());
        let rate = loss.offered as f64 / step.as_secs_f64();
        let goodput = run.goodput(window.clone());
        let accepted = run.latency_from_intended(|sample| {
            sample.outcome == Outcome::Accepted && window.contains(&sample.intended)
        });
        let median =
            accepted.percentile(50.0).map_or("-".to_owned(), |p50| format!("{} ms", p50.as_millis()));
        table.row([
            format!("{} to {}", window.start.as_secs(), window.end.as_secs()),
            format!("{rate:.0}"),
            format!("{:.2}", rate / capacity),
            format!("{goodput:.0}"),
            format!("{:.1}%", 100.0 * loss.share()),
            median,
        ]);
        goodputs.push(goodput);
    }
    let failure = first_failure(run.samples());
    let dies = failure.map_or(0.0, offered);
    let end = goodputs.last().copied().unwrap_or_default() / capacity;
    let word = if end >= 0.9 { "stays" } else { "falls" };
    let sentence = format!(
        "{cores} cores compute {capacity:.0} hashes a second. The first request failed when {dies:.0} a second were offered, \
         {:.2} of that. At {:.1} times capacity the goodput {word}: it is {:.2} of capacity.",
        dies / capacity,
        offered(RAMP - step / 2) / capacity,
        end
    );
    let calm = Loss::of(run.samples(), Duration::ZERO..step);
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("below a half of capacity nothing fails", calm.offered == calm.accepted),
            claim("the first failure comes at about capacity, not far below it", dies >= 0.6 * capacity),
            claim("above capacity the goodput does not grow with the load", end <= 1.3),
        ],
        figures: vec![(
            "cpu-bound",
            timeline_svg(&Timeline::of("hashes at a growing rate", Some(capacity.round()), &run)),
        )],
        data: json!({ "capacity": capacity, "first_failure": failure, "ramp": raw(&run) }),
    })
}
