//! Whose stack `ping` and `trace` look at, and how a command ends that starts one.

use std::fmt::Display;
use std::path::PathBuf;

use clap::Args;
use testbed::exit::Exit;
use testbed::progress::Progress;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::submission::Submission;
use testbed::verdict::Stop;

use crate::artifact::{Artifact, Target};
use crate::check;
use crate::workspace::{Lab, Whose, Workspace};

/// Whose stack it is.
#[derive(Args)]
pub struct Placed {
    /// The lab's number, from 04 on
    pub lab: String,
    /// The stack of the workbook's solution instead of your own
    #[arg(long, conflicts_with = "binary")]
    pub solution: bool,
    /// The stack of this executable
    #[arg(long, value_name = "PATH", requires = "deploy")]
    pub binary: Option<PathBuf>,
    /// The folder with the deploy files of that executable
    #[arg(long, value_name = "DIR", requires = "binary")]
    pub deploy: Option<PathBuf>,
}

impl Placed {
    /// Finds or builds the submission, holds the run, and prints what `look` finds.
    pub fn show<T: Display>(
        &self,
        look: impl AsyncFnOnce(Submission, Progress) -> Result<T, Stop>,
    ) -> Result<Exit, SetUp> {
        let workspace = Workspace::find()?;
        let Some(lab) = workspace.lab(&self.lab)? else { return check::unknown(&workspace, &self.lab) };
        let submission = match self.submission(&workspace, &lab)? {
            Ok(submission) => submission,
            Err(exit) => return Ok(exit),
        };
        let progress = Progress::detect();
        Run::hold(true, |run| {
            let found = run.block_on(look(submission, progress));
            progress.clear();
            ended(found)
        })
    }

    /// What is started, or how the command ends without it.
    fn submission(&self, workspace: &Workspace, lab: &Lab) -> Result<Result<Submission, Exit>, SetUp> {
        if let (Some(binary), Some(deploy)) = (&self.binary, &self.deploy) {
            let given = check::executable(binary)
                .map_err(|why| format!("cannot start `{}`: {why}", binary.display()));
            let given =
                given.and_then(|binary| Ok(Submission { binary, deploy: Some(check::folder(deploy)?) }));
            return Ok(given.map_err(|why| {
                anstream::eprintln!("{why}");
                Exit::Usage
            }));
        }
        let whose = Whose::solution(self.solution);
        let package = lab.package(whose);
        let Some(deploy) = workspace.deploy(lab, whose) else {
            anstream::eprintln!(
                "lab {} has no deploy files, and so no stack: the labs from 04 on have one",
                lab.number
            );
            return Ok(Err(Exit::Usage));
        };
        anstream::eprintln!("    Building {package}");
        let Some(binary) = Artifact::of(&package, Target::Program).build(&workspace.root)? else {
            anstream::eprintln!("`{package}` does not compile: mend what cargo says above");
            return Ok(Err(Exit::Broken));
        };
        Ok(Ok(Submission { binary, deploy: Some(deploy) }))
    }
}

/// Prints what was found, or why there is nothing.
pub fn ended<T: Display>(found: Result<T, Stop>) -> Result<Exit, SetUp> {
    match found {
        Ok(found) => {
            anstream::print!("{found}");
            Ok(Exit::Kept)
        }
        Err(Stop::SetUp(fault)) => Err(fault),
        Err(Stop::Inconclusive(why)) => {
            anstream::eprintln!("says nothing: {why}");
            Ok(Exit::Inconclusive)
        }
        Err(Stop::Broken(broken)) => {
            anstream::eprintln!("the stack broke a promise: {}", broken.promised);
            broken.observed.iter().for_each(|fact| anstream::eprintln!("  {fact}"));
            let told = [("likely", &broken.likely), ("next", &broken.next)];
            for (what, text) in told.iter().filter_map(|(what, text)| Some((what, text.as_ref()?))) {
                anstream::eprintln!("  {what}: {text}");
            }
            Ok(Exit::Broken)
        }
    }
}
