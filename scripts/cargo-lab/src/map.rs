//! `cargo lab`: the labs, where the reader stands, and the next step.

use testbed::exit::Exit;
use testbed::report::{Report, Word};
use testbed::setup::SetUp;

use crate::workspace::{Lab, Workspace};

/// Where a lab stands, as its last report tells.
enum State {
    Untouched,
    Begun { kept: usize, all: usize, next: String },
    Done,
}

/// Prints the map.
pub fn show() -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let labs = workspace.labs()?;
    println!("Why servers die: an overload workbook\n");
    let mut next = None;
    for lab in &labs {
        let state = state(&workspace, lab);
        let (mark, words) = match &state {
            State::Untouched => ('·', "not begun".to_owned()),
            State::Begun { kept, all, .. } => ('…', format!("{kept} of {all} promises kept")),
            State::Done => ('✓', "every promise kept".to_owned()),
        };
        println!("  {mark} {}  {:<28} {words}", lab.number, lab.about.title);
        next = next.or(match state {
            State::Untouched => {
                Some(format!("read the chapter {}, then: cargo lab check {}", lab.about.chapter, lab.number))
            }
            State::Begun { next, .. } => Some(next),
            State::Done => None,
        });
    }
    let done = || "every lab is done: change a solution, and see which promise breaks".to_owned();
    println!("\nnext   {}", next.unwrap_or_else(done));
    println!("book   cargo lab book serve");
    println!("help   cargo lab --help, and cargo lab doctor looks at your machine");
    Ok(Exit::Kept)
}

fn state(workspace: &Workspace, lab: &Lab) -> State {
    let path = workspace.report(&lab.starter()).join("report.json");
    // No report, or one of an older workbook, is a lab that has not begun.
    let Ok(report) = Report::read(&path) else { return State::Untouched };
    let (kept, all) = (report.count(Word::Kept), lab.about.red.len().max(report.checks.len()));
    match report.checks.iter().find(|check| check.verdict != Word::Kept) {
        Some(check) => {
            let next = check.next.clone().unwrap_or_else(|| check.title.clone());
            State::Begun { kept, all, next: format!("{}: {next}\n       {}", check.name, check.again) }
        }
        None if kept < all => State::Begun { kept, all, next: format!("cargo lab check {}", lab.number) },
        None => State::Done,
    }
}
