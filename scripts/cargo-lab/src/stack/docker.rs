//! Docker's own command line, asked and told. What changes something is shown before it runs.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use testbed::exit::Exit;
use testbed::progress::Progress;
use testbed::services::{self, Engine};
use testbed::setup::SetUp;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Halt;

/// How often a condition is looked at: each look is some programs that start and end.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What takes longer is told.
const UNTOLD: Duration = Duration::from_secs(2);

/// The command line, and whether Ctrl-C was heard.
pub struct Docker {
    /// The engine itself, for what the test-bed knows of it.
    pub engine: Engine,
    /// `None` where Ctrl-C ends the process as always.
    interrupted: Option<watch::Receiver<bool>>,
}

/// Runs a `body` that only asks, with an engine that answers.
pub fn asking<T>(body: impl AsyncFnOnce(&Docker) -> Result<T, Halt>) -> Result<T, Halt> {
    testbed::run::block_on(async {
        let docker = Docker { engine: services::engine().await?, interrupted: None };
        body(&docker).await
    })?
}

/// Runs a `body` that changes something. From here to the end of the process Ctrl-C is heard between two commands, and never inside of one.
pub fn working<T>(body: impl AsyncFnOnce(&Docker) -> Result<T, Halt>) -> Result<T, Halt> {
    testbed::run::block_on(async {
        let docker = Docker { engine: services::engine().await?, interrupted: Some(heard()?) };
        body(&docker).await
    })?
}

fn heard() -> Result<watch::Receiver<bool>, SetUp> {
    let listen = |kind| signal(kind).map_err(|error| SetUp::from_cause("listen for Ctrl-C", error));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let mut hang_up = listen(SignalKind::hangup())?;
    let (say, heard) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
        let _ = say.send(true);
    });
    Ok(heard)
}

impl Docker {
    /// Asks for something: what it prints.
    pub async fn ask(&self, arguments: &[&str]) -> Result<String, SetUp> {
        let output = self.run(arguments, None).await?;
        said(arguments, &output)
    }

    /// Asks for rows of JSON.
    pub async fn rows<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<Vec<T>, SetUp> {
        let mut whole = arguments.to_vec();
        whole.extend(["--format", "{{json .}}"]);
        let said = self.ask(&whole).await?;
        let rows = said.lines().filter(|line| line.starts_with('{')).map(serde_json::from_str);
        rows.collect::<Result<_, _>>()
            .map_err(|error| SetUp::from_cause(format!("read `{}`", shown(&whole)), error))
    }

    /// Asks for a list of names or ids, in the order in which they are told, each once.
    pub async fn list(&self, arguments: &[&str]) -> Result<Vec<String>, SetUp> {
        let mut found: Vec<String> = Vec::new();
        for line in self.ask(arguments).await?.lines().filter(|line| !line.is_empty()) {
            if !found.iter().any(|known| known == line) {
                found.push(line.to_owned());
            }
        }
        Ok(found)
    }

    /// Shows a command, and runs it.
    pub async fn tell(&self, arguments: &[&str]) -> Result<String, SetUp> {
        anstream::println!("  $ {}", shown(arguments));
        self.ask(arguments).await
    }

    /// As [`Docker::tell`], with a text for its stdin.
    pub async fn tell_with(&self, arguments: &[&str], input: &str) -> Result<String, SetUp> {
        anstream::println!("  $ {}", shown(arguments));
        let output = self.run(arguments, Some(input)).await?;
        said(arguments, &output)
    }

    /// Runs a command to its end, whatever that is.
    pub async fn run(&self, arguments: &[&str], input: Option<&str>) -> Result<Output, SetUp> {
        let fault = |error| {
            let mend = "install Docker's command line: `docker version` must answer";
            SetUp::new(format!("run `{}`", shown(arguments)), error, mend)
        };
        let mut command = Command::new("docker");
        // In a process group of its own, where the terminal's Ctrl-C does not reach: half a command is worse than all of it.
        command.args(arguments).process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Not every installation has the newer builder; without it the engine's first one serves.
        if arguments.first() == Some(&"build") && !has_buildx().await {
            command.env("DOCKER_BUILDKIT", "0");
        }
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().map_err(fault)?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // Who does not read to the end says why by itself.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await.map_err(fault)
    }

    /// Looks until `look` gives a value, or `None` when `longest` has passed; `says` tells what is waited for, each second after the first two.
    pub async fn until<T>(
        &self,
        longest: Duration,
        mut look: impl AsyncFnMut(&mut String) -> Result<Option<T>, Halt>,
    ) -> Result<Option<T>, Halt> {
        let (progress, began) = (Progress::detect(), Instant::now());
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut told, mut says) = (Duration::ZERO, String::new());
        let ended = loop {
            looks.tick().await;
            if let Err(halt) = self.go_on() {
                break Err(halt);
            }
            match look(&mut says).await {
                Ok(None) if began.elapsed() < longest => {}
                ended => break ended,
            }
            let waited = began.elapsed();
            if waited >= UNTOLD && waited >= told + Duration::from_secs(1) {
                told = waited;
                progress.show(&format!("{:>3} s  {says}", waited.as_secs()));
            }
        };
        progress.clear();
        ended
    }

    /// Whether there is to be another step: not after Ctrl-C.
    pub fn go_on(&self) -> Result<(), Halt> {
        let is_interrupted = self.interrupted.as_ref().is_some_and(|interrupted| *interrupted.borrow());
        if is_interrupted { Err(Halt::Ends(Exit::Interrupted)) } else { Ok(()) }
    }
}

async fn has_buildx() -> bool {
    let asked = Command::new("docker").args(["buildx", "version"]).output().await;
    asked.is_ok_and(|output| output.status.success())
}

/// What a command printed, when it went well.
fn said(arguments: &[&str], output: &Output) -> Result<String, SetUp> {
    let words = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(words(&output.stdout));
    }
    let mend = "mend what Docker says, then run the command again: it goes on from where it stopped; \
        `cargo lab stack down NN` takes away what is there";
    Err(SetUp::new(format!("run `{}`", shown(arguments)), words(&output.stderr), mend))
}

/// A command as one would type it.
fn shown(arguments: &[&str]) -> String {
    let quoted = |argument: &&str| match argument.contains([' ', '{', '$', ';', '*']) || argument.is_empty() {
        true => format!("'{argument}'"),
        false => (*argument).to_owned(),
    };
    let arguments: Vec<String> = arguments.iter().map(quoted).collect();
    format!("docker {}", arguments.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        assert_eq!(shown(&["info", "--format", "{{json .}}"]), "docker info --format '{{json .}}'");
    }
}
