//! The resident memory of a process and its children.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::watch::Gauge;

/// Looks at the memory of one process and all that descend from it.
pub struct Memory {
    system: System,
    root: Pid,
}

impl Memory {
    /// The memory of the process `id`; `None` where this system tells nothing of its processes.
    pub fn of(id: u32) -> Option<Memory> {
        Some(Memory { system: System::new().ok()?, root: Pid::from_u32(id) })
    }

    /// Resident bytes now; `None` when the process is gone.
    pub fn bytes(&mut self) -> Option<u64> {
        let memory = ProcessRefreshKind::nothing().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, memory);
        self.system.process(self.root)?;
        let family = self.system.processes().values().filter(|process| self.descends(process.pid()));
        Some(family.map(sysinfo::Process::memory).sum())
    }

    fn descends(&self, pid: Pid) -> bool {
        let mut pid = Some(pid);
        while let Some(id) = pid {
            if id == self.root {
                return true;
            }
            pid = self.system.process(id).and_then(sysinfo::Process::parent);
        }
        false
    }
}

impl Gauge for Memory {
    type Value = u64;

    async fn look(&mut self) -> Option<u64> {
        self.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_this_process_holds() {
        let mut memory = Memory::of(std::process::id()).unwrap();
        let before = memory.bytes().unwrap();
        let held = vec![1u8; 64 << 20];
        let after = memory.bytes().unwrap();
        assert!(after > before + (48 << 20), "{before} -> {after} with {} held", held.len());
    }
}
