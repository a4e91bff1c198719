//! The holes of a lab: what a starter leaves open, and what the solution has there.
//!
//! A hole is a region of the solution, between `// ANCHOR: hole-NAME` and `// ANCHOR_END: hole-NAME`. What stands there in the starter is
//! `solutions/NN-topic/holes/NAME.rs`. The markers stay, so that a hole is found again in whatever a learner has made of the file.

pub mod backup;
pub mod filling;
pub mod region;
pub mod source;
pub mod tree;

/// A fault at a line of a file, which counts from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Fault {
    /// A fault at `line`.
    pub fn new(line: usize, what: impl Into<String>) -> Fault {
        Fault { line, what: what.into() }
    }
}
