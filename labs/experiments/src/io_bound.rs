//! Lab 01's service before a database whose inserts take their time: who is refused below, at and above capacity.

use std::time::Duration;

use promises::contract::prelude::*;
use serde_json::json;
use testbed::bed::Bed;
use testbed::load::Schedule;
use testbed::report::Timeline;
use testbed::report::figure::timeline_svg;
use testbed::theory::fluid_loss;
use testbed::verdict::Stop;

use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::Loss;
use crate::subject::{PATIENCE, Ran, server};

/// Connections to the database.
const POOL: usize = 6;
/// How long an insert keeps its connection busy.
const SERVICE_TIME: Duration = Duration::from_millis(100);
/// What the pool makes of it, in posts a second.
const CAPACITY: f64 = 60.0;
/// What is offered, in parts of capacity.
const LOADS: [f64; 3] = [0.6, 1.0, 3.0];
const STEP: Duration = Duration::from_secs(5);
/// From then on the service's line is as long as it gets.
const FULL: Duration = Duration::from_secs(2);

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let server = server(&bed).pool(POOL).start().await?;
    // The table is there when the service is ready.
    bed.database().service_time(SERVICE_TIME).await?;
    let mut table =
        Table::of(&["offered", "posts /s", "accepted", "refused", "refused from 2 s on", "must be"]);
    let (mut runs, mut refused) = (Vec::new(), Vec::new());
    for load in LOADS {
        let schedule = Schedule::constant(load * CAPACITY, STEP);
        let posts = bed.posts(&server, schedule).label(&format!("{load} times capacity"));
        let run = posts.patience(PATIENCE).start().finish().await?;
        let (counts, late) = (run.counts(), Loss::of(run.samples(), FULL..STEP));
        table.row([
            format!("{load} times capacity"),
            format!("{:.0}", load * CAPACITY),
            counts.accepted.to_string(),
            counts.refused.to_string(),
            format!("{:.1}%", 100.0 * late.refused_share()),
            format!("{:.1}%", 100.0 * fluid_loss(load)),
        ]);
        refused.push(late.refused_share());
        runs.push(run);
    }
    let sentence = format!(
        "{POOL} connections of 100 ms carry {CAPACITY:.0} posts a second. At 0.6 of that {:.1}% were refused, at three \
         times that {:.1}%, where {:.1}% must be.",
        100.0 * refused[0],
        100.0 * refused[2],
        100.0 * fluid_loss(LOADS[2])
    );
    let below = runs[0].counts();
    let explicit = runs.iter().flat_map(|run| run.samples());
    let silent = explicit.filter(|sample| sample.status.is_none()).count();
    let raws: serde_json::Map<_, _> =
        LOADS.iter().zip(&runs).map(|(load, run)| (load.to_string(), raw(run))).collect();
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("below capacity every post is accepted", below.accepted == below.scheduled),
            claim(
                "at three times capacity about two of three are refused, within 10 points",
                (refused[2] - fluid_loss(LOADS[2])).abs() <= 0.1,
            ),
            claim("every post is answered", silent == 0),
        ],
        figures: vec![("io-bound", timeline_svg(&joined(&runs)))],
        data: json!(raws),
    })
}

/// The runs one after the other, as if they were one.
fn joined(runs: &[Ran]) -> Timeline {
    let mut whole = Timeline::of("posts in three steps", Some(CAPACITY), &runs[0]);
    let schedules: Vec<&str> = runs.iter().map(|run| run.schedule()).collect();
    whole.schedule = schedules.join(", then ");
    for run in &runs[1..] {
        let after = whole.seconds.len() as u64;
        for mut second in run.per_second() {
            second.second += after;
            whole.seconds.push(second);
        }
        whole.counts = whole.counts + run.counts();
    }
    whole
}
