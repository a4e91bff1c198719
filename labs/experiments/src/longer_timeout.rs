//! Three timeouts on a line that never fills, under the same load above capacity.

use std::ops::Range;
use std::time::Duration;

use serde_json::json;
use testbed::bed::Bed;
use testbed::load::{Outcome, Schedule};
use testbed::theory::fluid_loss;
use testbed::verdict::Stop;

use crate::figure::{Bar, Bars, Ink};
use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::Loss;
use crate::subject::{Ran, gets, server};

const WORKERS: usize = 4;
const PATH: &str = "/io/100";
/// What four workers make of 100 ms, in requests a second.
const CAPACITY: f64 = 40.0;
const LOAD: f64 = 1.5;
/// Longer than what ever waits.
const QUEUE: usize = 1000;
const TIMEOUTS: [u64; 3] = [250, 1000, 4000];
const LENGTH: Duration = Duration::from_secs(13);
/// The wait grows by half a second a second: after 8 s it has reached the longest timeout.
const STEADY: Range<Duration> = Duration::from_secs(9)..LENGTH;

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let [a, b, c] = TIMEOUTS.map(|timeout| offer(&bed, timeout));
    let (a, b, c) = tokio::try_join!(a, b, c)?;
    let runs = [a, b, c];
    let mut table =
        Table::of(&["TIMEOUT_MS", "lost from 9 s on", "must be", "median of the accepted", "the longest"]);
    let (mut losses, mut medians, mut bars) = (Vec::new(), Vec::new(), Vec::new());
    for (timeout, run) in TIMEOUTS.iter().zip(&runs) {
        let loss = Loss::of(run.samples(), STEADY).share();
        let accepted = run.latency_from_intended(|sample| {
            sample.outcome == Outcome::Accepted && STEADY.contains(&sample.intended)
        });
        let median = accepted.percentile(50.0).unwrap_or_default();
        table.row([
            timeout.to_string(),
            format!("{:.1}%", 100.0 * loss),
            format!("{:.1}%", 100.0 * fluid_loss(LOAD)),
            format!("{} ms", median.as_millis()),
            format!("{} ms", accepted.max().unwrap_or_default().as_millis()),
        ]);
        bars.push(Bar {
            label: format!("TIMEOUT_MS={timeout}, {:.1}% lost", 100.0 * loss),
            parts: vec![(Ink::Lost, median.as_secs_f64())],
            shown: format!("{} ms", median.as_millis()),
        });
        losses.push(loss);
        medians.push(median);
    }
    let spread = losses.iter().copied().fold(0.0, f64::max) - losses.iter().copied().fold(1.0, f64::min);
    let sentence = format!(
        "Sixteen times the timeout changed the loss from {:.1}% to {:.1}%, and the wait of those who are served from {} ms \
         to {} ms.",
        100.0 * losses[0],
        100.0 * losses[2],
        medians[0].as_millis(),
        medians[2].as_millis()
    );
    let figure = Bars {
        id: "longer-timeout",
        title: "how long those waited who were served, median, at 1.5 times capacity".to_owned(),
        groups: vec![(String::new(), bars)],
        legend: Vec::new(),
    };
    let data: serde_json::Map<_, _> =
        TIMEOUTS.iter().zip(&runs).map(|(timeout, run)| (timeout.to_string(), raw(run))).collect();
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("all three lose the same share, within 6 points", spread <= 0.06 && losses[0] > 0.0),
            claim(
                "the longest timeout makes the accepted wait more than five times as long",
                medians[2] > 5 * medians[0],
            ),
        ],
        figures: vec![("longer-timeout", figure.svg())],
        data: json!(data),
    })
}

async fn offer(bed: &Bed, timeout: u64) -> Result<Ran, Stop> {
    let server =
        server(bed).set("WORKERS", WORKERS).set("QUEUE", QUEUE).set("TIMEOUT_MS", timeout).start().await?;
    let schedule = Schedule::constant(LOAD * CAPACITY, LENGTH);
    gets(bed, &format!("timeout {timeout:>4} ms"), &server, PATH, schedule).await
}
