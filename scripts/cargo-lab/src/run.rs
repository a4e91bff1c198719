//! `cargo lab run`: the book's experiments, on the reader's own machine. The crate `experiments` holds them.

use std::path::{Path, PathBuf};

use clap::Args;
use experiments::{EXPERIMENTS, Experiment};
use testbed::exit::Exit;
use testbed::progress::Progress;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::verdict::Stop;

use crate::artifact::{Artifact, Target};
use crate::workspace::Workspace;

/// Which experiment to run.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab run                       the experiments, what each shows, and which needs Docker
  cargo lab run longer-queue          one of them: live progress, a table, a sentence, a figure
  cargo lab run all                   all of them, one after the other: about three minutes

What was found is kept in target/lab/experiments/NAME: the figure as SVG, every request as JSON.
Exit code 4: this run did not show it, because the machine was busy or is built otherwise. The table says what was measured.")]
pub struct Which {
    /// The experiment's name, or `all`; without it, the list
    pub experiment: Option<String>,
}

/// Where experiments keep what they found.
pub fn folder(target: &Path) -> PathBuf {
    target.join("lab").join("experiments")
}

/// Runs what was asked for, or lists what there is.
pub fn run(which: &Which) -> Result<Exit, SetUp> {
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
    let row = |experiment: &Experiment| {
        let needs = if experiment.needs.is_empty() { "" } else { "Docker" };
        format!("{:<20} {:<80} {needs}", experiment.name, experiment.shows).trim_end().to_owned() + "\n"
    };
    let rows: String = EXPERIMENTS.iter().map(row).collect();
    format!(
        "{rows}\ncargo lab run NAME   runs one, in less than a minute;   cargo lab run all   runs them all\n"
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
    let package = workspace.lab(number)?.ok_or_else(absent)?.solution();
    let Some(subject) = Artifact::of(&package, Target::Program).build(&workspace.root)? else {
        anstream::eprintln!("the solution of lab {number} does not compile: mend what cargo says above");
        return Ok(Exit::Broken);
    };
    let progress = match Progress::detect() {
        // An experiment's seconds are what there is to see: they stay on the screen.
        Progress::Rewritten => Progress::Lines,
        other => other,
    };
    let found = run.block_on(experiment.run(subject, progress));
    if progress == Progress::Lines && !matches!(found, Err(Stop::SetUp(_))) {
        progress.show("");
    }
    match found {
        Ok(findings) => {
            let kept = findings.keep(experiment.name, &folder(&workspace.target).join(experiment.name))?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
