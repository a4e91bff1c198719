//! The identity of a run: what everything that it starts carries.

use std::path::PathBuf;
use std::process;
use std::sync::OnceLock;

#[cfg(not(target_os = "linux"))]
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The label on every container of ours; its value is the [`RunId`] that owns it.
pub const LABEL: &str = "why-servers-die.run";

/// The variable in every subject's environment; its value is the [`RunId`] that owns it.
pub const VARIABLE: &str = "WHY_SERVERS_DIE_RUN";

/// The start of the name of every temporary folder of ours; the [`RunId`] follows.
pub const FOLDER: &str = "why-servers-die-";

/// The process that owns a run: its pid and start time, which no later process shares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunId(String);

impl RunId {
    /// The run of this process.
    pub fn current() -> &'static RunId {
        static CURRENT: OnceLock<RunId> = OnceLock::new();
        CURRENT.get_or_init(|| {
            let pid = process::id();
            RunId(format!("{pid}-{}", started(pid).unwrap_or_default()))
        })
    }

    /// A run by its name, as a label, a variable or a folder's name carries it; `None` when that is no name of a run.
    pub fn named(name: &str) -> Option<RunId> {
        let (pid, start) = name.split_once('-')?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_a_run =
            number(pid) && number(start) && pid.parse::<u32>().is_ok() && start.parse::<u64>().is_ok();
        is_a_run.then(|| RunId(name.to_owned()))
    }

    /// The name to write on what the run starts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the process that owns the run is still there.
    pub fn is_alive(&self) -> bool {
        let Some((pid, start)) = self.0.split_once('-') else { return false };
        let (Ok(pid), Ok(start)) = (pid.parse(), start.parse()) else { return false };
        started(pid) == Some(start)
    }

    /// The run's temporary folder. It may not exist.
    pub fn folder(&self) -> PathBuf {
        std::env::temp_dir().join(format!("{FOLDER}{}", self.0))
    }
}

/// When a living process began, in ticks since the machine's start; `None` when there is no such process any more.
///
/// Ticks and not the time of day: that one moves when the clock is set, and a living run would look like a dead one.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the last `)` may hold anything, blanks and brackets included.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    // A zombie has ended; that nobody has asked for its status yet does not make it a living run.
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// When a living process began, in seconds since the epoch; `None` when there is no such process.
#[cfg(not(target_os = "linux"))]
fn started(pid: u32) -> Option<u64> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    system.process(pid).map(sysinfo::Process::start_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_lives_as_long_as_its_own_process() {
        assert!(RunId::current().is_alive());
        let (pid, start) = RunId::current().as_str().split_once('-').unwrap();
        let recycled = RunId::named(&format!("{pid}-{}", start.parse::<u64>().unwrap() - 9)).unwrap();
        assert!(!recycled.is_alive(), "another process with the same pid is another run");
    }

    #[test]
    fn only_a_pid_and_a_start_time_name_a_run() {
        assert_eq!(RunId::named(RunId::current().as_str()).as_ref(), Some(RunId::current()));
        for name in [
            "nonsense",
            "",
            "-",
            "7-",
            "-7",
            "7",
            "notes-2026",
            "7-7-7",
            "+7-7",
            "7-+7",
            "99999999999-7",
            "7-x",
        ] {
            assert_eq!(RunId::named(name), None, "`{name}`");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_run_that_has_ended_is_not_alive_before_its_parent_has_asked() {
        let mut child = process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let run = RunId(format!("{pid}-{}", first_start(pid)));
        let ended = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while run.is_alive() {
            assert!(std::time::Instant::now() < ended, "a zombie passes for a living run");
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }

    /// The start time of a child that may have ended already.
    #[cfg(target_os = "linux")]
    fn first_start(pid: u32) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
    }
}
