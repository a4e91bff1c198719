//! Every wrong answer breaks the check that it names, and the message is the one on record.
//!
//! All of them are tried, one after the other, on one copy of the solution: so each costs one incremental build and the
//! one check that it names.

use std::path::Path;

use testbed::report::{CheckReport, Word, text};
use testbed::setup::SetUp;
use testbed::suite::Request;

use super::passed::Passed;
use super::solutions::cut_off;
use super::{Context, Proof};
use crate::verify::{Nobody, Verify};
use crate::workspace::Lab;
use crate::wrong_answer::{Copy, WrongAnswer};

/// Tries every wrong answer of every lab.
pub fn are_caught(context: &Context) -> Proof {
    let (mut wrong, mut caught) = (Vec::new(), 0);
    for lab in context.labs()? {
        let Some(verify) = Verify::build(&context.workspace, &lab.solution())? else {
            wrong.push(format!("{} does not compile", lab.solution()));
            continue;
        };
        let checks: Vec<_> = verify.list(true)?.into_iter().map(|check| check.name).collect();
        let copy = Copy::make(&context.workspace, &lab)?;
        let passed = Passed::of(&context.workspace, &lab, &context.images)?;
        for answer in WrongAnswer::all(&context.workspace, &lab)? {
            if !checks.contains(&answer.check) {
                let (name, check) = (&answer.name, &answer.check);
                wrong.push(format!("{name}: names `{check}`, which is no check of lab {}", lab.number));
                continue;
            }
            let name = format!("{}-{}", lab.number, answer.name);
            if passed.has(&name, &answer.path)? {
                println!("  {:<28} {:<24} as when it was caught last", answer.name, answer.check);
                caught += 1;
                continue;
            }
            let mut judged = judge(context, &lab, &verify, &copy, &answer)?;
            if let Judged::Unclear(why) = judged {
                println!("  {:<28} once more: {why}", answer.name);
                judged = judge(context, &lab, &verify, &copy, &answer)?;
            }
            match judged {
                Judged::Caught => {
                    passed.remember(&name, &answer.path)?;
                    caught += 1;
                }
                Judged::Missed(why) | Judged::Unclear(why) => wrong.push(format!("{}: {why}", answer.name)),
            }
        }
    }
    Ok(if wrong.is_empty() { Ok(format!("{caught} wrong answers caught by name")) } else { Err(wrong) })
}

/// What came of one wrong answer.
enum Judged {
    /// The check that it names is broken, with the message on record.
    Caught,
    /// It was not caught, or not tried.
    Missed(String),
    /// The host was too busy to tell, or the message is another one: which of two things is seen first may be chance. Twice in a row it
    /// is none.
    Unclear(String),
}

/// Builds one wrong answer and runs the check that must catch it.
fn judge(
    context: &Context,
    lab: &Lab,
    verify: &Verify,
    copy: &Copy,
    answer: &WrongAnswer,
) -> Result<Judged, SetUp> {
    let submission = match copy.try_on(answer)? {
        Ok(submission) => submission,
        Err(why) => return Ok(Judged::Missed(why)),
    };
    let request = Request {
        submission: Some((answer.name.clone(), submission)),
        only: vec![answer.check.clone()],
        again: format!("cargo lab check {}", lab.number),
        ..Request::default()
    };
    let judged = verify.judge(&request, &mut Nobody, |command| context.lend(command))?;
    let report = judged.report.ok_or_else(|| cut_off(&answer.name))?;
    let Some(check) = report.checks.first() else {
        return Ok(Judged::Missed("no check was run".to_owned()));
    };
    println!(
        "  {:<28} {:<24} {:<10} {:>5.1} s",
        answer.name,
        answer.check,
        check.verdict.as_str(),
        check.seconds
    );
    let uncaught = || format!("{} is {}: it was not caught", answer.check, check.verdict.as_str());
    Ok(match check.verdict {
        Word::Broken => as_recorded(answer, check).map_or_else(Judged::Unclear, |()| Judged::Caught),
        Word::Inconclusive => Judged::Unclear(uncaught()),
        _ => Judged::Missed(uncaught()),
    })
}

/// Compares the message with the one on record. `INSTA_UPDATE=always` records it anew.
fn as_recorded(answer: &WrongAnswer, check: &CheckReport) -> Result<(), String> {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(answer.path.parent().unwrap_or(Path::new(".")));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(&answer.name);
    let message = message(check);
    let same =
        settings.bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(answer.name.as_str(), message)));
    same.map_err(|_| {
        "its message is not the one on record (above); INSTA_UPDATE=always records it anew".to_owned()
    })
}

/// The verdict with every figure that a run decides left open.
fn message(check: &CheckReport) -> String {
    let mut check = check.clone();
    (check.seconds, check.tries) = (0.0, 1);
    for figure in &mut check.observed {
        figure.shown = without_figures(&figure.shown);
    }
    let plain = anstream::adapter::strip_str(&text::verdict(&check)).to_string();
    plain.replacen("  0.0 s", "    # s", 1).trim_end().to_owned()
}

/// Text with `#` for each number, instant and id.
fn without_figures(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".:-".contains(c);
    let mut open = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_id = word.len() == 36 && word.contains('-');
        open.push_str(if word.starts_with(|c: char| c.is_ascii_digit()) || is_id { "#" } else { word });
        let between = after.find(is_part).unwrap_or(after.len());
        open.push_str(&after[..between]);
        rest = &after[between..];
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_a_run_decides_are_left_open() {
        assert_eq!(without_figures("1260"), "#");
        assert_eq!(without_figures("p50 3.1 ms · 75.3% · 60/s"), "p50 # ms · #% · #/s");
        let body = r#"answered 200: {"created_at":"2026-11-23T02:00:00.1Z","id":"a1a2062c-9df0-7586-b3d7-baf9543a21d7"}"#;
        assert_eq!(without_figures(body), r##"answered # {"created_at":"#","id":"#"}"##);
    }
}
