//! `cargo lab check NN --wrong NAME`: a mistake tried by one command, and caught by the check that it names.

use testbed::exit::Exit;
use testbed::setup::SetUp;
use testbed::suite::Request;

use super::{Check, Terminal};
use crate::prose::folded;
use crate::verify::{Judged, Verify};
use crate::workspace::{Lab, Workspace};
use crate::wrong_answer::{Copy, WrongAnswer};

/// Tells what the wrong answer does, judges it, and passes on how that ended.
pub fn run(workspace: &Workspace, lab: &Lab, name: &str, ask: &Check) -> Result<Exit, SetUp> {
    let all = WrongAnswer::all(workspace, lab)?;
    let Some(answer) = all.iter().find(|answer| answer.name == name) else {
        return Ok(unknown(lab, &all, name));
    };
    if !ask.json {
        tell(answer);
    }
    let mut reader = Terminal::new(ask.json);
    let judged = judge(workspace, lab, answer, &ask.only, &mut reader)?;
    if let Some(report) = &judged.report {
        let page = report.keep_in(&workspace.report(&folder(lab, answer)))?;
        reader.close(report, &page)?;
    }
    Ok(judged.exit)
}

/// What the wrong answer does, and how somebody comes to write it.
pub fn tell(answer: &WrongAnswer) {
    println!("{}\n{}\n", folded("", &answer.title), folded("  ", &answer.story));
}

/// The name of the folder of its report.
pub fn folder(lab: &Lab, answer: &WrongAnswer) -> String {
    format!("wrong-{}-{}", lab.number, answer.name)
}

/// Builds the wrong answer and runs these checks on it; the one that it names when there are none.
pub fn judge(
    workspace: &Workspace,
    lab: &Lab,
    answer: &WrongAnswer,
    only: &[String],
    reader: &mut Terminal,
) -> Result<Judged, SetUp> {
    let solution = lab.solution();
    let mend = format!("if you have changed it: git checkout solutions/{}", lab.folder);
    let fault = |what: &str, why| SetUp::new(format!("build {what}"), why, &mend);
    let verify = Verify::build(workspace, &solution)?
        .ok_or_else(|| fault(&solution, "it does not compile: cargo says why, above".to_owned()))?;
    // Held until it is judged: nobody builds another one in its place.
    let copy = Copy::make(workspace, lab)?;
    anstream::eprintln!("    Building the solution with this mistake (the first time takes a minute or two)");
    let submission =
        copy.try_on(answer)?.map_err(|why| fault(&format!("the wrong answer {}", answer.name), why))?;
    let only = if only.is_empty() { vec![answer.check.clone()] } else { only.to_vec() };
    let request = Request {
        submission: Some((answer.name.clone(), submission)),
        only,
        again: format!("cargo lab check {} --wrong {}", lab.number, answer.name),
        ..Request::default()
    };
    verify.judge(&request, reader, |_| {})
}

/// Says that there is no wrong answer `name`, and which there are.
fn unknown(lab: &Lab, all: &[WrongAnswer], name: &str) -> Exit {
    anstream::eprintln!("lab {} has no wrong answer `{name}`; it has", lab.number);
    for answer in all {
        anstream::eprintln!("  {:<30} {}", answer.name, answer.title);
    }
    Exit::Usage
}
