//! What is judged: a program, and the files by which it is deployed.

use std::fmt;
use std::path::{Path, PathBuf};

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

    /// The folder of its deploy files.
    ///
    /// # Errors
    /// It has none.
    pub fn deploy_folder(&self) -> Result<&Path, DeployFault> {
        let none = || DeployFault::of("deploy", "the submission has no folder with deploy files");
        self.deploy.as_deref().ok_or_else(none)
    }
}

/// A deploy file that does not hold. The submission is at fault, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployFault {
    /// The file, as the submission names it.
    pub file: &'static str,
    /// The line, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong with it, in a sentence that names the service and the key, or in the words of the program that reads it.
    pub says: String,
}

impl DeployFault {
    /// A fault of a whole file.
    pub fn of(file: &'static str, says: impl Into<String>) -> DeployFault {
        DeployFault { file, line: None, says: says.into() }
    }

    /// A fault of one line.
    pub fn at(file: &'static str, line: usize, says: impl Into<String>) -> DeployFault {
        DeployFault { file, line: Some(line), says: says.into() }
    }

    /// The file, and the line where one is to blame.
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}, line {line}", self.file),
            None => self.file.to_owned(),
        }
    }
}

impl fmt::Display for DeployFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.says)
    }
}

impl std::error::Error for DeployFault {}
