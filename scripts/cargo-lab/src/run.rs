//! `cargo lab run`: the book's experiments, on the reader's own machine. The crate `experiments` holds them.

mod finale;

use std::path::{Path, PathBuf};

use clap::Args;
use experiments::{EXPERIMENTS, Experiment, Findings, Programs};
use testbed::exit::Exit;
use testbed::progress::Progress;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::submission::Submission;
use testbed::verdict::Stop;

use crate::artifact::{Artifact, Target};
use crate::workspace::{Lab, Whose, Workspace};
use crate::wrong_answer::{Copy, WrongAnswer};

/// Which experiment to run.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab run                       the experiments, what each shows, and which needs Docker
  cargo lab run longer-queue          one of them: live progress, a table, a sentence, a figure
  cargo lab run all                   all of them but the finale, one after the other: about ten minutes
  cargo lab run finale                one stress test on every stage of the story: about three minutes
  cargo lab run finale --mine         the same on your own labs, as far as they go

What was found is kept in target/lab/experiments/NAME: the figure as SVG, every request as JSON.
Exit code 4: this run did not show it, because the machine was busy or is built otherwise. The table says what was measured.")]
pub struct Which {
    /// The experiment's name, or `all`; without it, the list
    pub experiment: Option<String>,
    #[command(flatten)]
    finale: finale::Options,
}

/// Where experiments keep what they found.
pub fn folder(target: &Path) -> PathBuf {
    target.join("lab").join("experiments")
}

/// Runs what was asked for, or lists what there is.
pub fn run(which: &Which) -> Result<Exit, SetUp> {
    let is_finale = which.experiment.as_deref() == Some(experiments::finale::NAME);
    if which.finale.are_given() && !is_finale {
        anstream::eprintln!("--mine and --short are of the finale: cargo lab run finale --mine");
        return Ok(Exit::Usage);
    }
    if is_finale {
        return finale::run(&which.finale);
    }
    let chosen: Vec<&Experiment> = match which.experiment.as_deref() {
        None => {
            print!("{}", list());
            return Ok(Exit::Kept);
        }
        Some("all") => EXPERIMENTS.iter().collect(),
        Some(name) => EXPERIMENTS.iter().filter(|experiment| experiment.name == name).collect(),
    };
    if let (Some(name), []) = (&which.experiment, chosen.as_slice()) {
        anstream::eprint!("there is no experiment `{name}`; there are\n{}", list());
        return Ok(Exit::Usage);
    }
    let workspace = Workspace::find()?;
    let containers = chosen.iter().any(|experiment| !experiment.needs.is_empty());
    Run::hold(containers, |run| match chosen.as_slice() {
        [experiment] => one(run, &workspace, experiment),
        several => Ok(each(run, &workspace, several)),
    })
}

/// Each experiment, what it shows, and what it needs.
fn list() -> String {
    let row = |name: &str, shows: &str, has_containers: bool| {
        let needs = if has_containers { "Docker" } else { "" };
        format!("{name:<20} {shows:<80} {needs}").trim_end().to_owned() + "\n"
    };
    let rows = EXPERIMENTS.iter().map(|each| row(each.name, each.shows, !each.needs.is_empty()));
    let rows: String =
        rows.chain([row(experiments::finale::NAME, experiments::finale::SHOWS, true)]).collect();
    format!(
        "{rows}\ncargo lab run NAME   runs one, in about a minute at most (the finale in about three);   cargo lab run all   runs the others\n"
    )
}

/// One experiment after the other. What one of them lacks does not stop the others; the gravest end counts.
fn each(run: &Run, workspace: &Workspace, experiments: &[&Experiment]) -> Exit {
    let mut ends = Vec::new();
    for (place, experiment) in experiments.iter().enumerate() {
        if place > 0 {
            println!();
        }
        let end = one(run, workspace, experiment).unwrap_or_else(|fault| {
            anstream::eprintln!("{fault}");
            Exit::SetUp
        });
        ends.push(end);
    }
    gravest(&ends)
}

/// A fault of the set-up before a broken promise, before a run that says nothing.
fn gravest(ends: &[Exit]) -> Exit {
    let order = [Exit::SetUp, Exit::Broken, Exit::Inconclusive];
    order.into_iter().find(|exit| ends.contains(exit)).unwrap_or(Exit::Kept)
}

fn one(run: &Run, workspace: &Workspace, experiment: &Experiment) -> Result<Exit, SetUp> {
    println!("{}: {}\n", experiment.name, experiment.shows);
    let number = experiment.lab;
    let absent =
        || SetUp::new(format!("find lab {number}"), "the clone has none", "clone the workbook again");
    let lab = workspace.lab(number)?.ok_or_else(absent)?;
    let Some(solution) = Artifact::of(&lab.solution(), Target::Program).build(&workspace.root)? else {
        anstream::eprintln!("the solution of lab {number} does not compile: mend what cargo says above");
        return Ok(Exit::Broken);
    };
    let beside = experiment.beside().map(|name| Mistake::build(workspace, &lab, name)).transpose()?;
    let solution = Submission { binary: solution, deploy: workspace.deploy(&lab, Whose::Workbook) };
    let programs = Programs { solution, wrong: beside.as_ref().map(|mistake| mistake.binary.clone()) };
    let progress = progress();
    let found = run.block_on(experiment.run(programs, progress));
    told(workspace, experiment.name, progress, found)
}

/// An experiment's seconds are what there is to see: they stay on the screen.
fn progress() -> Progress {
    match Progress::detect() {
        Progress::Rewritten => Progress::Lines,
        other => other,
    }
}

/// Keeps and prints what the experiment `name` found, or says why there is nothing.
fn told(
    workspace: &Workspace,
    name: &str,
    progress: Progress,
    found: Result<Findings, Stop>,
) -> Result<Exit, SetUp> {
    if progress == Progress::Lines && !matches!(found, Err(Stop::SetUp(_))) {
        progress.show("");
    }
    match found {
        Ok(findings) => {
            let kept = findings.keep(name, &folder(&workspace.target).join(name))?;
            println!("{findings}");
            for path in &kept {
                let is_a_figure = path.extension().is_some_and(|extension| extension == "svg");
                println!("{} {}", if is_a_figure { "figure" } else { "data  " }, workspace.shown(path));
            }
            Ok(if findings.are_seen() { Exit::Kept } else { Exit::Inconclusive })
        }
        Err(Stop::SetUp(fault)) => Err(fault),
        Err(Stop::Inconclusive(why)) => {
            println!("says nothing: {why}");
            Ok(Exit::Inconclusive)
        }
        Err(Stop::Broken(broken)) => {
            println!("the server broke a promise: {}", broken.promised);
            broken.observed.iter().for_each(|figure| println!("  {figure}"));
            Ok(Exit::Broken)
        }
    }
}

/// The wrong answer that an experiment runs the solution beside. While this is held, nobody builds another one in its place.
struct Mistake {
    binary: PathBuf,
    _copy: Copy,
}

impl Mistake {
    fn build(workspace: &Workspace, lab: &Lab, name: &str) -> Result<Mistake, SetUp> {
        let mend = format!("if you have changed it: git checkout solutions/{}", lab.folder);
        let fault = |why: String| SetUp::new(format!("build the wrong answer {name}"), why, &mend);
        let answers = WrongAnswer::all(workspace, lab)?;
        let answer = answers.iter().find(|answer| answer.name == name);
        let answer = answer.ok_or_else(|| fault(format!("lab {} has none of this name", lab.number)))?;
        let copy = Copy::make(workspace, lab)?;
        anstream::eprintln!("    Building the wrong answer {name} (the first time takes a minute or two)");
        let binary = copy.try_on(answer)?.map_err(fault)?.binary;
        Ok(Mistake { binary, _copy: copy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_answer_that_an_experiment_names_is_there() {
        let workspace = Workspace::find().unwrap();
        for experiment in EXPERIMENTS.iter().filter(|experiment| experiment.beside().is_some()) {
            let lab = workspace.lab(experiment.lab).unwrap().unwrap();
            let mut answers = WrongAnswer::all(&workspace, &lab).unwrap().into_iter();
            assert!(answers.any(|answer| Some(&*answer.name) == experiment.beside()), "{}", experiment.name);
        }
    }

    #[test]
    fn the_gravest_end_counts() {
        assert_eq!(gravest(&[Exit::Kept, Exit::Kept]), Exit::Kept);
        assert_eq!(gravest(&[Exit::Inconclusive, Exit::Kept, Exit::SetUp]), Exit::SetUp);
        assert_eq!(gravest(&[Exit::Inconclusive, Exit::Kept]), Exit::Inconclusive);
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let list = list();
        for experiment in &EXPERIMENTS {
            let line = list.lines().find(|line| line.starts_with(experiment.name)).unwrap();
            assert_eq!(line.ends_with("Docker"), !experiment.needs.is_empty(), "{line}");
        }
    }
}
