//! The holes of a lab: what a starter leaves open, and what the solution has there.
//!
//! A hole is a region of the solution, between `// ANCHOR: hole-NAME` and `// ANCHOR_END: hole-NAME`. What stands there in the starter is
//! `solutions/NN-topic/holes/NAME.rs`. The markers stay, so that a hole is found again in whatever a learner has made of the file.

pub mod backup;
pub mod filling;
pub mod mine;
pub mod region;
pub mod source;
pub mod tree;

use anstyle::{AnsiColor, Style};
use testbed::exit::Exit;
use testbed::setup::SetUp;

use self::source::{Hole, Source};
use crate::check;
use crate::workspace::Workspace;

/// A fault at a line of a file, which counts from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Fault {
    /// A fault at `line`.
    pub fn new(line: usize, what: impl Into<String>) -> Fault {
        Fault { line, what: what.into() }
    }
}

/// The lab that a reader names, read from its solution; or how to end, when it has no holes to speak of. What is wrong has been said.
pub fn of_lab(workspace: &Workspace, name: &str) -> Result<Result<Source, Exit>, SetUp> {
    let Some(lab) = workspace.lab(name)? else { return check::unknown(workspace, name).map(Err) };
    let source = Source::read(workspace, &lab.folder)?;
    if let Some(fault) = source.faults.first() {
        anstream::eprintln!("{fault}\n`cargo lab dig --check {}` tells all that is wrong", lab.number);
        return Ok(Err(Exit::Broken));
    }
    Ok(Ok(source))
}

/// The hole that a reader names; or how to end, when there is none. What there is has been said.
pub fn named<'a>(source: &'a Source, name: &str) -> Result<&'a Hole, Exit> {
    source.holes.iter().find(|hole| hole.name == name).ok_or_else(|| {
        anstream::eprintln!("lab {} has no hole `{name}`; it has", source.number);
        source
            .holes
            .iter()
            .for_each(|hole| anstream::eprintln!("  {:<20} {}", hole.name, hole.filling.task()));
        Exit::Usage
    })
}

/// `text` in a colour, for `anstream` to print.
pub fn coloured(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}
