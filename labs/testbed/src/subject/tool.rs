//! A submission that is started as a tool: it does one thing, says what it found, and ends.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::stderr::Stderr;
use crate::run::{RunId, VARIABLE};
use crate::setup::SetUp;

/// How long a tool may take. It has a file or two to read.
const LONGEST: Duration = Duration::from_secs(10);

/// What a tool said, and how it ended.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its exit status; `None` when it did not end in time, and was killed.
    pub status: Option<ExitStatus>,
    /// Its stdout.
    pub stdout: String,
    /// The lines of its stderr.
    pub stderr: Vec<String>,
}

impl Told {
    /// Whether it ended by itself, with 0.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// How it ended, as a sentence's end.
    pub fn ended(&self) -> String {
        match self.status {
            Some(status) => status.to_string(),
            None => format!("did not end within {} s", LONGEST.as_secs()),
        }
    }

    /// Starts `binary` with these arguments, and no setting in its environment, and waits for its end.
    pub(crate) async fn by(binary: &Path, arguments: &[&str], stderr: &Stderr) -> Result<Told, SetUp> {
        let fault =
            |error| SetUp::from_cause(format!("run `{} {}`", binary.display(), arguments.join(" ")), error);
        let mut child = Command::new(binary)
            .args(arguments)
            .env(VARIABLE, RunId::current().as_str())
            .env("RUST_BACKTRACE", "0")
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fault)?;
        if let Some(pipe) = child.stderr.take() {
            stderr.follow(pipe);
        }
        let mut stdout = String::new();
        let ended = tokio::time::timeout(LONGEST, async {
            if let Some(pipe) = &mut child.stdout {
                pipe.read_to_string(&mut stdout).await?;
            }
            child.wait().await
        });
        let status = ended.await.ok().transpose().map_err(fault)?;
        if status.is_none() {
            child.kill().await.map_err(fault)?;
        }
        stderr.settle().await;
        Ok(Told { status, stdout, stderr: stderr.lines(20) })
    }
}
