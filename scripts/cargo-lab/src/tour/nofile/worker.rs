//! nginx's worker as the kernel tells of it, and who may change its limits.

use std::fs;
use std::path::Path;

use super::HARD;

/// Bits of a process's effective capabilities.
const CAP_SETGID: u64 = 1 << 6;
const CAP_SETUID: u64 = 1 << 7;
const CAP_SYS_RESOURCE: u64 = 1 << 24;

/// A process by its pids, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Worker {
    /// On this machine.
    pub pid: u32,
    /// In the container, which counts its own.
    pub inside: u32,
    pub user: u32,
    pub group: u32,
}

/// A command that raises the worker's limit on this machine, and why it is this one.
pub(super) struct Means {
    pub command: String,
    pub why: &'static str,
}

impl Worker {
    /// The worker of this pid, if it is one of this machine's: an engine elsewhere counts other pids.
    pub(super) fn of(pid: u32) -> Option<Worker> {
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        command.contains("nginx: worker").then_some(())?;
        let number = |name| words(&status, name).next()?.parse().ok();
        let inside = words(&status, "NSpid").last().and_then(|pid| pid.parse().ok()).unwrap_or(pid);
        Some(Worker { pid, inside, user: number("Uid")?, group: number("Gid")? })
    }

    /// Whether it serves what it has begun, and no more.
    pub(super) fn is_shutting_down(&self) -> bool {
        let command = fs::read_to_string(format!("/proc/{}/cmdline", self.pid));
        command.is_ok_and(|command| command.contains("shutting down"))
    }

    /// What the reader types to raise the limit.
    pub(super) fn means(&self, container: &str) -> Means {
        let own = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let capabilities =
            words(&own, "CapEff").next().and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
        let tools = ["prlimit", "setpriv"].map(is_installed);
        self.means_with(capabilities, tools, container)
    }

    fn means_with(&self, capabilities: u64, [prlimit, setpriv]: [bool; 2], container: &str) -> Means {
        let Worker { pid, inside, user, group } = self;
        let may = |all: u64| capabilities & all == all;
        if prlimit && may(CAP_SYS_RESOURCE) {
            let command = format!("prlimit --pid {pid} --nofile={HARD}:");
            return Means { command, why: "you have CAP_SYS_RESOURCE here, as root usually does" };
        }
        if prlimit && setpriv && may(CAP_SETUID | CAP_SETGID) {
            let command = format!(
                "setpriv --reuid {user} --regid {group} --clear-groups prlimit --pid {pid} --nofile={HARD}:"
            );
            let why = "root has no CAP_SYS_RESOURCE here: only the worker's own user and group may, so it takes these";
            return Means { command, why };
        }
        let command =
            format!("docker exec -u {user}:{group} {container} prlimit --pid {inside} --nofile={HARD}:");
        let why = "as the worker's own user and group, and by its pid in there; on an ordinary host root may, too: sudo prlimit";
        Means { command, why }
    }
}

/// The words after `NAME:` in a status of /proc.
fn words<'a>(status: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().split_whitespace()
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_that_the_reader_may_run() {
        let worker = Worker { pid: 4242, inside: 30, user: 101, group: 102 };
        let command = |capabilities, tools| worker.means_with(capabilities, tools, "c0ffee").command;
        let by_group = "setpriv --reuid 101 --regid 102 --clear-groups prlimit --pid 4242 --nofile=4096:";
        let inside = "docker exec -u 101:102 c0ffee prlimit --pid 30 --nofile=4096:";
        assert_eq!(command(u64::MAX, [true; 2]), "prlimit --pid 4242 --nofile=4096:");
        assert_eq!(command(!CAP_SYS_RESOURCE, [true; 2]), by_group);
        assert_eq!(command(CAP_SETUID, [true; 2]), inside);
        assert_eq!(command(0, [true; 2]), inside);
        assert_eq!(command(u64::MAX, [false, true]), inside);
    }

    #[test]
    fn this_test_is_no_worker_of_nginx() {
        assert_eq!(Worker::of(std::process::id()), None);
        let status = "Name:\tnginx\nUid:\t101\t101\t101\t101\nNSpid:\t4242\t30\n";
        assert_eq!(words(status, "NSpid").last(), Some("30"));
        assert_eq!(words(status, "Uid").next(), Some("101"));
    }
}
