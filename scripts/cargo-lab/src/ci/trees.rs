//! What is made from a solution fits it: a starter is dug from it, and a wrong answer is a patch on it.

use super::{Context, Proof};
use crate::dig::compare;
use crate::holes::source::Source;
use crate::workspace::Whose;
use crate::wrong_answer::WrongAnswer;

/// Digs every solution and compares with the starter that is there; and lays every wrong answer on, without building it: one that does
/// not fit any more is told here, in a second, and not after all the others were tried.
pub fn are_as_dug(context: &Context) -> Proof {
    let (mut wrong, mut dug, mut applied) = (Vec::new(), Vec::new(), 0);
    let labs = context.labs()?;
    for folder in Source::folders(&context.workspace)? {
        // A solution that has no starter yet is looked at, too, unless one lab was asked for.
        if context.lab.is_some() && !labs.iter().any(|lab| lab.folder == folder) {
            continue;
        }
        match compare(&context.workspace, &folder)? {
            Ok(words) => dug.push(format!("{folder}: {words}")),
            Err(lines) => wrong.extend(lines),
        }
    }
    for lab in &labs {
        let solution = context.workspace.folder(&lab.folder, Whose::Workbook);
        for answer in WrongAnswer::all(&context.workspace, lab)? {
            match answer.applies(&solution)? {
                Ok(()) => applied += 1,
                Err(why) => wrong.push(format!("{} {}: {why}", lab.folder, answer.name)),
            }
        }
    }
    let words = format!("{}; {applied} wrong answers apply", dug.join("; "));
    Ok(if wrong.is_empty() { Ok(words) } else { Err(wrong) })
}
