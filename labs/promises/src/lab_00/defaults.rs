//! What holds where a setting is not given: the contract's defaults, seen from outside.

use std::time::Duration;

use testbed::bed::UnderWay;
use testbed::load::Outcomes;
use testbed::prelude::*;

use super::count;

/// The contract's.
const WORKERS: usize = 200;
const QUEUE: usize = 100;
/// So many more come than there is room for.
const MORE_THAN_WORKERS: usize = 10;
const MORE_THAN_PLACES: usize = 9;
/// In which time all of them come.
const SENDING: Duration = Duration::from_millis(600);
/// How long each of the requests to all workers keeps its own.
const BUSY: Duration = Duration::from_secs(2);
/// And in the second try, for a service that takes longer than that to read them all.
const LONG_BUSY: Duration = Duration::from_secs(8);
/// Longer than a check looks on, and less than what the contract lets a request wait.
const PATIENCE: Duration = Duration::from_secs(15);

/// Two servers, each with one setting and no other, and more requests to each than it has room for.
pub(super) struct Defaults {
    no_line: (Subject, UnderWay),
    one_worker: (Subject, UnderWay),
}

impl Defaults {
    /// Begins to send, and returns when all is sent.
    pub(super) async fn begin(bed: &Bed) -> Result<Defaults, Stop> {
        let no_line = bed.service().set("QUEUE", 0).start().await?;
        let one_worker = bed.service().set("WORKERS", 1).start().await?;
        let workers = to_all_workers(bed, &no_line, BUSY, "no setting but QUEUE");
        let places = bed.gets(&one_worker, "/io/60000", within(1 + QUEUE + MORE_THAN_PLACES));
        let places = places.label("no setting but WORKERS").patience(PATIENCE).start();
        testbed::wait::until(SENDING, async || None::<()>).await;
        Ok(Defaults { no_line: (no_line, workers), one_worker: (one_worker, places) })
    }

    /// The promise that there are as many workers, places in the line and milliseconds to wait as the contract says.
    pub(super) async fn are_as_agreed(self, bed: &Bed) -> Verdict {
        let (server, load) = self.no_line;
        let (mut run, mut busy) = (load.finish().await?, BUSY);
        if !have_met(&run, busy) {
            busy = LONG_BUSY;
            run =
                to_all_workers(bed, &server, busy, "no setting but QUEUE, and longer work").finish().await?;
        }
        drop(server);
        let sent = run.samples().iter().filter_map(|sample| sample.sent);
        let lasted = sent.clone().max().unwrap_or_default().saturating_sub(sent.min().unwrap_or_default());
        if lasted > busy - SENDING / 2 {
            return Err(Stop::Inconclusive(
                "the host took too long to send requests that must meet".to_owned(),
            ));
        }
        let counts = run.counts();
        let workers = promise(format!("with QUEUE=0 and no other setting, {WORKERS} requests run at once"))
            .observed(counts)
            .likely(
                counts.accepted + counts.refused == counts.scheduled,
                "the default is another one",
                format!("take {WORKERS} where nothing is said"),
            )
            .likely(
                counts.reset + counts.other_status > 0,
                "with so many at once something else runs out: threads, connections, memory",
                format!("make room for {WORKERS} requests that run at once"),
            )
            .likely(true, "requests wait, although QUEUE is 0", "0 is a number of places, too")
            .kept_if(counts.accepted == WORKERS as u64 && counts.refused == MORE_THAN_WORKERS as u64)?;

        let (server, load) = self.one_worker;
        server.kill().await?;
        let run = load.stop().await?;
        let timed_out = count(&run, |sample| sample.status == Some(504));
        let refused = count(&run, |sample| sample.status == Some(503));
        let timeout = promise("where TIMEOUT_MS is not given, nobody is timed out after a few seconds")
            .observed(Fact::count("timed out, with WORKERS=1 and no other setting", timed_out))
            .likely(
                true,
                "the default is another one, or is taken for another unit",
                "take 20000 milliseconds where nothing is said",
            )
            .kept_if(timed_out == 0)?;
        let places = promise(format!("where QUEUE is not given, {QUEUE} requests may wait"))
            .observed(Fact::count("offered, with WORKERS=1 and no other setting", run.samples().len()))
            .observed(Fact::count("refused", refused))
            .observed(Fact::count("to be refused", MORE_THAN_PLACES))
            .likely(true, "the default is another one", format!("take {QUEUE} where nothing is said"))
            .kept_if(refused == MORE_THAN_PLACES)?;
        Ok(workers.and(timeout).and(places))
    }
}

/// So many requests in the time of [`SENDING`].
fn within(many: usize) -> Schedule {
    Schedule::constant(many as f64 / SENDING.as_secs_f64(), SENDING)
}

/// Begins to send more requests than there are workers, each of which keeps one `busy`.
fn to_all_workers(bed: &Bed, server: &Subject, busy: Duration, label: &str) -> UnderWay {
    let load = bed.gets(server, &format!("/io/{}", busy.as_millis()), within(WORKERS + MORE_THAN_WORKERS));
    load.label(label).patience(PATIENCE + busy).start()
}

/// Whether all came while the first of them still ran. One that ends so late has been begun when a worker was free again: then the
/// server may have read it too late, and how many were refused tells nothing of how many there is room for.
fn have_met(run: &Outcomes, busy: Duration) -> bool {
    let ends = || run.accepted().map(|sample| sample.ended);
    ends().max().unwrap_or_default() < ends().min().unwrap_or_default() + busy
}
