//! `cargo lab ci`: the proof of everything, step by step. What CI runs on every change, and what a contributor runs before.

mod code;
mod finale;
mod leftovers;
mod passed;
mod recorded;
mod solutions;
mod starters;
mod trees;
mod wrong_answers;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use testbed::exit::Exit;
use testbed::images::Service;
use testbed::run::Run;
use testbed::services::{LENT, Services};
use testbed::setup::SetUp;

use crate::book;
use crate::verify::lanes_for_the_right;
use crate::workspace::{Lab, Workspace};

/// Which proofs to run.
#[derive(Args)]
pub struct Ci {
    /// Run only this step (may be given more than once); `list` names them
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Prove the steps about labs for this lab only
    #[arg(long, value_name = "LAB")]
    pub lab: Option<String>,
}

/// What the steps share that need services.
const NEEDS: [Service; 2] = [Service::Postgres, Service::RabbitMq];

/// How many checks are judged side by side, of a subject that is wrong: they wait most of their time, for a deadline, a fault, an
/// answer that does not come.
fn lanes_for_the_wrong() -> usize {
    2 * lanes_for_the_right()
}

/// What a step proved, or why it did not.
type Proof = Result<Result<String, Vec<String>>, SetUp>;

/// What every step may use.
pub struct Context {
    /// The run that this process holds.
    pub run: Run,
    /// The clone.
    pub workspace: Workspace,
    /// This program. It is looked for at the start: a step may build it anew, and what runs is then a file that is gone.
    pub own: PathBuf,
    /// The value of `LAB_SERVICES` that lends this run's services to the programs that it starts.
    pub lent: String,
    /// The images that these services were started from.
    pub images: String,
    /// The one lab to prove, as the caller named it; all of them without it.
    lab: Option<String>,
}

impl Context {
    /// The labs to prove.
    pub fn labs(&self) -> Result<Vec<Lab>, SetUp> {
        let Some(name) = &self.lab else { return self.workspace.labs() };
        let unknown =
            || SetUp::new(format!("find lab `{name}`"), "there is none", "`cargo lab` lists the labs");
        Ok(vec![self.workspace.lab(name)?.ok_or_else(unknown)?])
    }

    /// Lends a program the services of this run.
    pub fn lend(&self, command: &mut std::process::Command) {
        command.env(LENT, &self.lent);
    }
}

/// One proof.
struct Step {
    name: &'static str,
    proves: &'static str,
    needs_services: bool,
    prove: fn(&Context) -> Proof,
}

const STEPS: [Step; 10] = [
    Step {
        name: "format",
        proves: "everything is formatted, starters included",
        needs_services: false,
        prove: code::format,
    },
    Step {
        name: "lint",
        proves: "clippy has nothing to say, starters included",
        needs_services: false,
        prove: code::lint,
    },
    Step {
        name: "unit-tests",
        proves: "the test-bed, the CLI and the crates keep their own tests",
        needs_services: false,
        prove: code::unit_tests,
    },
    Step {
        name: "dug",
        proves: "every starter is its solution with the declared holes, and every wrong answer applies to it",
        needs_services: false,
        prove: trees::are_as_dug,
    },
    Step {
        name: "solutions",
        proves: "every solution keeps the promises of its lab, and the last one those of all labs",
        needs_services: true,
        prove: solutions::keep_every_promise,
    },
    Step {
        name: "starters",
        proves: "every starter breaks exactly the promises it declares, for the declared hole",
        needs_services: true,
        prove: starters::break_what_they_declare,
    },
    Step {
        name: "wrong-answers",
        proves: "every wrong answer breaks the check it names, with the message on record",
        needs_services: true,
        prove: wrong_answers::are_caught,
    },
    Step {
        name: "finale",
        proves: "under one stress test each stage fails for its own reason, and what is accepted is never lost",
        needs_services: true,
        prove: finale::is_seen,
    },
    Step {
        name: "book",
        proves: "every include, anchor, link and console block of the book holds",
        needs_services: false,
        prove: book_holds,
    },
    Step {
        name: "nothing-left",
        proves: "no container, process or folder of ours is left",
        needs_services: false,
        prove: leftovers::nothing_is_left,
    },
];

/// Runs the steps. All of them run even when one fails, so that one run tells everything.
pub fn run(which: &Ci) -> Result<Exit, SetUp> {
    if let Some(unknown) = which.only.iter().find(|name| !STEPS.iter().any(|step| step.name == **name)) {
        if unknown != "list" {
            println!("there is no step `{unknown}`; there are");
        }
        STEPS.iter().for_each(|step| println!("  {:<14} {}", step.name, step.proves));
        return Ok(if unknown == "list" { Exit::Kept } else { Exit::Usage });
    }
    let is_chosen = |step: &&Step| which.only.is_empty() || which.only.iter().any(|name| name == step.name);
    let steps: Vec<&Step> = STEPS.iter().filter(is_chosen).collect();
    let containers = steps.iter().any(|step| step.needs_services);
    Run::hold(containers, |run| prove(run, &steps, containers, which.lab.clone()))
}

/// Takes the steps, with one set of services for those that need some.
fn prove(run: &Run, steps: &[&Step], containers: bool, lab: Option<String>) -> Result<Exit, SetUp> {
    let own = std::env::current_exe().map_err(|error| SetUp::from_cause("find this program", error))?;
    let services = match containers {
        true => Some(run.block_on(Services::start(&NEEDS))?),
        false => None,
    };
    let lent = services.as_ref().map(Services::lend).unwrap_or_default();
    let images = services.as_ref().map(|services| format!("{:?}", services.used())).unwrap_or_default();
    let context = Context { run: run.clone(), workspace: Workspace::find()?, own, lent, images, lab };
    let mut services = services;
    let (mut passed, mut failed, mut fault) = (0, Vec::new(), None);
    for step in steps {
        if step.name == "nothing-left"
            && let Some(services) = services.take()
        {
            run.block_on(services.stop())?;
        }
        println!("\n== {}: {}", step.name, step.proves);
        let started = Instant::now();
        let proof = (step.prove)(&context);
        let seconds = started.elapsed().as_secs();
        // A step that the set-up keeps from its proof has proven nothing; the others may.
        let proof = proof.unwrap_or_else(|cause| {
            let said = cause.to_string();
            fault.get_or_insert(cause);
            Err(vec![said])
        });
        match proof {
            Ok(words) => {
                passed += 1;
                println!("ok      {:<14} {words} ({seconds} s)", step.name);
            }
            Err(wrong) => {
                wrong.iter().for_each(|line| println!("  {line}"));
                println!("FAILED  {:<14} {} wrong ({seconds} s)", step.name, wrong.len());
                failed.push((step.name, wrong));
            }
        }
    }
    if let Some(services) = services {
        run.block_on(services.stop())?;
    }
    println!();
    // Said again at the end: what a log is cut down to.
    for (step, wrong) in &failed {
        wrong.iter().for_each(|line| println!("FAILED  {step:<14} {line}"));
    }
    println!("lab-ci: {passed} passed, {} failed", failed.len());
    match fault {
        Some(fault) => Err(fault),
        None if failed.is_empty() => Ok(Exit::Kept),
        None => Ok(Exit::Broken),
    }
}

fn book_holds(context: &Context) -> Proof {
    let wrong = book::check(&context.workspace)?;
    Ok(if wrong.is_empty() { Ok("the book holds".to_owned()) } else { Err(wrong) })
}
