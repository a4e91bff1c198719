//! The exit codes of `cargo lab`.

use std::process::{ExitCode, ExitStatus};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: every promise kept, or nothing was promised.
    Kept,
    /// 1: a promise is broken, or a proof of `ci` failed.
    Broken,
    /// 2: wrong usage. The same code that the argument parser gives.
    Usage,
    /// 3: the set-up is at fault: no engine, no image, no port, no disk.
    SetUp,
    /// 4: the run says nothing: the host could not carry the load.
    Inconclusive,
    /// 130: interrupted by Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Kept => 0,
            Exit::Broken => 1,
            Exit::Usage => 2,
            Exit::SetUp => 3,
            Exit::Inconclusive => 4,
            Exit::Interrupted => 130,
        }
    }

    /// The meaning of a `verify` program's exit status, which uses the same codes. Death by a signal is an interruption.
    pub fn of(status: ExitStatus) -> Exit {
        match status.code() {
            Some(0) => Exit::Kept,
            Some(1) => Exit::Broken,
            Some(2) => Exit::Usage,
            Some(4) => Exit::Inconclusive,
            Some(130) | None => Exit::Interrupted,
            Some(_) => Exit::SetUp,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
