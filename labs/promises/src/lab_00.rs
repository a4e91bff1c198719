//! What lab 00 promises. The same checks judge the starter, the solution, a wrong answer and any executable that keeps
//! `contract.md`: they reach it over HTTP and signals alone, and need no container.
//!
//! What limits a subject is the number of its workers and the time for which a request makes one wait, so capacity is the
//! same on every machine. Only `more-workers` looks at the processor, and that in ratios of one run.

mod answers;
mod defaults;
mod end;
mod loss;
mod waste;
mod workers;

use std::time::Duration;

use testbed::load::{Outcome, Outcomes};
use testbed::prelude::*;
use testbed::suite::OwnBinary;

/// How long a request keeps its worker.
const IO: Duration = Duration::from_millis(100);
/// What asks for that.
const PATH: &str = "/io/100";
/// How many requests run at once, where a check does not say otherwise.
const WORKERS: usize = 4;
/// What that makes, in requests a second.
const CAPACITY: f64 = 40.0;

/// The suite of lab 00. It needs no container.
pub(crate) fn suite(own: OwnBinary) -> Suite {
    Suite::new(own, "00", "A server in miniature", "00-overload/admit")
        .contract("labs/00-overload/contract.md")
        .checks([Check::new(
            "answers-as-agreed",
            "each request gets the answer of the contract",
            "The way of a request",
            answers::answers_as_agreed,
        )])
        .page("00-overload/above")
        .checks([
            Check::new(
                "below-capacity",
                "below capacity nothing fails",
                "Below capacity",
                loss::below_capacity,
            ),
            Check::new(
                "loss-follows-theory",
                "above capacity as many are lost as must be",
                "As many are lost as must be",
                loss::loss_follows_theory,
            ),
            Check::new(
                "longer-queue-only-delays",
                "a longer queue delays the failure, no more",
                "A longer queue",
                loss::longer_queue_only_delays,
            ),
            Check::new(
                "more-workers",
                "more workers help who waits, not who computes",
                "More workers",
                workers::more_workers,
            )
            .alone(),
            Check::new(
                "goodput-holds",
                "no worker works for somebody who has given up",
                "Work for nobody",
                waste::goodput_holds,
            ),
        ])
        .page("00-overload/admit")
        .checks([Check::new(
            "gone-clients-cost-nothing",
            "who has gone takes no time and no place",
            "Clients who have gone",
            waste::gone_clients_cost_nothing,
        )])
        .page("00-overload/above")
        .checks([Check::new(
            "recovers",
            "after the storm it serves as before",
            "After the storm",
            waste::recovers,
        )])
        .page("00-overload/end")
        .checks([
            Check::new(
                "kill-9-loses-the-queue",
                "kill -9 loses what ran and what waited",
                "What kill -9 takes",
                end::kill_9_loses_the_queue,
            ),
            Check::new(
                "graceful-stop",
                "SIGTERM loses nobody who ran or waited",
                "Stop when the line is empty",
                end::graceful_stop,
            ),
        ])
}

/// A subject with [`WORKERS`] workers, `queue` places in the line, and a longest wait in it.
async fn start(bed: &Bed, queue: usize, timeout: Duration) -> Result<Subject, Stop> {
    with(bed, WORKERS, queue, timeout).await
}

/// A subject with these three numbers.
async fn with(bed: &Bed, workers: usize, queue: usize, timeout: Duration) -> Result<Subject, Stop> {
    let service = bed.service().set("WORKERS", workers).set("QUEUE", queue);
    service.set("TIMEOUT_MS", timeout.as_millis()).start().await
}

/// The promise that every request of a run was served.
fn nothing_fails(run: &Outcomes, sentence: &str) -> Verdict {
    let counts = run.counts();
    let latency = run.latency_from_intended(|_| true);
    promise(sentence)
        .observed(counts)
        .observed(latency.percentile(50.0).map(|p50| Fact::duration("p50", p50)))
        .likely(
            counts.mostly(Outcome::Refused),
            "the server refuses work that it has room for",
            "count who runs and who waits, and give every place back: when the work ends, when the wait ends",
        )
        .likely(
            counts.mostly(Outcome::OtherStatus) && count(run, |sample| sample.status == Some(504)) > 0,
            "requests wait for workers that are not busy",
            "wake a worker for each request that enters the line",
        )
        .likely(
            counts.mostly(Outcome::TimedOut),
            "a request waits for something that never comes",
            "look at who wakes the worker, and who the handler",
        )
        .likely(true, "the handler ended without a proper answer", "look at the server's stderr")
        .kept_if(counts.accepted == counts.scheduled)
}

/// How many requests of a run are like this.
fn count(run: &Outcomes, like_this: impl Fn(&Sample) -> bool) -> usize {
    run.samples().iter().filter(|sample| like_this(sample)).count()
}
