//! `cargo lab diff`: a learner's code beside the solution's, hole by hole.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use clap::Args;
use similar::{ChangeTag, TextDiff};
use testbed::exit::Exit;
use testbed::report::{Report, Word};
use testbed::setup::SetUp;

use crate::holes::mine::{Mine, Place, how_to_mend, shown};
use crate::holes::source::{Hole, Source};
use crate::holes::{coloured, named, of_lab};
use crate::workspace::{Lab, Whose, Workspace};

/// What to compare.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab diff 00              every hole of lab 00: what only you have (-), what only the solution has (+)
  cargo lab diff 00 enter        one of them
  cargo lab diff 00 --anyway     before your lab is green

It waits for the last `cargo lab check` to be all kept: there is more to see in the solution when you have one of your own.
Exit codes: 0 shown · 1 not yet, or a hole's markers are gone · 2 no such lab or hole")]
pub struct Diff {
    /// The lab's number: 01
    lab: String,
    /// The hole's name; without it, all of them
    hole: Option<String>,
    /// Show it although the lab is not green
    #[arg(long)]
    anyway: bool,
}

/// Compares, if it is time.
pub fn run(ask: &Diff) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let source = match of_lab(&workspace, &ask.lab)? {
        Ok(source) => source,
        Err(exit) => return Ok(exit),
    };
    let holes: Vec<&Hole> = match &ask.hole {
        None => source.holes.iter().collect(),
        Some(name) => match named(&source, name) {
            Ok(hole) => vec![hole],
            Err(exit) => return Ok(exit),
        },
    };
    let Some(lab) = workspace.lab(&source.folder)? else { return Ok(Exit::Usage) };
    if let (Some(why), false) = (not_yet(&workspace, &lab), ask.anyway) {
        let hole = ask.hole.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        anstream::eprintln!("{why}\nto see the solution now: cargo lab diff {}{hole} --anyway", lab.number);
        return Ok(Exit::Broken);
    }
    let mut exit = Exit::Kept;
    for (index, hole) in holes.into_iter().enumerate() {
        if index > 0 {
            println!();
        }
        if !show(&source, hole, &Mine::find(&workspace.folder(&source.folder, Whose::Learner), hole)) {
            exit = Exit::Broken;
        }
    }
    Ok(exit)
}

/// Why it is not time yet, if so: what the last report of the learner's lab tells.
fn not_yet(workspace: &Workspace, lab: &Lab) -> Option<String> {
    let number = &lab.number;
    let Ok(report) = Report::read(&workspace.report(&lab.starter()).join("report.json")) else {
        return Some(format!("your lab {number} has not been judged yet: cargo lab check {number}"));
    };
    let (kept, all) = (report.count(Word::Kept), report.all());
    (kept < all).then(|| {
        format!("{} of the {all} promises of your lab {number} were not kept when it was last judged: cargo lab check {number}", all - kept)
    })
}

/// Prints one hole. False when the learner's file has lost it.
fn show(source: &Source, hole: &Hole, mine: &Mine) -> bool {
    let Source { number, folder, .. } = source;
    anstream::println!("{}  {}", coloured(&hole.name, AnsiColor::Cyan), hole.filling.task());
    match mine.place() {
        None => {
            println!("{}", how_to_mend(number, folder, hole));
            return false;
        }
        Some(place) if place.code == hole.code => {
            println!("{}: as in the solution", shown(folder, hole, mine));
        }
        Some(place) => {
            println!("--- {}", shown(folder, hole, mine));
            println!("+++ solutions/{folder}/{}:{}", hole.file.display(), hole.line);
            anstream::print!("{}", unified(place, hole));
        }
    }
    true
}

/// The lines that differ, with what is around them. The numbers of the lines are those of the two files.
fn unified(mine: &Place, hole: &Hole) -> String {
    let (old, new) = (text(&mine.code), text(&hole.code));
    let diff = TextDiff::from_lines(&old, &new);
    let mut out = String::new();
    for group in diff.grouped_ops(3) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let range = |from: usize, to: usize, line: usize| format!("{},{}", from + line, to - from);
        let header = format!(
            "@@ -{} +{} @@",
            range(first.old_range().start, last.old_range().end, mine.region.begin + 1),
            range(first.new_range().start, last.new_range().end, hole.line)
        );
        out.push_str(&coloured(&header, AnsiColor::Cyan));
        out.push('\n');
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            // Writing into a string cannot fail.
            let _ = match change.tag() {
                ChangeTag::Equal => writeln!(out, " {line}"),
                ChangeTag::Delete => writeln!(out, "{}", coloured(&format!("-{line}"), AnsiColor::Red)),
                ChangeTag::Insert => writeln!(out, "{}", coloured(&format!("+{line}"), AnsiColor::Green)),
            };
        }
    }
    out
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
