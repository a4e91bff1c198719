//! `cargo lab`: the labs, where the reader stands, and the next step.

use testbed::exit::Exit;
use testbed::report::{CheckReport, JSON, Report, Word};
use testbed::setup::SetUp;
use time::OffsetDateTime;

use crate::workspace::{Lab, Workspace};

/// Where a lab stands, as the last verdict on each of its checks tells.
enum State {
    Untouched,
    Begun { words: String, next: String },
    Done,
}

/// Prints the map.
pub fn show() -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let labs = workspace.labs()?;
    println!("Why servers die: an overload workbook\n");
    for lab in &labs {
        let state = state(&workspace, lab);
        let (mark, words) = match &state {
            State::Untouched => ('·', "not begun"),
            State::Begun { words, .. } => ('…', words.as_str()),
            State::Done => ('✓', "every promise kept"),
        };
        println!("  {mark} {}  {:<28} {words}", lab.number, lab.about.title);
    }
    println!("\nnext   {}", next(&workspace)?);
    println!("book   cargo lab book serve");
    println!("help   cargo lab --help, and cargo lab doctor looks at your machine");
    Ok(Exit::Kept)
}

/// The next step: the same one, whoever names it.
pub fn next(workspace: &Workspace) -> Result<String, SetUp> {
    let labs = workspace.labs()?;
    let open = labs.iter().find_map(|lab| step(lab, state(workspace, lab)));
    Ok(open
        .unwrap_or_else(|| "every lab is done: change a solution, and see which promise breaks".to_owned()))
}

/// What to do next in a lab that stands so; `None` when it is done.
fn step(lab: &Lab, state: State) -> Option<String> {
    match state {
        State::Untouched => Some(format!(
            "read chapter {0} (book/src/{1}), then: cargo lab check {0}",
            lab.number, lab.about.chapter
        )),
        State::Begun { next, .. } => Some(next),
        State::Done => None,
    }
}

fn state(workspace: &Workspace, lab: &Lab) -> State {
    // No report, or one of an older workbook, is a lab that has not begun.
    let Ok(report) = Report::read(&workspace.report(&lab.starter()).join(JSON)) else {
        return State::Untouched;
    };
    standing(lab, &report, workspace.changed(lab))
}

/// Where a lab stands whose source was last `changed` then. A verdict on an older source is stale: it counts for nothing.
fn standing(lab: &Lab, report: &Report, changed: Option<OffsetDateTime>) -> State {
    let is_stale = |check: &&CheckReport| changed.is_some_and(|changed| check.at < changed);
    let (stale, fresh): (Vec<_>, Vec<_>) = report.checks.iter().partition(is_stale);
    let kept = fresh.iter().filter(|check| check.verdict == Word::Kept).count();
    let all = report.all();
    if kept == all {
        return State::Done;
    }
    let mut words = format!("{kept} of {all} promises kept");
    if !stale.is_empty() {
        words.push_str(&format!(", {} older than your last change", stale.len()));
    }
    let next = match fresh.iter().find(|check| check.verdict != Word::Kept) {
        Some(check) => {
            let next = check.next.as_deref().unwrap_or(&check.title);
            format!("{}: {next}\n       {}", check.name, check.again)
        }
        None => format!("cargo lab check {}", lab.number),
    };
    State::Begun { words, next }
}

#[cfg(test)]
mod tests {
    use testbed::report::{Began, Company, Ended, Listed, Read};
    use time::Duration;

    use super::*;
    use crate::workspace::About;

    const JUDGED: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn report(verdicts: &[Word]) -> Report {
        let read = || Read { chapter: String::new(), section: String::new(), href: String::new() };
        let names = ["first", "second", "third"];
        let listed = names.map(|name| Listed {
            name: name.into(),
            title: String::new(),
            read: read(),
            company: Company::Any,
        });
        let checks = listed.iter().zip(verdicts).map(|(listed, verdict)| CheckReport {
            verdict: *verdict,
            at: JUDGED,
            next: Some("mend it".into()),
            ..CheckReport::of(listed.clone(), "again".into())
        });
        let checks = checks.collect();
        let began = Began {
            lab: "01".into(),
            title: String::new(),
            subject: "lab-01".into(),
            at: JUDGED,
            checks: listed.into(),
        };
        Report::of(began, checks, Ended { seconds: 0.0, cores: 1, services: vec![] })
    }

    fn words(verdicts: &[Word], changed: Option<OffsetDateTime>) -> String {
        let about = About::default();
        let lab = Lab { number: "01".into(), folder: "01-a".into(), about };
        match standing(&lab, &report(verdicts), changed) {
            State::Untouched => "untouched".into(),
            State::Begun { words, next } => format!("{words} | {next}"),
            State::Done => "done".into(),
        }
    }

    #[test]
    fn the_first_step_is_a_chapter_and_its_check() {
        let about = About { chapter: "00-overload.md".into(), ..About::default() };
        let lab = Lab { number: "00".into(), folder: "00-overload".into(), about };
        let first = step(&lab, State::Untouched);
        let said = "read chapter 00 (book/src/00-overload.md), then: cargo lab check 00";
        assert_eq!(first.as_deref(), Some(said));
    }

    #[test]
    fn what_was_never_judged_is_not_kept() {
        assert_eq!(words(&[Word::Kept], None), "1 of 3 promises kept | cargo lab check 01");
        assert_eq!(words(&[Word::Kept, Word::Kept, Word::Kept], None), "done");
        assert_eq!(
            words(&[Word::Kept, Word::Broken], None),
            "1 of 3 promises kept | second: mend it\n       again"
        );
    }

    #[test]
    fn a_verdict_on_an_older_source_counts_for_nothing() {
        let later = Some(JUDGED + Duration::SECOND);
        let told = words(&[Word::Kept, Word::Kept, Word::Kept], later);
        assert_eq!(told, "0 of 3 promises kept, 3 older than your last change | cargo lab check 01");
        assert_eq!(words(&[Word::Kept, Word::Kept, Word::Kept], Some(JUDGED - Duration::SECOND)), "done");
    }
}
