//! `cargo lab run finale`: the programs and the deploy files of each stage of the story.

use std::path::PathBuf;

use clap::Args;
use experiments::finale::{self, Ended, Entered, Files, NAME, SHOWS, STAGES, Size, Stage};
use testbed::exit::Exit;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::submission::Submission;

use super::{progress, told};
use crate::artifact::{Artifact, Target};
use crate::holes::source::Source;
use crate::workspace::{DEPLOY, Lab, Whose, Workspace, write_file};

/// Whose stages are run, and for how long.
#[derive(Args)]
pub struct Options {
    /// With the finale: your own labs instead of the solutions, as far as they go
    #[arg(long)]
    mine: bool,
    /// With the finale: a few seconds for each stage
    #[arg(long)]
    short: bool,
}

impl Options {
    /// Whether any of them is given.
    pub fn are_given(&self) -> bool {
        self.mine || self.short
    }
}

/// Builds what each stage needs, and puts all of them under the same load.
pub fn run(options: &Options) -> Result<Exit, SetUp> {
    println!("{NAME}: {SHOWS}\n");
    let workspace = Workspace::find()?;
    let size = if options.short { Size::Short } else { Size::Whole };
    let (mut entered, mut ended) = (Vec::new(), None);
    for stage in &STAGES {
        let Some(lab) = workspace.lab(stage.lab)? else { continue };
        match enter(&workspace, stage, &lab, options.mine)? {
            Ok(submission) => entered.push(Entered { stage, submission }),
            Err(why) if options.mine => {
                ended = Some(Ended { stage, why });
                break;
            }
            Err(why) => {
                anstream::eprintln!("{why}");
                return Ok(Exit::Broken);
            }
        }
    }
    Run::hold(true, |run| {
        let progress = progress();
        let found = run.block_on(finale::run(entered, ended, options.mine, size, progress));
        told(&workspace, NAME, progress, found)
    })
}

/// The program and the deploy files of a stage, or why there are none.
fn enter(
    workspace: &Workspace,
    stage: &Stage,
    lab: &Lab,
    mine: bool,
) -> Result<Result<Submission, String>, SetUp> {
    let whose = Whose::solution(!mine);
    let package = lab.package(whose);
    anstream::eprintln!("    Building {package}");
    let Some(binary) = Artifact::of(&package, Target::Program).build(&workspace.root)? else {
        return Ok(Err(format!("`{package}` does not compile: mend what cargo says above")));
    };
    let deploy = match stage.files() {
        None => None,
        Some(Files::Own) => Some(workspace.folder(&lab.folder, whose).join(DEPLOY)),
        Some(Files::StartOf(number)) => Some(dug(workspace, number)?),
    };
    Ok(Ok(Submission { binary, deploy }))
}

/// The deploy files with which a lab begins, whatever a reader has made of them since.
fn dug(workspace: &Workspace, number: &str) -> Result<PathBuf, SetUp> {
    let absent =
        || SetUp::new(format!("find lab {number}"), "the clone has none", "clone the workbook again");
    let lab = workspace.lab(number)?.ok_or_else(absent)?;
    let folder = super::folder(&workspace.target).join(NAME).join("start-of").join(&lab.folder);
    let files = Source::read(workspace, &lab.folder)?.files;
    for (file, text) in files.iter().filter(|(file, _)| file.starts_with(DEPLOY)) {
        write_file(&folder.join(file), text)?;
    }
    Ok(folder.join(DEPLOY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_comes_before_a_lab_has_the_files_with_which_it_begins() {
        let workspace = Workspace::find().unwrap();
        for stage in &STAGES {
            let Some(Files::StartOf(number)) = stage.files() else { continue };
            let folder = dug(&workspace, number).unwrap();
            for file in [testbed::deploy::STACK, testbed::services::TEMPLATE] {
                let text = std::fs::read_to_string(folder.join(file)).unwrap();
                assert!(!text.is_empty(), "{file}");
            }
        }
    }
}
