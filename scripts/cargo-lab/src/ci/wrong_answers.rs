//! Every wrong answer breaks the check that it names, and the message is the one on record.
//!
//! All of them are built, one after the other, on one copy of the solution: so each costs one incremental build and the one check that
//! it names. While one is judged on its lane, the next one is built, and judged on another.

use std::sync::{Mutex, PoisonError};
use std::thread::scope;

use testbed::report::Word;
use testbed::setup::SetUp;
use testbed::suite::Request;

use super::passed::Passed;
use super::recorded::as_recorded;
use super::solutions::{cut_off, steady};
use super::{Context, Proof, lanes_for_the_wrong};
use crate::verify::{Nobody, Verify};
use crate::workspace::Lab;
use crate::wrong_answer::{Copy, WrongAnswer};

/// Tries every wrong answer of every lab.
pub fn are_caught(context: &Context) -> Proof {
    let mut tally = Tally::default();
    for lab in context.labs()? {
        match Verify::build(&context.workspace, &lab.solution())? {
            Some(verify) => of_lab(context, &lab, verify, &mut tally)?,
            None => tally.wrong.push(format!("{} does not compile", lab.solution())),
        }
    }
    let Tally { caught, unsteady, wrong } = tally;
    let caught = steady(format!("{caught} wrong answers caught by name"), &unsteady);
    Ok(if wrong.is_empty() { Ok(caught) } else { Err(wrong) })
}

/// What came of all that were tried.
#[derive(Default)]
struct Tally {
    caught: usize,
    /// Those that were caught only when they were tried again, and why not at once.
    unsteady: Vec<String>,
    wrong: Vec<String>,
}

/// Tries the wrong answers of one lab: first those whose check may run beside others, then each of the rest alone.
fn of_lab(context: &Context, lab: &Lab, verify: Verify, tally: &mut Tally) -> Result<(), SetUp> {
    let checks = verify.list(true)?;
    let passed = Passed::of(&context.workspace, lab, &context.images)?;
    let (mut beside, mut alone) = (Vec::new(), Vec::new());
    for answer in WrongAnswer::all(&context.workspace, lab)? {
        let Some(check) = checks.iter().find(|check| check.name == answer.check) else {
            let (name, check) = (&answer.name, &answer.check);
            tally.wrong.push(format!("{name}: names `{check}`, which is no check of lab {}", lab.number));
            continue;
        };
        if passed.has(&remembered(lab, &answer), &answer.path)? {
            println!("  {:<28} {:<24} as when it was caught last", answer.name, answer.check);
            tally.caught += 1;
        } else if check.alone {
            alone.push(answer);
        } else {
            beside.push(answer);
        }
    }
    let bench = Bench { context, lab, verify, copy: Mutex::new(Copy::make(&context.workspace, lab)?) };
    for (lanes, answers) in [(lanes_for_the_wrong(), beside), (1, alone)] {
        for (answer, first) in bench.judge_all(lanes, answers)? {
            let name = &answer.name;
            if let Err(why) = first {
                // A host that is busy at the wrong moment decides one run, not two in a row.
                println!("  {name:<28} once more: {why}");
                if let Err(why) = bench.judge(&answer)? {
                    tally.wrong.push(format!("{name}: {why}"));
                    continue;
                }
                tally.unsteady.push(format!("{name} ({why})"));
            }
            passed.remember(&remembered(lab, &answer), &answer.path)?;
            tally.caught += 1;
        }
    }
    Ok(())
}

/// The name by which it is remembered that an answer was caught.
fn remembered(lab: &Lab, answer: &WrongAnswer) -> String {
    format!("{}-{}", lab.number, answer.name)
}

/// Whether an answer was caught by the check that it names, with the message on record; else why not.
type Caught = Result<(), String>;

/// Where the wrong answers of one lab are built and judged.
struct Bench<'a> {
    context: &'a Context,
    lab: &'a Lab,
    verify: Verify,
    copy: Mutex<Copy>,
}

impl Bench<'_> {
    /// Judges the answers, so many at a time. A fault of the set-up ends it.
    fn judge_all(
        &self,
        lanes: usize,
        answers: Vec<WrongAnswer>,
    ) -> Result<Vec<(WrongAnswer, Caught)>, SetUp> {
        let waiting = Mutex::new(answers.into_iter());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let lane = || {
            let mut judged = Vec::new();
            while let Some(answer) = next() {
                let caught = self.judge(&answer)?;
                judged.push((answer, caught));
            }
            Ok(judged)
        };
        let ended = scope(|scope| {
            let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
            lanes.into_iter().map(|lane| lane.join()).collect::<Vec<_>>()
        });
        let mut all = Vec::new();
        for judged in ended {
            all.extend(judged.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    }

    /// Builds one wrong answer and runs the check that must catch it.
    fn judge(&self, answer: &WrongAnswer) -> Result<Caught, SetUp> {
        let submission = {
            let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
            match copy.try_on(answer)? {
                Ok(built) => copy.put_aside(answer, &built)?,
                Err(why) => return Ok(Err(why)),
            }
        };
        let request = Request {
            submission: Some((answer.name.clone(), submission)),
            only: vec![answer.check.clone()],
            again: format!("cargo lab check {}", self.lab.number),
            ..Request::default()
        };
        let judged = self.verify.judge(&request, &mut Nobody, |command| self.context.lend(command))?;
        self.copy.lock().unwrap_or_else(PoisonError::into_inner).remove(answer)?;
        let report = judged.report.ok_or_else(|| cut_off(&answer.name))?;
        let Some(check) = report.checks.first() else {
            return Ok(Err("no check was run".to_owned()));
        };
        let (verdict, seconds) = (check.verdict.as_str(), check.seconds);
        println!("  {:<28} {:<24} {verdict:<10} {seconds:>5.1} s", answer.name, answer.check);
        Ok(match check.verdict {
            Word::Broken => as_recorded(answer, check),
            _ => Err(format!("{} is {verdict}: it was not caught", answer.check)),
        })
    }
}
