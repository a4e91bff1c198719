//! A starter is its solution with holes: a file without a hole is the same in both trees.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Context, Proof};
use crate::workspace::{files, read};

/// What marks a hole.
const HOLE: &str = "todo!(";

/// Compares the sources of every starter with those of its solution.
pub fn equal(context: &Context) -> Proof {
    let (mut wrong, mut same) = (Vec::new(), 0);
    let root = &context.workspace.root;
    for lab in context.labs()? {
        let (starter, solution) = (
            root.join("labs").join(&lab.folder).join("src"),
            root.join("solutions").join(&lab.folder).join("src"),
        );
        let files: BTreeSet<PathBuf> = files(&starter)?.into_iter().chain(files(&solution)?).collect();
        for file in files {
            let shown = format!("lab {}: src/{}", lab.number, file.display());
            let (Ok(ours), Ok(theirs)) = (read(&starter.join(&file)), read(&solution.join(&file))) else {
                wrong.push(format!("{shown} is in one tree only"));
                continue;
            };
            if theirs.contains(HOLE) {
                wrong.push(format!("{shown} has a hole in the solution"));
            } else if !ours.contains(HOLE) && plain(&ours, &lab.starter()) != plain(&theirs, &lab.solution())
            {
                wrong.push(format!("{shown} has no hole and differs from the solution's"));
            } else {
                same += usize::from(!ours.contains(HOLE));
            }
        }
    }
    Ok(if wrong.is_empty() { Ok(format!("{same} files without a hole, all equal")) } else { Err(wrong) })
}

/// A file's text without its package's own name, which is all that may differ.
fn plain(text: &str, package: &str) -> String {
    text.replace(&package.replace('-', "_"), "{crate}").replace(package, "{package}")
}
