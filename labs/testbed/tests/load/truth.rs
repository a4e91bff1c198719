//! Against a server of known capacity, the load measures what theory says.
//!
//! A busy host adds noise to a run now and then; a fault of the load is there every time. So a run that misses the
//! truth is taken again, and three misses are a fault.

use testbed::load::Latency;
use testbed::theory::{self, Fate};

use super::known::Known;
use super::*;

/// 40 requests a second. Services this long make the noise of a busy host small beside 5 %.
const SERVER: Known = Known { servers: 16, queue: 16, service: Duration::from_millis(400) };
const RUN: Duration = Duration::from_secs(9);
/// Arrivals whose fates do not hang on a few milliseconds more or less.
const SEED: u64 = 38;
const LOADS: [f64; 3] = [0.8, 1.5, 3.0];

/// Poisson arrivals: the very sample path is simulated, and loss and percentiles are those of the simulation.
#[tokio::test]
async fn loss_and_latency_are_those_of_theory() {
    let [below, above, far_above] = LOADS.map(|load| {
        let schedule = Schedule::poisson(load * SERVER.capacity(), RUN, SEED);
        let fates = theory::simulate(SERVER.servers, SERVER.queue, schedule.offsets(), |_| SERVER.service);
        hold(schedule, move |outcomes| {
            as_simulated(outcomes, &fates).map_err(|error| format!("load {load}: {error}"))
        })
    });
    tokio::join!(below, above, far_above);
}

fn as_simulated(outcomes: &Outcomes, fates: &[Fate]) -> Result<(), String> {
    let (measured, expected) = (outcomes.loss().unwrap(), theory::loss(fates).unwrap());
    if (measured - expected).abs() >= 0.01 {
        return Err(format!("{measured} lost, {expected} in theory"));
    }
    let truth = Latency::of(fates.iter().filter_map(|fate| fate.latency()));
    let latency = outcomes.latency_from_intended(|sample| sample.outcome == Outcome::Accepted);
    for percent in [50.0, 90.0] {
        let (measured, expected) = (latency.percentile(percent).unwrap(), truth.percentile(percent).unwrap());
        if measured.abs_diff(expected) >= expected / 20 {
            return Err(format!("p{percent} is {measured:?}, {expected:?} in theory"));
        }
    }
    Ok(())
}

/// Even arrivals and services: once the queue is full, what the servers cannot do is lost, 1 − 1/ρ.
#[tokio::test]
async fn even_arrivals_lose_the_fluid_bound() {
    let [below, above, far_above] = LOADS.map(|load| {
        hold(Schedule::constant(load * SERVER.capacity(), RUN), move |outcomes| {
            let full: Vec<_> =
                outcomes.samples().iter().filter(|sample| sample.intended >= RUN / 3).collect();
            let lost = full.iter().filter(|sample| sample.outcome == Outcome::Refused).count();
            let (measured, expected) = (lost as f64 / full.len() as f64, theory::fluid_loss(load));
            let holds = (measured - expected).abs() < 0.01;
            holds.then_some(()).ok_or(format!("load {load}: {measured} lost, {expected} in theory"))
        })
    });
    tokio::join!(below, above, far_above);
}

/// What is counted must hold in every run, what is timed in one of three.
async fn hold(schedule: Schedule, check: impl Fn(&Outcomes) -> Result<(), String>) {
    let mut misses = Vec::new();
    while misses.len() < 3 {
        let outcomes = finish(Load::new(SERVER.start().await, schedule.clone(), Numbered)).await;
        assert_accounted(&outcomes, schedule.len());
        let counts = outcomes.counts();
        assert_eq!(counts.accepted + counts.refused, counts.scheduled, "{counts:?}");
        match outcomes.void().map_or_else(|| check(&outcomes), Err) {
            Ok(()) => return,
            Err(miss) => misses.push(miss),
        }
    }
    panic!("no run of {schedule} holds: {misses:#?}");
}
