//! The exit codes of the workbook's programs, in one place: the `verify` programs of the labs and `cargo lab`.

use std::process::{ExitCode, ExitStatus};

/// How a program of the workbook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: every promise was kept, or nothing was promised.
    Kept,
    /// 1: a promise was broken, or a proof of `cargo lab ci` failed.
    Broken,
    /// 2: wrong usage. The same code that the argument parser gives.
    Usage,
    /// 3: the set-up is at fault: no engine, no image, no port, no disk.
    SetUp,
    /// 4: the run says nothing: the host could not carry the load.
    Inconclusive,
    /// 130: ended by Ctrl-C, as a shell reports it, or by another signal that asks for the end.
    Interrupted,
}

impl Exit {
    /// Every end, by its code.
    pub const ALL: [Exit; 6] =
        [Exit::Kept, Exit::Broken, Exit::Usage, Exit::SetUp, Exit::Inconclusive, Exit::Interrupted];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Kept => 0,
            Exit::Broken => 1,
            Exit::Usage => 2,
            Exit::SetUp => 3,
            Exit::Inconclusive => 4,
            Exit::Interrupted => 130,
        }
    }

    /// What it says, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Kept => "every promise was kept",
            Exit::Broken => "a promise was broken",
            Exit::Usage => "wrong usage",
            Exit::SetUp => "the set-up is at fault",
            Exit::Inconclusive => "the run says nothing either way",
            Exit::Interrupted => "interrupted",
        }
    }

    /// How another program of the workbook ended. Death by a signal is an interruption; a code that none of them gives is a fault
    /// of the set-up.
    pub fn of(status: ExitStatus) -> Exit {
        let known = |code: i32| Exit::ALL.into_iter().find(|exit| i32::from(exit.code()) == code);
        status.code().map_or(Exit::Interrupted, |code| known(code).unwrap_or(Exit::SetUp))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn a_code_is_read_as_it_was_given() {
        let ended = |code: i32| Exit::of(ExitStatus::from_raw(code << 8));
        for exit in Exit::ALL {
            assert_eq!(ended(exit.code().into()), exit);
        }
        assert_eq!(ended(101), Exit::SetUp, "a panic");
        assert_eq!(Exit::of(ExitStatus::from_raw(9)), Exit::Interrupted, "SIGKILL");
    }
}
