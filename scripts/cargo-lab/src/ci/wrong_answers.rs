//! Every wrong answer breaks the check that it names, and the message is the one on record.
//!
//! All of them are built, one after the other, on one copy of the solution: so each costs one incremental build and the one check that
//! it names. While one is judged on its lane, the next one is built, and judged on another. Those whose check hurts services have a lane
//! of their own, on services that only it uses.

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread::scope;

use testbed::report::{Company, Word};
use testbed::services::{LENT, Services};
use testbed::setup::SetUp;
use testbed::suite::Request;

use super::passed::Passed;
use super::recorded::as_recorded;
use super::solutions::{cut_off, steady};
use super::{Context, NEEDS, Proof, lanes_for_the_wrong};
use crate::verify::{Nobody, Verify};
use crate::workspace::Lab;
use crate::wrong_answer::{Copy, WrongAnswer};

/// Tries every wrong answer of every lab.
pub fn are_caught(context: &Context) -> Proof {
    let mut tally = Tally::default();
    let second = context.run.block_on(Services::start_own(&NEEDS))?;
    for lab in context.labs()? {
        of_lab(context, &second.lend(), &lab, &mut tally)?;
    }
    context.run.block_on(second.stop())?;
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

/// Tries the wrong answers of one lab: first those whose check bears company, then each of the rest alone.
fn of_lab(context: &Context, second: &str, lab: &Lab, tally: &mut Tally) -> Result<(), SetUp> {
    let Some(verify) = Verify::build(&context.workspace, &lab.solution())? else {
        tally.wrong.push(format!("{} does not compile", lab.solution()));
        return Ok(());
    };
    let checks = verify.list(true)?;
    let passed = Passed::of(&context.workspace, lab, &context.images)?;
    let (mut shared, mut hurting, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for answer in WrongAnswer::all(&context.workspace, lab)? {
        let Some(check) = checks.iter().find(|check| check.name == answer.check) else {
            let (name, check) = (&answer.name, &answer.check);
            tally.wrong.push(format!("{name}: names `{check}`, which is no check of lab {}", lab.number));
            continue;
        };
        if passed.has(&remembered(lab, &answer), &answer.path)? {
            println!("  {:<28} {:<24} as when it was caught last", answer.name, answer.check);
            tally.caught += 1;
            continue;
        }
        match check.company {
            Company::Any => shared.push(answer),
            Company::OnOtherServices => hurting.push(answer),
            Company::None => alone.push(answer),
        }
    }
    let bench = Bench { lab, verify, copy: Mutex::new(Copy::make(&context.workspace, lab)?) };
    let beside = [Queue::of(shared, lanes_for_the_wrong(), &context.lent), Queue::of(hurting, 1, second)];
    for queues in [&beside[..], &[Queue::of(alone, 1, &context.lent)]] {
        for (answer, first) in bench.judge_all(queues)? {
            let name = &answer.name;
            if let Err(why) = first {
                // A host that is busy at the wrong moment decides one run, not two in a row.
                println!("  {name:<28} once more: {why}");
                if let Err(why) = bench.judge(&answer, &context.lent)? {
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

/// Wrong answers that wait, and the lanes that take them.
struct Queue<'a> {
    waiting: Mutex<std::vec::IntoIter<WrongAnswer>>,
    lanes: usize,
    /// The services that these lanes use, as they are lent.
    lent: &'a str,
}

impl Queue<'_> {
    fn of(answers: Vec<WrongAnswer>, lanes: usize, lent: &str) -> Queue<'_> {
        Queue { waiting: Mutex::new(answers.into_iter()), lanes, lent }
    }

    fn next(&self) -> Option<WrongAnswer> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

/// Where the wrong answers of one lab are built and judged.
struct Bench<'a> {
    lab: &'a Lab,
    verify: Verify,
    copy: Mutex<Copy>,
}

impl Bench<'_> {
    /// Judges what waits, on all lanes of all queues side by side. A fault of the set-up ends it.
    fn judge_all(&self, queues: &[Queue]) -> Result<Vec<(WrongAnswer, Caught)>, SetUp> {
        let lane = |queue: &Queue| {
            let mut judged = Vec::new();
            while let Some(answer) = queue.next() {
                let caught = self.judge(&answer, queue.lent)?;
                judged.push((answer, caught));
            }
            Ok(judged)
        };
        let ended = scope(|scope| {
            let lanes = queues.iter().flat_map(|queue| std::iter::repeat_n(queue, queue.lanes));
            let lanes: Vec<_> = lanes.map(|queue| scope.spawn(move || lane(queue))).collect();
            lanes.into_iter().map(|lane| lane.join()).collect::<Vec<_>>()
        });
        let mut all = Vec::new();
        for judged in ended {
            all.extend(judged.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    }

    /// Builds one wrong answer and runs the check that must catch it, on the services lent.
    fn judge(&self, answer: &WrongAnswer, lent: &str) -> Result<Caught, SetUp> {
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
        let lend = |command: &mut Command| {
            command.env(LENT, lent);
        };
        let judged = self.verify.judge(&request, &mut Nobody, lend)?;
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
