//! Every solution keeps every promise.

use testbed::report::{Report, Word};
use testbed::setup::SetUp;
use testbed::suite::Request;

use super::{Context, Proof};
use crate::book::Recording;
use crate::check::Terminal;
use crate::verify::Verify;
use crate::workspace::read;

/// Judges each solution with all checks.
pub fn keep_every_promise(context: &Context) -> Proof {
    let (mut wrong, mut kept) = (Vec::new(), 0);
    for lab in context.labs()? {
        let again = format!("cargo lab check {} --solution", lab.number);
        let everything = Request { all: true, again: again.clone(), ..Request::default() };
        let Some(report) = judge(context, &lab.solution(), &everything)? else {
            wrong.push(format!("{} does not compile", lab.solution()));
            continue;
        };
        let broken = report.checks.iter().filter(|check| check.verdict != Word::Kept);
        wrong.extend(
            broken.map(|check| format!("{}: {} is {}", lab.solution(), check.name, check.verdict.as_str())),
        );
        wrong.extend(missing(&lab.solution(), &report));
        wrong.extend(unlike_the_book(context, &again, &report)?);
        kept += report.count(Word::Kept);
    }
    Ok(if wrong.is_empty() { Ok(format!("{kept} promises kept")) } else { Err(wrong) })
}

/// Judges `package` with the services of this run, telling the verdicts as they come. `None` when it does not compile.
pub fn judge(context: &Context, package: &str, request: &Request) -> Result<Option<Report>, SetUp> {
    let Some(verify) = Verify::build(&context.workspace, package)? else { return Ok(None) };
    let judged = verify.judge(request, &mut Terminal::new(false), |command| context.lend(command))?;
    let report = judged.report.ok_or_else(|| cut_off(package))?;
    report.keep_in(&context.workspace.report(package))?;
    Ok(Some(report))
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
