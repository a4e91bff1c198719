//! How a subject is started.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Pid;
use tokio::process::Command;

use super::process::Process;
use super::stderr::Stderr;
use crate::descriptors;
use crate::run::{RunId, VARIABLE};
use crate::setup::SetUp;
use crate::verdict::Stop;

/// With this status the shell that sets the limits ends when it cannot set them.
pub(super) const LIMITS_REFUSED: i32 = 125;

/// How a subject is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The executable.
    pub binary: PathBuf,
    /// Its arguments; a service that serves takes none.
    pub arguments: Vec<String>,
    /// Its settings, by the contract's names. `BIND_ADDR` is set by the test-bed.
    pub environment: BTreeMap<String, String>,
    /// Soft and hard limit of open descriptors, where a check sets them.
    pub nofile: Option<(u64, u64)>,
}

impl Launch {
    /// Starts the process, which is to listen on `addr`, and follows what it says.
    pub(super) fn spawn(&self, addr: SocketAddr, stderr: &Stderr) -> Result<Process, Stop> {
        let Launch { binary, arguments, environment, nofile } = self;
        let set = match (nofile, descriptors::given_back()) {
            // The soft limit goes down before the hard one does, and up after it.
            (Some((soft, hard)), _) => {
                Some(format!("ulimit -S -n {soft} 2>/dev/null; ulimit -H -n {hard} && ulimit -S -n {soft}"))
            }
            // Ours was raised; a subject starts as from the reader's own shell.
            (None, Some(soft)) => Some(format!("ulimit -S -n {soft}")),
            (None, None) => None,
        };
        let mut command = match set {
            None => Command::new(binary),
            // Set by a shell that then becomes the subject: nothing runs between fork and exec in our own process.
            Some(set) => {
                // The shell would tell of a file that cannot be run as if the service itself had ended.
                can_be_executed(binary).map_err(|error| cannot_start(binary, error))?;
                let mut shell = Command::new("/bin/sh");
                let script = format!("{{ {set}; }} || exit {LIMITS_REFUSED}; exec \"$0\" \"$@\"");
                shell.arg("-c").arg(script).arg(binary);
                shell
            }
        };
        command
            .args(arguments)
            .envs(environment)
            .env("BIND_ADDR", addr.to_string())
            // Not UTC, on whatever host: a local time that is told as UTC is seen.
            .env("TZ", "Asia/Seoul")
            .env(VARIABLE, RunId::current().as_str())
            // A hole says its place in two lines; a backtrace would bury them.
            .env("RUST_BACKTRACE", "0")
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| cannot_start(binary, error))?;
        if let Some(pipe) = child.stderr.take() {
            stderr.follow(pipe);
        }
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Process { child, group })
    }
}

fn can_be_executed(binary: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = std::fs::metadata(binary)?;
    match file.is_file() && file.permissions().mode() & 0o111 != 0 {
        true => Ok(()),
        false => Err(ErrorKind::PermissionDenied.into()),
    }
}

fn cannot_start(binary: &Path, error: std::io::Error) -> SetUp {
    let mend = "name a file that this machine can execute (`cargo lab check NN --binary PATH`)";
    SetUp::new(format!("start the service `{}`", binary.display()), error, mend)
}
