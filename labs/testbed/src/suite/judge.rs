//! One check, from a fresh bed to its place in the report.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;

use super::request::Options;
use super::{Check, Suite};
use crate::bed::Bed;
use crate::fact::Fact;
use crate::progress::Voice;
use crate::report::{CheckReport, Word};
use crate::services::Services;
use crate::setup::SetUp;
use crate::verdict::{Broken, Stop, Verdict, promise};

/// How much of the subject's stderr goes into the report.
const QUOTED: usize = 40;

/// Runs one check and reports it. Whatever the check started is gone when this returns.
pub(super) async fn judge(
    suite: &Suite,
    check: &Check,
    options: &Options,
    services: &Arc<Services>,
    voice: Voice,
) -> CheckReport {
    let started = Instant::now();
    let mut report = CheckReport::of(check.listed(), options.again(check.name));
    match Bed::make(check.name, options.submission.clone(), services.clone(), voice).await {
        Ok(bed) => {
            let verdict = attempt(suite, check, bed.clone()).await;
            let verdict = bed.heal().await.and(verdict);
            bed.voices().settle().await;
            report.timelines = bed.take_timelines();
            report.stderr = bed.voices().lines(QUOTED);
            fill(suite, &mut report, verdict, &bed);
            if let Err(fault) = bed.clear().await {
                set_up(&mut report, &fault);
            }
        }
        Err(fault) => set_up(&mut report, &fault),
    }
    report.seconds = started.elapsed().as_secs_f64();
    report
}

async fn attempt(suite: &Suite, check: &Check, bed: Bed) -> Verdict {
    let voices = bed.voices().clone();
    let experiment = AssertUnwindSafe((check.experiment)(bed)).catch_unwind();
    let ended = tokio::time::timeout(suite.longest, async {
        tokio::select! {
            biased;
            ended = experiment => ended,
            // A service that has met a hole is as it will be: whatever else is observed says no more.
            _ = voices.until_hole() => Ok(Err(promise(check.title).is_broken())),
        }
    });
    match ended.await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(panic)) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let mend = "this is a fault of the workbook: please report it with the message";
            Err(SetUp::new(
                format!("run the check {}", check.name),
                said.unwrap_or_else(|| "it panicked".into()),
                mend,
            )
            .into())
        }
        Err(_) => {
            Err(Stop::Inconclusive(format!("the check took longer than {} s", suite.longest.as_secs_f64())))
        }
    }
}

fn fill(suite: &Suite, report: &mut CheckReport, verdict: Verdict, bed: &Bed) {
    match verdict {
        Ok(kept) => {
            report.verdict = Word::Kept;
            report.promised = kept.promised;
            report.observed = kept.observed;
        }
        Err(Stop::Broken(broken)) => {
            let Broken { promised, observed, likely, next } = *broken;
            report.verdict = Word::Broken;
            report.promised = vec![promised];
            report.observed = observed;
            (report.likely, report.next) = (likely, next);
            if let Some(panic) = bed.voices().panic().filter(|panic| !is_its_own(&panic.at)) {
                report.observed.push(Fact::named("a library panicked", &panic.text));
            }
            // What the service itself said outweighs what its answers suggest.
            if let Some(hole) = bed.voices().hole() {
                report.likely = Some(format!("a hole is still open: \"{}\"", hole.text));
                report.next = Some(format!("fill it ({})", hole.at));
                report.hole = Some(hole);
            } else if let Some(panic) = bed.voices().panic().filter(|panic| is_its_own(&panic.at)) {
                report.likely = Some(format!("the service panicked: {}", panic.text));
                report.next = Some(format!("look at {}", panic.at));
            } else if report.likely.is_none() {
                report.next.get_or_insert_with(|| suite.without_a_cause(&report.stderr));
            }
        }
        Err(Stop::Inconclusive(reason)) => {
            report.verdict = Word::Inconclusive;
            report.observed = vec![Fact::text(reason)];
            report.next =
                Some("run the check again, with nothing else that keeps this machine busy".to_owned());
        }
        Err(Stop::SetUp(fault)) => set_up(report, &fault),
    }
}

/// Whether a place is in the subject's own sources. A panic in a library says what happened, and not where the mend is.
fn is_its_own(at: &str) -> bool {
    !at.contains("/registry/src/") && !at.starts_with("/rustc/")
}

fn set_up(report: &mut CheckReport, fault: &SetUp) {
    report.verdict = Word::SetUp;
    report.observed = vec![Fact::text(format!("failed to {}", fault.what))];
    report.likely = Some(fault.cause.clone());
    report.next = Some(fault.mend.clone());
}
