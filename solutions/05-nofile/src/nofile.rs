//! The tool: how many files another process may have open, how many it has, and how to let it have
//! more while it runs.

use std::{fs, io, path::Path, process::ExitCode};

use clap::Parser;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde::Serialize;

/// Tell how many files a process may have open, and how many it has
#[derive(Clone, Copy, Debug, Parser)]
#[command(name = "nofile")]
pub struct Nofile {
    /// The process
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: i32,

    /// Raise its soft limit to this many first, while it runs
    #[arg(long, value_name = "N")]
    pub raise: Option<u64>,
}

/// The limits of a process, and what it has open, by kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Report {
    /// How many it may have open; `None` is without a limit.
    pub soft: Option<u64>,
    /// Up to where it may raise that itself.
    pub hard: Option<u64>,
    /// How many it has.
    pub open: u64,
    /// Of these, connections and listeners.
    pub sockets: u64,
    /// Files with a name.
    pub files: u64,
    /// Pipes.
    pub pipes: u64,
    /// What is left: event queues, timers.
    pub other: u64,
}

/// Why it could not be told, or not be raised.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no process of this number.
    #[error("there is no process {0}")]
    NoProcess(i32),
    /// The process is somebody else's.
    #[error(
        "{what} of process {pid} is not permitted: it is another user's, and that takes CAP_{capability}"
    )]
    NotPermitted {
        /// Whose.
        pid: i32,
        /// What was tried.
        what: &'static str,
        /// What would permit it.
        capability: &'static str,
    },
    /// The soft limit cannot be above the hard one.
    #[error("{wanted} is above the hard limit of process {pid}, which is {hard}")]
    AboveHard {
        /// Whose.
        pid: i32,
        /// What was asked for.
        wanted: u64,
        /// What is possible.
        hard: u64,
    },
    /// There is no `/proc` to read.
    #[error("this system does not tell of other processes: there is no /proc")]
    NotHere,
    /// Anything else.
    #[error("cannot read of process {0}: {1}")]
    Unreadable(i32, #[source] io::Error),
}

/// Does what was asked, and prints what was found.
#[must_use]
pub fn main(asked: Nofile) -> ExitCode {
    let done = asked.raise.map_or(Ok(()), |soft| raise(asked.pid, soft)).and_then(|()| report(asked.pid));
    match done {
        Ok(report) => {
            println!("{}", serde_json::json!(report));
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("nofile: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Raises the soft limit of a running process, and leaves its hard one.
// ANCHOR: raise-another
fn raise(pid: i32, soft: u64) -> Result<(), Fault> {
    let (_, hard) = limits(pid)?;
    if let Some(hard) = hard.filter(|hard| soft > *hard) {
        return Err(Fault::AboveHard { pid, wanted: soft, hard });
    }
    // ANCHOR: hole-raise-another
    let wanted = Rlimit { current: Some(soft), maximum: hard };
    let raised = prlimit(Pid::from_raw(pid), Resource::Nofile, wanted);
    raised.map(drop).map_err(|error| fault(pid, "to change the limits", "SYS_RESOURCE", error.into()))
    // ANCHOR_END: hole-raise-another
}
// ANCHOR_END: raise-another

/// What a process may have open, and what it has.
fn report(pid: i32) -> Result<Report, Fault> {
    let (soft, hard) = limits(pid)?;
    Ok(Report { soft, hard, ..kinds(pid)? })
}

/// What a process has open, by kind.
// ANCHOR: kinds
fn kinds(pid: i32) -> Result<Report, Fault> {
    let unread = |error| fault(pid, "to list the open files", "SYS_PTRACE", error);
    let mut found = Report::default();
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd")).map_err(unread)? {
        // ANCHOR: hole-kinds
        // What was closed meanwhile is not open.
        let Ok(target) = fs::read_link(descriptor.map_err(unread)?.path()) else { continue };
        let target = target.to_string_lossy();
        found.open += 1;
        let kind = match target.split(':').next() {
            Some("socket") => &mut found.sockets,
            Some("pipe") => &mut found.pipes,
            _ if target.starts_with('/') => &mut found.files,
            _ => &mut found.other,
        };
        *kind += 1;
        // ANCHOR_END: hole-kinds
    }
    Ok(found)
}
// ANCHOR_END: kinds

/// Soft and hard limit of a process. They are read, and not asked for by `prlimit`: to read needs less leave.
fn limits(pid: i32) -> Result<(Option<u64>, Option<u64>), Fault> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits"));
    let text = text.map_err(|error| fault(pid, "to read the limits", "SYS_PTRACE", error))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let mut words = line.split_whitespace().map(|word| word.parse().ok());
    Ok((words.next().flatten(), words.next().flatten()))
}

fn fault(pid: i32, what: &'static str, capability: &'static str, error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Fault::NotPermitted { pid, what, capability },
        _ if !Path::new("/proc/self").exists() => Fault::NotHere,
        io::ErrorKind::NotFound => Fault::NoProcess(pid),
        // ESRCH: it ended meanwhile.
        _ if error.raw_os_error() == Some(3) => Fault::NoProcess(pid),
        _ => Fault::Unreadable(pid, error),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{net::TcpListener, process::Command};

    use super::*;

    #[test]
    fn what_is_opened_is_counted_by_its_kind() {
        let me = std::process::id().cast_signed();
        let before = report(me).expect("one's own process");
        let _listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let _pipe = io::pipe().expect("a pipe");
        let after = report(me).expect("one's own process");
        // Other tests of this process open and close files meanwhile.
        assert!(after.sockets > before.sockets && after.pipes >= before.pipes + 2, "{before:?} {after:?}");
        assert_eq!(after.open, after.sockets + after.files + after.pipes + after.other);
    }

    #[test]
    fn a_running_process_is_raised_and_nobody_else() {
        let mut child =
            Command::new("sh").args(["-c", "ulimit -S -n 40; exec sleep 60"]).spawn().expect("a shell");
        let pid = child.id().cast_signed();
        while limits(pid).expect("it runs").0 != Some(40) {
            std::thread::yield_now();
        }
        let ours = limits(std::process::id().cast_signed()).expect("we run");
        let raised = raise(pid, 50).and_then(|()| report(pid));
        let above = raise(pid, u64::MAX - 1);
        child.kill().and_then(|()| child.wait()).expect("it ran");
        assert_eq!(raised.expect("ours to change").soft, Some(50));
        assert!(matches!(above, Err(Fault::AboveHard { .. })), "{above:?}");
        assert_eq!(limits(std::process::id().cast_signed()).expect("we run"), ours);
        assert!(matches!(report(pid), Err(Fault::NoProcess(_))));
    }
}
