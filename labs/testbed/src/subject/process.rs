//! A process with its children, as one thing that can be killed.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::Child;

use crate::wait;

/// How long the processes of a killed group may take to be gone.
const GOING: Duration = Duration::from_secs(1);

/// The subject's own process, and the group that it and its children are in. The group may outlive the process.
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) group: Option<Pid>,
}

impl Process {
    /// Kills the process and its children, and waits until they are gone.
    pub(super) async fn kill(&mut self) -> std::io::Result<()> {
        self.signal_group(Signal::KILL);
        self.child.wait().await?;
        let Some(group) = self.group.take() else { return Ok(()) };
        // Killed is not gone yet. Those whom nobody will ever reap stay in the group, as zombies: they hold nothing.
        wait::until(GOING, async || test_kill_process_group(group).is_err().then_some(())).await;
        Ok(())
    }

    /// A signal to the process and its children.
    pub(super) fn signal_group(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Nobody left in the group is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal_group(Signal::KILL);
    }
}
