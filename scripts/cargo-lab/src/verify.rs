//! A lab's `verify` program: built by cargo, run with what we ask of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use testbed::lab::{AGAIN, BINARY, MANIFEST, ONLY, REPORT, STYLE};
use testbed::report::Read;
use testbed::setup::SetUp;

use crate::artifact::{Artifact, Target};
use crate::process;
use crate::workspace::Workspace;

/// A built `verify` program.
pub struct Verify {
    program: PathBuf,
}

/// What a `verify` program tells of itself.
#[derive(Deserialize)]
pub struct Manifest {
    /// Its checks.
    pub checks: Vec<ManifestCheck>,
}

/// One check of a manifest.
#[derive(Deserialize)]
pub struct ManifestCheck {
    /// Its name.
    pub name: String,
    /// Where the book explains it.
    pub read: Read,
}

/// What to ask of a run.
pub struct Ask<'a> {
    /// The executable to judge instead of the package's own.
    pub binary: Option<&'a Path>,
    /// The checks to run; empty for all.
    pub only: &'a [String],
    /// `verdicts` or `json`.
    pub style: &'a str,
    /// The command that the verdicts' `again` lines begin with.
    pub again: &'a str,
    /// Where the report goes.
    pub report: &'a Path,
}

impl Verify {
    /// Builds the `verify` program of `package`. `None` when it does not compile: cargo has said why.
    pub fn build(workspace: &Workspace, package: &str) -> Result<Option<Verify>, SetUp> {
        let program = Artifact::of(package, Target::Test("verify")).build(&workspace.root)?;
        Ok(program.map(|program| Verify { program }))
    }

    /// The program, ready to be run.
    pub fn command(&self, ask: &Ask<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env(STYLE, ask.style)
            .env(AGAIN, ask.again)
            .env(REPORT, ask.report)
            .env(ONLY, ask.only.join(","));
        // A snapshot that differs is a broken promise here, and nothing to review.
        command.env("INSTA_UPDATE", "no").env("INSTA_OUTPUT", "none");
        if let Some(binary) = ask.binary {
            command.env(BINARY, binary);
        }
        command
    }

    /// The checks and where the book explains them.
    pub fn manifest(&self) -> Result<Manifest, SetUp> {
        let mut command = Command::new(&self.program);
        command.env(MANIFEST, "1");
        let output = process::output(command)?;
        let fault = |error| {
            SetUp::new(
                "read the list of a lab's checks",
                error,
                "build the workbook again: cargo clean, then cargo lab",
            )
        };
        serde_json::from_slice(&output.stdout).map_err(fault)
    }
}
