//! Running another program and waiting for it, Ctrl-C or not.

use std::io;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testbed::run::Run;
use testbed::setup::SetUp;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::signal::unix::{SignalKind, signal};

/// Runs `command` in the foreground until it ends. Ctrl-C reaches the program itself, which cleans up and ends; this one waits for it.
///
/// Where this process holds a run, a signal ends it as soon as the program has ended: this does not return.
pub fn run(command: Command) -> Result<ExitStatus, SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = async {
        let mut child = tokio::process::Command::from(command).spawn()?;
        let id = child.id();
        passing_signals_on(id, child.wait()).await
    };
    to_its_end(ended)?.map_err(|error| SetUp::from_cause(format!("run `{name}`"), error))
}

/// As [`run`], and gives each line that the program prints to stdout to `hears`.
pub fn follow(command: Command, hears: impl FnMut(&str)) -> Result<ExitStatus, SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    to_its_end(heard(command, hears))?.map_err(|error| SetUp::from_cause(format!("run `{name}`"), error))
}

/// As [`follow`], for `limit` at the longest: a program that runs on is killed, and gives `None`.
pub fn follow_for(
    limit: Duration,
    command: Command,
    hears: impl FnMut(&str),
) -> Result<Option<ExitStatus>, SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended =
        to_its_end(async { tokio::time::timeout(limit, heard(command, hears)).await.ok().transpose() })?;
    ended.map_err(|error| SetUp::from_cause(format!("run `{name}`"), error))
}

/// Whoever drops this kills the program.
async fn heard(mut command: Command, mut hears: impl FnMut(&str)) -> io::Result<ExitStatus> {
    command.stdout(Stdio::piped());
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let (id, stdout) = (child.id(), child.stdout.take());
    let heard = async {
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await? {
                hears(&line);
            }
        }
        child.wait().await
    };
    passing_signals_on(id, heard).await
}

/// Runs `command` and keeps what it prints to stdout; its stderr goes where ours goes. As for signals, it is as [`run`].
pub fn output(mut command: Command) -> Result<Output, SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let output = match Run::current() {
        Some(run) => run.outlast(async {
            let child = tokio::process::Command::from(command).spawn()?;
            passing_signals_on(child.id(), child.wait_with_output()).await
        }),
        // Nothing is held that a signal could leave behind: both end.
        None => command.output(),
    };
    output.map_err(|error| SetUp::from_cause(format!("run `{name}`"), error))
}

fn to_its_end<T>(future: impl Future<Output = T>) -> Result<T, SetUp> {
    match Run::current() {
        Some(run) => Ok(run.outlast(future)),
        None => testbed::run::block_on(future),
    }
}

/// Waits for a program. What a terminal sends, it hears itself; what was sent to this process alone is passed on.
async fn passing_signals_on<T>(id: Option<u32>, ended: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let pid = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // To listen replaces the default, which would end this program before the other has cleaned up.
    let _interrupt = signal(SignalKind::interrupt())?;
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut ended = std::pin::pin!(ended);
    loop {
        tokio::select! {
            ended = &mut ended => return ended,
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
        // One that has just ended needs no signal.
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
    }
}

/// `cargo`, the one that started us, with these arguments, in `folder`.
pub fn cargo(folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(folder);
    // Set for this program by `cargo run`; a build that inherited them would not share our artifacts.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}
