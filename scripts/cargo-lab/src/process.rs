//! Running another program and waiting for it, Ctrl-C or not.

use std::process::{Command, ExitStatus, Output, Stdio};

use testbed::setup::SetUp;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::signal::unix::{SignalKind, signal};

/// Runs `command` in the foreground until it ends. Ctrl-C reaches the program itself, which cleans up and ends; this one waits for it.
pub fn run(command: Command) -> Result<ExitStatus, SetUp> {
    attend(command, |_| {})
}

/// As [`run`], and gives each line that the program prints to stdout to `hears`.
pub fn follow(mut command: Command, hears: impl FnMut(&str)) -> Result<ExitStatus, SetUp> {
    command.stdout(Stdio::piped());
    attend(command, hears)
}

fn attend(command: Command, mut hears: impl FnMut(&str)) -> Result<ExitStatus, SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    let fault = |error| SetUp::from_cause(format!("run `{name}`"), error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    runtime.block_on(async {
        // Registering replaces the default, which would end this program before its child has cleaned up.
        let _interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
        let mut child = tokio::process::Command::from(command).spawn().map_err(fault)?;
        let mut lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let ended = loop {
            tokio::select! {
                line = next(&mut lines), if lines.is_some() => match line.map_err(fault)? {
                    Some(line) => hears(&line),
                    None => lines = None,
                },
                ended = child.wait() => break ended.map_err(fault)?,
                _ = terminate.recv() => {
                    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
                        // A child that has just ended needs no signal.
                        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                    }
                }
            }
        };
        // Its last words may still be in the pipe.
        while let Some(line) = next(&mut lines).await.map_err(fault)? {
            hears(&line);
        }
        Ok(ended)
    })
}

type Printed = Lines<BufReader<ChildStdout>>;

async fn next(lines: &mut Option<Printed>) -> std::io::Result<Option<String>> {
    match lines {
        Some(lines) => lines.next_line().await,
        None => Ok(None),
    }
}

/// Runs `command` and keeps what it prints to stdout; its stderr goes where ours goes.
pub fn output(mut command: Command) -> Result<Output, SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    output.map_err(|error| SetUp::from_cause(format!("run `{name}`"), error))
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
