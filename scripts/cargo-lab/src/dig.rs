//! `cargo lab dig`: make the starters from the solutions, or prove that this would change nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::check;
use crate::holes::backup;
use crate::holes::source::Source;
use crate::holes::tree::{Difference, How, differences, write};
use crate::workspace::{Whose, Workspace};

/// What to dig.
#[derive(Args)]
#[command(after_help = "\
A starter is its solution with holes. A hole is a region of the solution,
  // ANCHOR: hole-NAME
  …
  // ANCHOR_END: hole-NAME
and solutions/NN-topic/holes/NAME.rs is what a learner finds there: hints (`//: a call to look up`), a question, one `todo!`.
In deploy files it is `#`, and holes/NAME.yml or NAME.conf has what works before; so has holes/NAME.rs where `first` is empty.

Examples:
  cargo lab dig                write labs/* from solutions/*
  cargo lab dig 02             only this one
  cargo lab dig --check        write nothing, and name each file and line that is not as it would be dug
  cargo lab dig 02 --force     also over what is not committed; that is kept in target/lab/backups

Nothing that is not committed is written over without --force.")]
pub struct Dig {
    /// The lab's number: 01. All of them without it
    lab: Option<String>,
    /// Only compare
    #[arg(long, conflicts_with = "force")]
    check: bool,
    /// Write over what is not committed, too
    #[arg(long)]
    force: bool,
}

/// Digs, or compares.
pub fn run(ask: &Dig) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let folders = Source::folders(&workspace)?;
    let is_meant = |folder: &&String| {
        ask.lab.as_ref().is_none_or(|name| {
            folder.as_str() == name.as_str()
                || folder
                    .split_once('-')
                    .is_some_and(|(number, _)| number == name || number == format!("0{name}"))
        })
    };
    let chosen: Vec<_> = folders.iter().filter(is_meant).collect();
    if let (Some(name), true) = (&ask.lab, chosen.is_empty()) {
        return check::unknown(&workspace, name);
    }
    let mut exit = Exit::Kept;
    for folder in chosen {
        let ended =
            if ask.check { compare(&workspace, folder)? } else { dig(&workspace, folder, ask.force)? };
        match ended {
            Ok(words) => println!("{folder:<20} {words}"),
            Err(wrong) => {
                wrong.iter().for_each(|line| anstream::eprintln!("{line}"));
                exit = Exit::Broken;
            }
        }
    }
    Ok(exit)
}

/// Whether digging `folder` would change nothing; else what is wrong, a line each.
pub fn compare(workspace: &Workspace, folder: &str) -> Result<Result<String, Vec<String>>, SetUp> {
    if let Some(why) = without_holes(workspace, folder) {
        return Ok(Err(vec![why]));
    }
    let source = Source::read(workspace, folder)?;
    let found = differences(&source, &workspace.folder(folder, Whose::Learner))?;
    let mut wrong = source.faults.clone();
    wrong.extend(found.iter().map(|difference| {
        let file = format!("labs/{folder}/{}", difference.file.display());
        match difference.how {
            How::Missing => format!("{file}:1: is missing"),
            How::Stray => format!("{file}:1: is in no solution"),
            How::From(line) => format!("{file}:{line}: is not what digging gives"),
        }
    }));
    let (files, holes) = (source.files.len(), source.holes.len());
    Ok(if wrong.is_empty() { Ok(format!("{files} files, {holes} holes: as dug")) } else { Err(wrong) })
}

/// Writes the starter of `folder`, unless that would cost what is committed nowhere.
fn dig(workspace: &Workspace, folder: &str, force: bool) -> Result<Result<String, Vec<String>>, SetUp> {
    if let Some(why) = without_holes(workspace, folder) {
        return Ok(Err(vec![why]));
    }
    let source = Source::read(workspace, folder)?;
    if !source.faults.is_empty() {
        return Ok(Err(source.faults));
    }
    let starter = workspace.folder(folder, Whose::Learner);
    let found = differences(&source, &starter)?;
    let there: Vec<_> = found.iter().filter(|difference| difference.how != How::Missing).collect();
    let uncommitted = uncommitted(workspace, folder)?;
    let at_stake: Vec<&Difference> = there
        .into_iter()
        .filter(|difference| uncommitted.as_ref().is_none_or(|files| files.contains(&difference.file)))
        .collect();
    let mut kept = String::new();
    if !at_stake.is_empty() {
        if !force {
            let mut wrong: Vec<_> = at_stake
                .iter()
                .map(|difference| format!("labs/{folder}/{} is not committed", difference.file.display()))
                .collect();
            wrong.push(format!(
                "nothing is dug: commit what is yours, or `cargo lab dig {} --force`, which keeps it in a backup",
                source.number
            ));
            return Ok(Err(wrong));
        }
        let files: Vec<_> = at_stake.iter().map(|difference| difference.file.as_path()).collect();
        let backup = backup::keep(workspace, &source.number, &starter, &files)?;
        kept = backup.map(|folder| format!("; what was not committed is in {folder}")).unwrap_or_default();
    }
    write(&source, &starter, &found)?;
    let (files, changed) = (source.files.len(), found.len());
    Ok(Ok(format!("{files} files, {} holes, {changed} changed{kept}", source.holes.len())))
}

/// What to say of a solution that nobody has marked the holes of.
fn without_holes(workspace: &Workspace, folder: &str) -> Option<String> {
    let holes = workspace.folder(folder, Whose::Workbook).join("holes");
    (!holes.is_dir()).then(|| format!("solutions/{folder}/holes:1: is missing, and a lab has holes"))
}

/// The files of the starter that git could not bring back, relative to its folder. `None` where git cannot tell: then none is safe.
fn uncommitted(workspace: &Workspace, folder: &str) -> Result<Option<BTreeSet<PathBuf>>, SetUp> {
    let starter = workspace.folder(folder, Whose::Learner);
    if !starter.is_dir() {
        return Ok(Some(BTreeSet::new()));
    }
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--modified", "--others", "--", "."]).current_dir(&starter);
    let staged = || {
        let mut git = Command::new("git");
        git.args(["diff", "-z", "--name-only", "--relative", "HEAD", "--", "."]).current_dir(&starter);
        git
    };
    let mut files = BTreeSet::new();
    for mut git in [git, staged()] {
        let Ok(output) = git.stdin(Stdio::null()).stderr(Stdio::null()).output() else { return Ok(None) };
        if !output.status.success() {
            return Ok(None);
        }
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        files.extend(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from));
    }
    Ok(Some(files))
}
