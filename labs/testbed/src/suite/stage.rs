//! Where a run's futures are run, and how it ends: whatever the way out, what the run started is removed before it.

use std::process::exit;
use std::thread::panicking;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::leftovers;
use crate::progress::Progress;
use crate::run::RunId;
use crate::services;
use crate::setup::SetUp;

/// The exit code after Ctrl-C, as a shell reports it.
const INTERRUPTED: i32 = 130;

/// How long a check may take to let go of what it holds. One that hangs outside of every `await` never does.
const LETTING_GO: Duration = Duration::from_secs(5);

/// How long the engine may take to answer what it was asked before the interruption.
const ENGINE: Duration = Duration::from_secs(60);

/// The state of a run, as its main thread and the one that waits for signals tell it each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// A signal came: the main thread must not start anything any more.
    Interrupted,
    /// The main thread has dropped what it ran, and starts nothing any more.
    AtRest,
}

/// The place where a run's futures are run, until they end or a signal ends the run.
#[derive(Clone)]
pub(super) struct Stage {
    runtime: Handle,
    /// Whether the run may have containers.
    services: bool,
    state: watch::Sender<State>,
}

impl Stage {
    /// Opens the stage. From here on Ctrl-C, SIGTERM and a closed terminal remove all that the run started, and end it.
    pub(super) fn open(runtime: Handle, services: bool) -> Result<Stage, SetUp> {
        let stage = Stage { runtime, services, state: watch::Sender::new(State::Running) };
        // Heard before anything is started: a signal that nobody hears would end the process at once.
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let heard =
            kinds.map(|kind| signal(kind).map_err(|error| SetUp::from_cause("listen for Ctrl-C", error)));
        let [interrupt, terminate, hang_up] = heard;
        let (interrupt, terminate, hang_up) = (interrupt?, terminate?, hang_up?);
        let waiting = stage.clone();
        // A thread of its own: whatever hangs on the others, this one hears the signal.
        std::thread::spawn(move || {
            let runtime = waiting.runtime.clone();
            runtime.block_on(waiting.end_when_interrupted(interrupt, terminate, hang_up));
        });
        Ok(stage)
    }

    /// Runs `future` on this thread to its end. A signal drops it, and this never returns: the process ends elsewhere.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut state = self.state.subscribe();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = state.wait_for(|state| *state != State::Running) => {}
                output = future => return output,
            }
            self.state.send_replace(State::AtRest);
            std::future::pending().await
        })
    }

    /// Removes all that the run started.
    pub(super) fn clear(&self) -> Result<(), SetUp> {
        self.block_on(self.remove()).map(|_| ())
    }

    async fn remove(&self) -> Result<leftovers::Removed, SetUp> {
        let engine = if self.services { services::engine().await.map(Some) } else { Ok(None) };
        // Without an engine there are still processes and folders to remove.
        let removed =
            leftovers::remove(engine.as_ref().ok().and_then(Option::as_ref), RunId::current()).await;
        engine.and(removed)
    }

    async fn end_when_interrupted(self, mut interrupt: Signal, mut terminate: Signal, mut hang_up: Signal) {
        tokio::select! {
            Some(()) = interrupt.recv() => {}
            Some(()) = terminate.recv() => {}
            Some(()) = hang_up.recv() => {}
            else => return,
        }
        Progress::detect().clear();
        tell("interrupted: removing what this run started");
        self.state.send_replace(State::Interrupted);
        let mut state = self.state.subscribe();
        // Late or not, what is left is removed.
        let _ = timeout(LETTING_GO, state.wait_for(|state| *state == State::AtRest)).await;
        let _ = timeout(ENGINE, services::create_no_more()).await;
        match self.remove().await {
            Ok(removed) => tell(&format!("removed {removed}")),
            Err(error) => tell(&format!("{error}\nthe next run, or `cargo lab clean`, removes the rest")),
        }
        exit(INTERRUPTED);
    }
}

/// Says something on stderr, which may be closed: the terminal that was closed was its reader.
fn tell(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Clears the stage after a panic outside of every check, such as that of a `print!` into a closed pipe.
pub(super) struct ClearAfterPanic(pub(super) Stage);

impl Drop for ClearAfterPanic {
    fn drop(&mut self) {
        if panicking()
            && let Err(error) = self.0.clear()
        {
            tell(&error.to_string());
        }
    }
}
