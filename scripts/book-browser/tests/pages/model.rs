//! The model's figures, against what queueing theory says.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::theory::{Fate, fluid_loss, loss_mmck, simulate};

use crate::page::{Page, Run};

/// Long enough that chance leaves less than half a point: 16,000 requests and more at each load.
const LONG: u32 = 2000;

/// The shares refused, timed out and lost of a whole run.
fn shares(run: &Run) -> (f64, f64, f64) {
    let share = |part: u64| part as f64 / run.totals.arrivals as f64;
    (share(run.totals.refused), share(run.totals.timed_out), run.totals.loss)
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found:.4} found, {expected:.4} expected");
}

#[test]
fn the_loss_is_that_of_theory() {
    let mut page = Page::of_simulator();
    for load in [0.8, 1.5, 3.0] {
        for (servers, queue) in [(1, 4), (1, 20), (4, 8), (8, 50)] {
            let parameters = json!({
                "arrivalRate": load * 100.0, "servers": servers, "serviceMs": 10 * servers, "queue": queue,
                "timeoutMs": null, "seconds": LONG,
            });
            let what = format!("load {load}, {servers} servers, {queue} places in the line");
            let expected = loss_mmck(load, servers, servers + queue);
            assert_near(page.run(&parameters).totals.loss, expected, 0.01, &what);
            assert_near(
                page.theory(&parameters).loss,
                expected,
                1e-9,
                &format!("theory in the page, {what}"),
            );
        }
    }
}

#[test]
fn refused_and_timed_out_are_split_as_theory_says() {
    let mut page = Page::of_simulator();
    // A full line waits half a second for 50 places: the timeout decides which of the two a request meets.
    let settings = [(50, 5000, "refused"), (500, 200, "timed out"), (50, 400, "both"), (20, 100, "both")];
    for load in [0.8, 1.5, 3.0] {
        for abandoned in ["dropped", "served"] {
            for (queue, timeout, fate) in settings {
                let parameters = json!({
                    "arrivalRate": load * 100.0, "queue": queue, "timeoutMs": timeout, "abandoned": abandoned,
                    "seconds": LONG,
                });
                let what = format!("load {load}, {queue} places, {timeout} ms, abandoned are {abandoned}");
                let (theory, run) = (page.theory(&parameters), page.run(&parameters));
                let (refused, timed_out, loss) = shares(&run);
                assert_near(refused, theory.refused.unwrap(), 0.01, &format!("refused at {what}"));
                assert_near(timed_out, theory.timed_out.unwrap(), 0.01, &format!("timed out at {what}"));
                assert_near(loss, theory.loss, 0.01, &format!("lost at {what}"));
                match fate {
                    "refused" => assert_eq!(run.totals.timed_out, 0, "{what}"),
                    "timed out" if abandoned == "dropped" && load < 3.0 => {
                        assert_eq!(run.totals.refused, 0, "{what}");
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn even_requests_fare_as_in_the_test_beds_simulation() {
    let mut page = Page::of_simulator();
    // Rates that share no beat with the services: at a tie the last bit of a float decides who comes first.
    for rate in [79.7, 149.3, 301.1] {
        let even = json!({
            "arrivalRate": rate, "arrivals": "even", "services": "even", "queue": 30, "timeoutMs": null,
            "seconds": 200,
        });
        let run = page.run(&even);
        let arrivals: Vec<Duration> =
            (0..run.totals.arrivals).map(|n| Duration::from_secs_f64(n as f64 / rate)).collect();
        let fates = simulate(4, 30, &arrivals, |_| Duration::from_millis(40));
        let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count() as u64;
        assert_eq!(run.totals.refused, lost, "{rate} a second");
        assert_near(run.settled.loss, fluid_loss(rate / 100.0), 0.001, &format!("{rate} a second"));
    }
}

#[test]
fn a_ten_times_longer_line_delays_the_first_failure_and_changes_the_loss_by_nothing() {
    let mut page = Page::of_simulator();
    for timing in ["even", "random"] {
        let mut of_line = |queue: u32| {
            page.run(&json!({
                "arrivalRate": 150, "arrivals": timing, "services": timing, "queue": queue, "timeoutMs": null,
                "seconds": LONG,
            }))
        };
        let (short, long) = (of_line(100), of_line(1000));
        let delay = long.first_failure.unwrap() / short.first_failure.unwrap();
        assert!((8.0..12.0).contains(&delay), "{timing}: the first failure comes {delay:.2} times later");
        assert_near(long.settled.loss, short.settled.loss, 0.01, timing);
        let wait = long.settled.median_ms.unwrap() / short.settled.median_ms.unwrap();
        assert!((8.0..12.0).contains(&wait), "{timing}: the accepted wait {wait:.2} times longer");
    }
}

#[test]
fn who_serves_those_who_have_gone_serves_nobody() {
    let mut page = Page::of_simulator();
    let mut goodput = |abandoned: &str| {
        let overloaded = json!({
            "arrivalRate": 300, "queue": 500, "timeoutMs": 2000, "abandoned": abandoned, "seconds": 120,
        });
        let run = page.run(&overloaded);
        run.settled.accepted as f64 / (100.0 * 60.0)
    };
    let (dropped, served) = (goodput("dropped"), goodput("served"));
    assert!(dropped > 0.9, "dropping them: {dropped:.3} of capacity");
    assert!(served < 0.3, "serving them: {served:.3} of capacity");
}

#[test]
fn every_arrival_has_exactly_one_outcome() {
    let mut page = Page::of_simulator();
    for rate in [0.5, 80.0, 150.0, 300.0] {
        for (queue, timeout) in [(0, 1000), (50, 0), (50, 300), (2000, 60000)] {
            for (timing, abandoned) in [("random", "dropped"), ("random", "served"), ("even", "dropped")] {
                let parameters = json!({
                    "arrivalRate": rate, "queue": queue, "timeoutMs": timeout, "arrivals": timing,
                    "abandoned": abandoned, "seconds": 30,
                });
                let Run { totals, rows, .. } = page.run(&parameters);
                assert_eq!(
                    totals.accepted + totals.refused + totals.timed_out,
                    totals.arrivals,
                    "{parameters}"
                );
                let sum = |part: fn(&crate::page::Row) -> u64| rows.iter().map(part).sum::<u64>();
                assert_eq!(sum(|row| row.arrivals), totals.arrivals, "{parameters}");
                assert_eq!(sum(|row| row.accepted), totals.accepted, "{parameters}");
                assert_eq!(sum(|row| row.refused), totals.refused, "{parameters}");
                assert_eq!(sum(|row| row.timed_out), totals.timed_out, "{parameters}");
                assert!(rows.iter().all(|row| row.waiting <= queue), "{parameters}");
                if timing == "even" {
                    assert_eq!(totals.arrivals, (30.0 * rate) as u64, "{parameters}");
                }
            }
        }
    }
}

#[test]
fn one_seed_is_one_run() {
    let mut page = Page::of_simulator();
    let whole = |page: &mut Page, seed: u32| -> Value {
        page.value(&format!("OverloadSimulator.run({{ arrivalRate: 120, seed: {seed} }})"))
    };
    let first = whole(&mut page, 7);
    assert_eq!(first, whole(&mut page, 7));
    assert_eq!(first, whole(&mut Page::of_simulator(), 7), "another browser");
    assert_ne!(first["totals"], whole(&mut page, 8)["totals"]);
}

#[test]
fn nonsense_is_refused_by_name() {
    let mut page = Page::of_simulator();
    for (name, value) in [
        ("arrivalRate", json!(0)),
        ("servers", json!(1.5)),
        ("queue", json!(-1)),
        ("serviceMs", json!("a")),
        ("arrivals", json!("often")),
        ("rate", json!(1)),
    ] {
        let thrown: String = page.value(&format!(
            "(() => {{ try {{ OverloadSimulator.run({}); return 'nothing'; }} catch (error) {{ return String(error); }} }})()",
            json!({ name: value })
        ));
        assert!(thrown.starts_with(&format!("RangeError: {name}: ")), "{name} = {value}: {thrown}");
    }
}
