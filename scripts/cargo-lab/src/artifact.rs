//! Building a package's program, one of its examples or a test, and finding the executable by what cargo reports.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Message, TargetKind};
use testbed::setup::SetUp;

use crate::process;

/// What is built of a package.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The program that bears the package's name.
    Program,
    /// An example.
    Example(&'a str),
    /// An integration test, built and not run.
    Test(&'a str),
    /// The unit tests of the package's library, built and not run.
    UnitTests,
}

/// A package's target, to be built.
#[derive(Clone, Copy, Debug)]
pub struct Artifact<'a> {
    /// The package's name.
    pub package: &'a str,
    /// What is built of it.
    pub target: Target<'a>,
    /// Whether it is built as a release.
    pub release: bool,
}

impl<'a> Artifact<'a> {
    /// The debug build of one of the package's targets.
    pub fn of(package: &'a str, target: Target<'a>) -> Artifact<'a> {
        Artifact { package, target, release: false }
    }

    /// The same, as a release.
    pub fn release(self) -> Artifact<'a> {
        Artifact { release: true, ..self }
    }

    /// The target's name.
    pub fn name(&self) -> &'a str {
        match self.target {
            Target::Program | Target::UnitTests => self.package,
            Target::Example(name) | Target::Test(name) => name,
        }
    }

    /// Builds it in the workspace at `root`. `None` when it does not compile: cargo has said why.
    pub fn build(self, root: &Path) -> Result<Option<PathBuf>, SetUp> {
        self.build_with(self.cargo(root))
    }

    /// The cargo command that builds it, for whoever has more to say to cargo.
    pub fn cargo(&self, root: &Path) -> Command {
        let what = match self.target {
            Target::Program => ["build", "--quiet", "--bin"],
            Target::Example(_) => ["build", "--quiet", "--example"],
            // Not quiet: the first build of a lab takes minutes.
            Target::Test(_) => ["test", "--no-run", "--test"],
            Target::UnitTests => ["test", "--no-run", "--lib"],
        };
        let mut command = process::cargo(root, &what);
        if !matches!(self.target, Target::UnitTests) {
            command.arg(self.name());
        }
        command.args(["--package", self.package]);
        command.args(["--message-format", "json-render-diagnostics"]);
        if self.release {
            command.arg("--release");
        }
        command
    }

    /// Runs `cargo`, which builds it, and finds the executable in what cargo reports.
    pub fn build_with(self, cargo: Command) -> Result<Option<PathBuf>, SetUp> {
        let output = process::output(cargo)?;
        if !output.status.success() {
            return Ok(None);
        }
        let messages = Message::parse_stream(output.stdout.as_slice()).filter_map(Result::ok);
        let built = messages.filter_map(|message| match message {
            Message::CompilerArtifact(built) if self.is(&built.target) => built.executable,
            _ => None,
        });
        Ok(built.last().map(PathBuf::from))
    }

    fn is(&self, target: &cargo_metadata::Target) -> bool {
        let kind = match self.target {
            Target::Program => TargetKind::Bin,
            Target::Example(_) => TargetKind::Example,
            Target::Test(_) => TargetKind::Test,
            // Of one package's libraries only what is tested is an executable.
            Target::UnitTests => return target.kind.contains(&TargetKind::Lib),
        };
        target.name == self.name() && target.kind.contains(&kind)
    }
}
