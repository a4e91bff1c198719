//! `cargo lab hint`: help with a hole in three steps, so that nobody is told more than they asked for.

use anstyle::AnsiColor;
use clap::Args;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::holes::mine::{Mine, shown};
use crate::holes::source::{Hole, Source};
use crate::holes::{coloured, named, of_lab};
use crate::workspace::{Whose, Workspace};

/// Which hole, and how much to tell.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab hint 01                    the lab's holes, in the chapter's order, and which are open
  cargo lab hint 00 enter              the question that stands there, and where
  cargo lab hint 00 enter --more       and the calls to look up
  cargo lab hint 00 enter --code       and the solution's lines

Try after each step: what you have found yourself stays with you.")]
pub struct Hint {
    /// The lab's number: 01
    lab: String,
    /// The hole's name; without it, the list
    hole: Option<String>,
    /// Tell the calls to look up, too
    #[arg(long, requires = "hole")]
    more: bool,
    /// Tell the calls to look up and the solution's lines, too
    #[arg(long, requires = "hole")]
    code: bool,
}

/// Tells what was asked for.
pub fn run(ask: &Hint) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let source = match of_lab(&workspace, &ask.lab)? {
        Ok(source) => source,
        Err(exit) => return Ok(exit),
    };
    let starter = workspace.folder(&source.folder, Whose::Learner);
    let Some(name) = &ask.hole else {
        let all: Vec<_> = source.holes.iter().map(|hole| (hole, Mine::find(&starter, hole))).collect();
        list(&source, &all);
        return Ok(Exit::Kept);
    };
    let hole = match named(&source, name) {
        Ok(hole) => hole,
        Err(exit) => return Ok(exit),
    };
    tell(&source, hole, &Mine::find(&starter, hole), ask);
    Ok(Exit::Kept)
}

/// The holes of a lab, and the next one.
fn list(source: &Source, all: &[(&Hole, Mine)]) {
    println!(
        "lab {}: {}, {} holes in the order of its chapter\n",
        source.number,
        source.about.title,
        all.len()
    );
    let width = all.iter().map(|(hole, _)| hole.name.len()).max().unwrap_or(0);
    for (hole, mine) in all {
        anstream::println!("  {} {:<width$}  {}", state(mine), hole.name, hole.filling.task());
        println!("          {:<width$}  {}", "", shown(&source.folder, hole, mine));
    }
    let open = all.iter().find(|(_, mine)| !matches!(mine, Mine::Filled(_)));
    match open {
        Some((hole, _)) => println!("\nnext   cargo lab hint {} {}", source.number, hole.name),
        None => {
            println!("\nnext   cargo lab check {0}, and when it is green: cargo lab diff {0}", source.number);
        }
    }
}

/// One hole, as far as it was asked for.
fn tell(source: &Source, hole: &Hole, mine: &Mine, ask: &Hint) {
    let Source { number, folder, .. } = source;
    anstream::println!("{} {}  {}", state(mine), hole.name, hole.filling.task());
    println!("{}\n", shown(folder, hole, mine));
    hole.filling.question.iter().for_each(|line| println!("    {line}"));
    let again = format!("cargo lab hint {number} {}", hole.name);
    if ask.more || ask.code {
        println!("\nlook up");
        hole.filling.hints.iter().filter(|hint| !hint.is_empty()).for_each(|hint| println!("    {hint}"));
    }
    if ask.code {
        println!("\nsolutions/{folder}/{}:{}", hole.file.display(), hole.line);
        hole.code.iter().for_each(|line| println!("{}", format!("    {line}").trim_end()));
    } else if ask.more {
        println!("\ncode   {again} --code");
    } else {
        println!("\nmore   {again} --more    the calls to look up");
    }
}

fn state(mine: &Mine) -> String {
    match mine {
        Mine::Untouched(_) => coloured("open   ", AnsiColor::Yellow),
        Mine::Begun(_) => coloured("begun  ", AnsiColor::Yellow),
        Mine::Filled(_) => coloured("filled ", AnsiColor::Green),
        Mine::Lost => coloured("lost   ", AnsiColor::Red),
    }
}
