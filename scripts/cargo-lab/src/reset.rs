//! `cargo lab reset`: a hole, a file or a whole lab as it was dug. What the learner had is kept.

use std::path::{Path, PathBuf};

use clap::Args;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::holes::mine::{Mine, Place, how_to_mend, shown};
use crate::holes::region::replaced;
use crate::holes::source::{Hole, Source};
use crate::holes::tree::{Difference, How, differences, write};
use crate::holes::{backup, named, of_lab};
use crate::workspace::{Whose, Workspace, write_file};

/// What to put back.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab reset 00 enter          this hole is open again; the rest of its file stays as you have it
  cargo lab reset 00 src/line.rs    this file is as it was
  cargo lab reset 00                the whole lab is

What you had is kept in target/lab/backups/NN/DATE-TIME (UTC), until you remove it or run `cargo clean`.
Exit codes: 0 it is as it was · 1 the hole's markers are gone · 2 no such lab, hole or file")]
pub struct Reset {
    /// The lab's number: 01
    lab: String,
    /// The hole's name, or a file of the lab; without it, the whole lab
    hole: Option<String>,
}

/// Puts back what was asked for.
pub fn run(ask: &Reset) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let source = match of_lab(&workspace, &ask.lab)? {
        Ok(source) => source,
        Err(exit) => return Ok(exit),
    };
    let starter = workspace.folder(&source.folder, Whose::Learner);
    match ask.hole.as_deref().map(|what| (what, file(&source, what))) {
        None => files(&workspace, &source, &starter, differences(&source, &starter)?),
        Some((_, Some(file))) => {
            let mut found = differences(&source, &starter)?;
            found.retain(|difference| difference.file == file);
            files(&workspace, &source, &starter, found)
        }
        Some((name, None)) => match named(&source, name) {
            Ok(hole) => one(&workspace, &source, &starter, hole),
            Err(exit) => Ok(exit),
        },
    }
}

/// The file of the lab that a reader means by `src/line.rs` or `labs/00-overload/src/line.rs`.
fn file(source: &Source, what: &str) -> Option<PathBuf> {
    let own = Path::new(what).strip_prefix(Path::new("labs").join(&source.folder));
    let own = own.unwrap_or(Path::new(what));
    source.files.contains_key(own).then(|| own.to_path_buf())
}

/// Puts back the files of `found`.
fn files(
    workspace: &Workspace,
    source: &Source,
    starter: &Path,
    found: Vec<Difference>,
) -> Result<Exit, SetUp> {
    if found.is_empty() {
        println!("nothing to do: it is as it was");
        return Ok(Exit::Kept);
    }
    let paths: Vec<_> = found.iter().map(|difference| difference.file.as_path()).collect();
    let kept = backup::keep(workspace, &source.number, starter, &paths)?;
    write(source, starter, &found)?;
    for Difference { file, how } in &found {
        let words = if *how == How::Stray { "removed" } else { "as it was" };
        println!("{:<10} labs/{}/{}", words, source.folder, file.display());
    }
    say_where(kept);
    Ok(Exit::Kept)
}

/// Puts back one hole.
fn one(workspace: &Workspace, source: &Source, starter: &Path, hole: &Hole) -> Result<Exit, SetUp> {
    let mine = Mine::find(starter, hole);
    let at = shown(&source.folder, hole, &mine);
    match &mine {
        Mine::Lost => {
            anstream::eprintln!("{}", how_to_mend(&source.number, &source.folder, hole));
            return Ok(Exit::Broken);
        }
        Mine::Untouched(_) => println!("nothing to do: {} is as it was, at {at}", hole.name),
        Mine::Begun(Place { text, region, .. }) | Mine::Filled(Place { text, region, .. }) => {
            let kept = backup::keep(workspace, &source.number, starter, &[&hole.file])?;
            let dug = |_: &_| Some(hole.filling.lines.clone());
            write_file(&starter.join(&hole.file), &replaced(text, std::slice::from_ref(region), dug))?;
            println!("{} is open again, at {at}", hole.name);
            say_where(kept);
        }
    }
    Ok(Exit::Kept)
}

fn say_where(kept: Option<String>) {
    if let Some(folder) = kept {
        println!("what you had is in {folder}");
    }
}
