//! One check, from a fresh bed to its place in the report.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;

use super::options::Options;
use super::{Check, Lab};
use crate::bed::Bed;
use crate::progress::Progress;
use crate::report::{CheckReport, Figure, Word};
use crate::services::Services;
use crate::setup::SetUp;
use crate::verdict::{Broken, Stop, Verdict};

/// How much of the subject's stderr goes into the report.
const QUOTED: usize = 40;

/// Runs one check and reports it. Whatever the check started is gone when this returns.
pub(super) async fn judge(
    lab: &Lab,
    check: &Check,
    options: &Options,
    services: &Arc<Services>,
    progress: Progress,
) -> CheckReport {
    let started = Instant::now();
    let mut report = CheckReport {
        name: check.name.to_owned(),
        title: check.title.to_owned(),
        verdict: Word::SetUp,
        seconds: 0.0,
        promised: vec![check.title.to_owned()],
        observed: Vec::new(),
        likely: None,
        hole: None,
        next: None,
        read: lab.read(check),
        again: options.again(check.name),
        timelines: Vec::new(),
        stderr: Vec::new(),
    };
    match Bed::make(check.name, options.binary.clone(), services.clone(), progress).await {
        Ok(bed) => {
            let verdict = attempt(lab, check, bed.clone()).await;
            let verdict = bed.heal().await.and(verdict);
            bed.stderr().settle().await;
            report.timelines = bed.take_timelines();
            report.stderr = bed.stderr().lines(QUOTED);
            fill(&mut report, verdict, &bed);
            if let Err(fault) = bed.clear().await {
                set_up(&mut report, &fault);
            }
        }
        Err(fault) => set_up(&mut report, &fault),
    }
    report.seconds = started.elapsed().as_secs_f64();
    report
}

async fn attempt(lab: &Lab, check: &Check, bed: Bed) -> Verdict {
    let experiment = AssertUnwindSafe((check.experiment)(bed)).catch_unwind();
    match tokio::time::timeout(lab.longest, experiment).await {
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
            Err(Stop::Inconclusive(format!("the check took longer than {} s", lab.longest.as_secs_f64())))
        }
    }
}

fn fill(report: &mut CheckReport, verdict: Verdict, bed: &Bed) {
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
            // What the service itself said outweighs what its answers suggest.
            if let Some(hole) = bed.stderr().hole() {
                report.likely = Some(format!("a hole is still open: \"{}\"", hole.text));
                report.next = Some(format!("fill it ({})", hole.at));
                report.hole = Some(hole);
            } else if let Some(panic) = bed.stderr().panic() {
                report.likely = Some(format!("the service panicked: {}", panic.text));
                report.next = Some(format!("look at {}", panic.at));
            } else if report.likely.is_none() && !report.stderr.is_empty() {
                report
                    .next
                    .get_or_insert_with(|| "read the end of the service's stderr in the report".to_owned());
            }
        }
        Err(Stop::Inconclusive(reason)) => {
            report.verdict = Word::Inconclusive;
            report.observed = vec![Figure::text(reason)];
            report.next =
                Some("run the check again, with nothing else that keeps this machine busy".to_owned());
        }
        Err(Stop::SetUp(fault)) => set_up(report, &fault),
    }
}

fn set_up(report: &mut CheckReport, fault: &SetUp) {
    report.verdict = Word::SetUp;
    report.observed = vec![Figure::text(format!("failed to {}", fault.what))];
    report.likely = Some(fault.cause.clone());
    report.next = Some(fault.mend.clone());
}
