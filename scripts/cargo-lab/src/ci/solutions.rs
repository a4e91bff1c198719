//! Every solution keeps what its lab promises, and the last one what all labs do.

use testbed::report::{CheckReport, Report, Word};
use testbed::setup::SetUp;
use testbed::suite::Request;

use super::{Context, Proof};
use crate::book::Recording;
use crate::check::Terminal;
use crate::verify::{Verify, lanes_for_the_right};
use crate::workspace::read;

/// Judges each solution with the checks of its lab, and the last one also with those that it inherits: it is built on the others, and
/// runs their code. Where one lab is asked for, that is the last one.
pub fn keep_every_promise(context: &Context) -> Proof {
    let (mut wrong, mut unsteady, mut kept) = (Vec::new(), Vec::new(), 0);
    let is_kept = |check: &CheckReport| check.verdict == Word::Kept;
    let labs = context.labs()?;
    for (place, lab) in labs.iter().enumerate() {
        let again = format!("cargo lab check {} --solution", lab.number);
        let all = place + 1 == labs.len();
        let promised =
            Request { all, lanes: lanes_for_the_right(), again: again.clone(), ..Request::default() };
        let Some(report) = judge(context, &lab.solution(), &promised, is_kept, &mut unsteady)? else {
            wrong.push(format!("{} does not compile", lab.solution()));
            continue;
        };
        let broken = report.checks.iter().filter(|check| !is_kept(check));
        wrong.extend(
            broken.map(|check| format!("{}: {} is {}", lab.solution(), check.name, check.verdict.as_str())),
        );
        wrong.extend(missing(&lab.solution(), &report));
        wrong.extend(unlike_the_book(context, &again, &report)?);
        kept += report.count(Word::Kept);
    }
    Ok(if wrong.is_empty() { Ok(steady(format!("{kept} promises kept"), &unsteady)) } else { Err(wrong) })
}

/// Judges `package` with the services of this run, telling the verdicts as they come. `None` when it does not compile.
///
/// One that does not end as `expected` is run once more, by itself: a
/// host that is busy at the wrong moment decides one run, not two in a row. If it ends as expected then, it goes into `unsteady`.
pub fn judge(
    context: &Context,
    package: &str,
    request: &Request,
    expected: impl Fn(&CheckReport) -> bool,
    unsteady: &mut Vec<String>,
) -> Result<Option<Report>, SetUp> {
    let Some(verify) = Verify::build(&context.workspace, package)? else { return Ok(None) };
    let run = |request: &Request| {
        let judged = verify.judge(request, &mut Terminal::new(false), |command| context.lend(command))?;
        judged.report.ok_or_else(|| cut_off(package))
    };
    let mut report = run(request)?;
    let only: Vec<_> =
        report.checks.iter().filter(|check| !expected(check)).map(|check| check.name.clone()).collect();
    if !only.is_empty() {
        println!("once more: {}", only.join(", "));
        for second in run(&Request { only, lanes: 1, ..request.clone() })?.checks {
            let Some(first) = report.checks.iter_mut().find(|first| first.name == second.name) else {
                continue;
            };
            if expected(&second) {
                unsteady.push(format!("{package} {}, first {}", second.name, first.verdict.as_str()));
            }
            *first = second;
        }
    }
    report.keep_in(&context.workspace.report(package))?;
    Ok(Some(report))
}

/// The words of a step, with what held only when it was tried once more.
pub fn steady(words: String, unsteady: &[String]) -> String {
    if unsteady.is_empty() {
        words
    } else {
        format!("{words}; only when tried again: {}", unsteady.join("; "))
    }
}

/// A run that told no end.
pub fn cut_off(subject: &str) -> SetUp {
    SetUp::new(format!("judge {subject}"), "its `verify` program told no end", "look at what it says above")
}

/// Whether a check of the lab was not run, as when a fault of the set-up ended the run.
pub fn missing(package: &str, report: &Report) -> Option<String> {
    let (run, all) = (report.checks.len(), report.all());
    (run < all).then(|| format!("{package}: {run} of {all} checks were run"))
}

/// Where the verdicts that the book shows for `command` are not those of this run.
pub fn unlike_the_book(context: &Context, command: &str, report: &Report) -> Result<Vec<String>, SetUp> {
    let mut wrong = Vec::new();
    for recording in Recording::all(&context.workspace.root)? {
        if recording.command != command || recording.figure.is_some() {
            continue;
        }
        let shown = read(&context.workspace.root.join("book/recorded").join(&recording.file))?;
        for check in &report.checks {
            let same = |line: &str| {
                line.contains(&format!(" {} ", check.name))
                    && line.contains(&format!(" {} ", check.verdict.as_str()))
            };
            if !shown.lines().any(same) {
                wrong.push(format!(
                    "book/recorded/{} does not show {} as {}: cargo lab book record",
                    recording.file,
                    check.name,
                    check.verdict.as_str()
                ));
            }
        }
    }
    Ok(wrong)
}
