//! Where a run's futures are run, and how it ends: whatever the way out, what the run started is removed before it.

use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::panicking;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use super::RunId;
use crate::exit::Exit;
use crate::leftovers;
use crate::progress::Progress;
use crate::services;
use crate::setup::SetUp;

/// How long a future may take to let go of what it holds. One that hangs outside of every `await` never does.
const LETTING_GO: Duration = Duration::from_secs(5);

/// How long another program, which heard the same signal, may take to clean up after itself: as long as this one may.
const CLEANING_UP: Duration = Duration::from_secs(150);

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

/// The hold on this process's run: its futures are run here, until they end or a signal ends the run.
///
/// A process is one run at a time: signals, the run's name and the door to the engine are the process's own.
#[derive(Clone)]
pub struct Run {
    runtime: Handle,
    /// Whether the run may have containers.
    containers: bool,
    state: watch::Sender<State>,
    /// How many threads wait for another program.
    outlasting: Arc<AtomicUsize>,
}

/// The run that is held now.
static CURRENT: Mutex<Option<Run>> = Mutex::new(None);

impl Run {
    /// Holds a run while `body` takes place; `containers` says whether it may start any.
    ///
    /// From here on Ctrl-C, SIGTERM and a closed terminal end the process with [`Exit::Interrupted`]. Whatever the end, all that the
    /// run started is removed first.
    ///
    /// # Errors
    /// Those of `body`, before those of the removal.
    pub fn hold<T>(containers: bool, body: impl FnOnce(&Run) -> Result<T, SetUp>) -> Result<T, SetUp> {
        let runtime = runtime()?;
        // What is dropped on the way out, after a panic too, may need the runtime.
        let inside = runtime.enter();
        let run = Run::begin(runtime.handle().clone(), containers)?;
        let last = ClearAfterPanic(run.clone());
        let ended = body(&run);
        let cleared = run.block_on(run.remove());
        *current() = None;
        drop((last, inside));
        // Nothing of ours is left to wait for; what may have been left hanging must not hold up the end.
        runtime.shutdown_background();
        ended.and_then(|ended| cleared.map(|_| ended))
    }

    /// The run that this process holds, if it holds one.
    pub fn current() -> Option<Run> {
        current().clone()
    }

    fn begin(runtime: Handle, containers: bool) -> Result<Run, SetUp> {
        let state = watch::Sender::new(State::Running);
        let run = Run { runtime, containers, state, outlasting: Arc::default() };
        // Heard before anything is started: a signal that nobody hears would end the process at once.
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let heard =
            kinds.map(|kind| signal(kind).map_err(|error| SetUp::from_cause("listen for Ctrl-C", error)));
        let [interrupt, terminate, hang_up] = heard;
        let (interrupt, terminate, hang_up) = (interrupt?, terminate?, hang_up?);
        let waiting = run.clone();
        // A thread of its own: whatever hangs on the others, this one hears the signal.
        std::thread::spawn(move || {
            let runtime = waiting.runtime.clone();
            runtime.block_on(waiting.end_when_interrupted(interrupt, terminate, hang_up));
        });
        *current() = Some(run.clone());
        Ok(run)
    }

    /// Runs `future` on this thread to its end. A signal drops it, and this never returns: the process ends elsewhere.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
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

    /// Runs `future` on this thread to its end, signal or not: it waits for another program, which hears the same signal and cleans
    /// up after itself. After a signal this never returns. Several threads may do so at once.
    pub fn outlast<T>(&self, future: impl Future<Output = T>) -> T {
        self.outlasting.fetch_add(1, Ordering::SeqCst);
        // Nothing is started after a signal.
        let output = (!self.is_interrupted()).then(|| self.runtime.block_on(future));
        let is_last = self.outlasting.fetch_sub(1, Ordering::SeqCst) == 1;
        match output {
            Some(output) if !self.is_interrupted() => output,
            _ if is_last => self.block_on(std::future::pending()),
            _ => self.runtime.block_on(std::future::pending()),
        }
    }

    fn is_interrupted(&self) -> bool {
        *self.state.borrow() != State::Running
    }

    async fn remove(&self) -> Result<leftovers::Removed, SetUp> {
        // A check may start containers of its own, where its suite needs none.
        let may_be_there = self.containers || services::has_created();
        let engine = if may_be_there { services::engine().await.map(Some) } else { Ok(None) };
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
        let longest = if self.outlasting.load(Ordering::SeqCst) > 0 { CLEANING_UP } else { LETTING_GO };
        // Late or not, what is left is removed.
        let _ = timeout(longest, state.wait_for(|state| *state == State::AtRest)).await;
        let _ = timeout(ENGINE, services::create_no_more()).await;
        match self.remove().await {
            Ok(removed) => tell(&format!("removed {removed}")),
            Err(error) => tell(&format!("{error}\nthe next run, or `cargo lab clean`, removes the rest")),
        }
        exit(Exit::Interrupted.code().into());
    }
}

/// Runs `future` to its end, for whoever starts nothing that would have to be removed.
///
/// # Errors
/// The system has no thread left for it.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, SetUp> {
    Ok(runtime()?.block_on(future))
}

fn runtime() -> Result<Runtime, SetUp> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| SetUp::from_cause("start the test-bed's runtime", error))
}

fn current() -> std::sync::MutexGuard<'static, Option<Run>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says something on stderr, which may be closed: the terminal that was closed was its reader.
fn tell(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Removes what the run started after a panic outside of every check, such as that of a `print!` into a closed pipe.
struct ClearAfterPanic(Run);

impl Drop for ClearAfterPanic {
    fn drop(&mut self) {
        if panicking()
            && let Err(error) = self.0.block_on(self.0.remove())
        {
            tell(&error.to_string());
        }
    }
}
