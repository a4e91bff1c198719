//! The model against a real server: the same experiment, as lab 00's service was measured in it (book/recorded).

use serde_json::json;

use crate::book;
use crate::page::Page;

/// What `cargo lab run longer-queue` has recorded of one queue: its length, the moment of the first failure in seconds, the loss
/// in percent once the line is full.
fn measured() -> Vec<(u32, f64, f64)> {
    let path = book::source().join("recorded/run-longer-queue.console");
    let recorded = std::fs::read_to_string(path).expect("the experiment is recorded");
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [queue, first, "s", loss, ..] = fields.as_slice() else { return None };
        let loss = loss.strip_suffix('%')?.parse().ok()?;
        Some((queue.parse().ok()?, first.parse().ok()?, loss))
    };
    recorded.lines().filter_map(row).collect()
}

#[test]
fn the_model_does_what_the_server_of_lab_00_was_measured_to_do() {
    let measured = measured();
    assert_eq!(measured.len(), 2, "two queues are in the recorded table");
    let mut page = Page::of_simulator();
    for (queue, first, loss) in measured {
        // The experiment's: four workers, 100 ms each, 60 a second, all of it even.
        let run = page.run(&json!({
            "arrivalRate": 60, "servers": 4, "serviceMs": 100, "queue": queue, "timeoutMs": null,
            "arrivals": "even", "services": "even", "seconds": 24
        }));
        let settled = 100.0 * run.settled.loss;
        assert!((settled - loss).abs() <= 1.0, "queue {queue}: lost {settled} % here, {loss} % there");
        let here = run.first_failure.expect("above capacity something fails");
        // The recorded moment has one decimal.
        assert!((here - first).abs() <= 0.1 + first / 10.0, "queue {queue}: {here} s here, {first} s there");
    }
}
