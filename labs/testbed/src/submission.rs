//! What is judged: a program, and the files by which it is deployed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A program and its deploy files, whoever wrote them and in whatever language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The executable.
    pub binary: PathBuf,
    /// The folder of its deploy files, where it has some.
    pub deploy: Option<PathBuf>,
}

impl Submission {
    /// A program alone.
    pub fn of(binary: impl Into<PathBuf>) -> Submission {
        Submission { binary: binary.into(), deploy: None }
    }
}
