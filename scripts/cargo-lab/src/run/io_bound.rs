//! Lab 01's service before a database whose inserts take their time: who is refused below, at and above capacity.

use std::time::Duration;

use promises::contract::{PostTable as _, posts};
use serde_json::json;
use testbed::endpoint::Endpoint as _;
use testbed::images::Service;
use testbed::load::{Counts, Load, Outcomes, Schedule};
use testbed::report::Timeline;
use testbed::report::figure::timeline_svg;
use testbed::services::{Database, Services};
use testbed::setup::SetUp;
use testbed::theory::fluid_loss;
use testbed::verdict::Stop;

use super::findings::{Findings, Table, claim, raw};
use super::reckon::Loss;
use super::stage::{PATIENCE, Stage, set};

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

pub async fn run(stage: &Stage) -> Result<Findings, Stop> {
    stage.says("starting PostgreSQL in a container");
    let services = Services::start(&[Service::Postgres]).await?;
    let found = before(stage, &services).await;
    services.stop().await?;
    found
}

async fn before(stage: &Stage, services: &Services) -> Result<Findings, Stop> {
    let no_database = || SetUp::new("find PostgreSQL", "the services have none", "report this");
    let postgres = services.postgres.as_ref().ok_or_else(no_database)?;
    let database = postgres.fresh_database().await?;
    let found = steps(stage, &database).await;
    postgres.drop_database(database).await?;
    found
}

async fn steps(stage: &Stage, database: &Database) -> Result<Findings, Stop> {
    let settings = [set("DATABASE_MAX_CONNECTIONS", POOL), set("DATABASE_URL", database.url(None))];
    let server = stage.server(&settings).await?;
    // The table is there when the service is ready.
    database.service_time(SERVICE_TIME).await?;
    let mut table =
        Table::of(&["offered", "posts /s", "accepted", "refused", "refused from 2 s on", "must be"]);
    let (mut runs, mut refused) = (Vec::new(), Vec::new());
    for load in LOADS {
        let schedule = Schedule::constant(load * CAPACITY, STEP);
        let load_run = Load::new(server.addr(), schedule, posts(format!("{load}"), 64)).timeout(PATIENCE);
        let run = stage.offer(&format!("{load} times capacity"), load_run).await?;
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
    let explicit = runs.iter().flat_map(Outcomes::samples);
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
fn joined(runs: &[Outcomes]) -> Timeline {
    let mut whole = Timeline::of("posts in three steps", Some(CAPACITY), &runs[0]);
    let schedules: Vec<&str> = runs.iter().map(Outcomes::schedule).collect();
    whole.schedule = schedules.join(", then ");
    for run in &runs[1..] {
        let after = whole.seconds.len() as u64;
        for mut second in run.per_second() {
            second.second += after;
            whole.seconds.push(second);
        }
        whole.counts = sum(whole.counts, run.counts());
    }
    whole
}

fn sum(one: Counts, other: Counts) -> Counts {
    Counts {
        scheduled: one.scheduled + other.scheduled,
        accepted: one.accepted + other.accepted,
        refused: one.refused + other.refused,
        other_status: one.other_status + other.other_status,
        timed_out: one.timed_out + other.timed_out,
        connection_refused: one.connection_refused + other.connection_refused,
        reset: one.reset + other.reset,
        unsent: one.unsent + other.unsent,
        in_flight: one.in_flight + other.in_flight,
        cut: one.cut + other.cut,
    }
}
