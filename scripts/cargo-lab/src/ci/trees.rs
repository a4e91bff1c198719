//! A starter is dug from its solution: digging again changes nothing.

use super::{Context, Proof};
use crate::dig::compare;
use crate::holes::source::Source;

/// Digs every solution and compares with the starter that is there.
pub fn are_as_dug(context: &Context) -> Proof {
    let (mut wrong, mut dug) = (Vec::new(), Vec::new());
    let chosen: Vec<_> = context.labs()?.into_iter().map(|lab| lab.folder).collect();
    for folder in Source::folders(&context.workspace)? {
        // A solution that has no starter yet is looked at, too, unless one lab was asked for.
        if context.lab.is_some() && !chosen.contains(&folder) {
            continue;
        }
        match compare(&context.workspace, &folder)? {
            Ok(words) => dug.push(format!("{folder}: {words}")),
            Err(lines) => wrong.extend(lines),
        }
    }
    Ok(if wrong.is_empty() { Ok(dug.join("; ")) } else { Err(wrong) })
}
