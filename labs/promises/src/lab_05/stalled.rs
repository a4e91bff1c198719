//! A process that wants more descriptors than it may have.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use testbed::descriptors;
use testbed::wait;
use tokio::process::{Child, Command};

use crate::contract::prelude::*;

/// A process of the test-bed's own with some pipes, sockets and files, and few descriptors in all, which wants more of them, and stalls.
/// Whether it can open one more, it looks each twentieth of a second: a `sleep` would need a descriptor itself.
const STALLS: &str = "for n in 1 2 3 4 5 6 7 8; do exec {pipe}<&0; exec {socket}>&1; done; \
    for n in 1 2 3 4; do exec {file}</etc/passwd; done; \
    ulimit -S -n 40; until exec {fd}</dev/null && [ $fd -ge 99 ]; do read -t 0.05; done; read";
/// Its soft limit.
pub(super) const SOFT: u64 = 40;
/// How many it has then: bash opens files from 10 on, beside its three standard streams.
const FULL: u64 = SOFT - 10 + 3;
/// How many it has when it has all that it wants.
pub(super) const WANTED: u64 = 90;
/// How soon it is there, and goes on.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// The process that stalls, and the other end of its socket. Dropping it ends it.
pub(super) struct Stalled {
    process: Child,
    _socket: UnixStream,
}

impl Stalled {
    /// Starts it, and waits until it has all that it may.
    pub async fn start() -> Result<Stalled, Stop> {
        let fault = |error| SetUp::from_cause("start `bash`, to have a process that stalls", error);
        let (theirs, ours) = UnixStream::pair().map_err(fault)?;
        // What it reads from is open, and says nothing.
        let started = bash(STALLS).stdin(Stdio::piped()).stdout(OwnedFd::from(theirs)).spawn();
        let stalled = Stalled { process: started.map_err(fault)?, _socket: ours };
        let id = stalled.id()?;
        let full = wait::try_until(SOON, async || {
            let open = descriptors::of(id)?;
            Ok::<_, Stop>((open.soft == SOFT && open.all >= FULL).then_some(()))
        });
        match full.await? {
            Some(()) => Ok(stalled),
            None => {
                Err(SetUp::from_cause("have a process that stalls", "it does not use up its descriptors")
                    .into())
            }
        }
    }

    /// Its id.
    pub fn id(&self) -> Result<u32, SetUp> {
        self.process.id().ok_or_else(|| SetUp::from_cause("look at the process that stalls", "it has ended"))
    }

    /// The id of a process that has ended.
    pub async fn gone() -> Result<u32, SetUp> {
        let fault = |error| SetUp::from_cause("start `true`", error);
        let mut child = Command::new("true").spawn().map_err(fault)?;
        let id = child.id().unwrap_or(u32::MAX >> 1);
        child.wait().await.map_err(fault)?;
        Ok(id)
    }
}

/// A script of the test-bed's own, which ends with whoever holds it.
pub(super) fn bash(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", script]).env(testbed::run::VARIABLE, testbed::run::RunId::current().as_str());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}
