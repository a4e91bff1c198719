//! What a check holds: a load to start, and the running load.

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime;
use tokio::sync::oneshot;

use super::board::Milestone;
use super::driver::{self, Shared};
use super::outcome::Counts;
use super::record::Outcomes;
use super::schedule::Schedule;
use super::traffic::Traffic;

/// A load that has not started.
pub struct Load {
    target: SocketAddr,
    schedule: Schedule,
    traffic: Arc<dyn Traffic>,
    patience: Duration,
    repeats: bool,
    clients: usize,
    max_connections: usize,
}

impl Load {
    /// Sends `traffic` to `target` at the moments of `schedule`.
    pub fn new(target: SocketAddr, schedule: Schedule, traffic: impl Traffic) -> Self {
        Self {
            target,
            schedule,
            traffic: Arc::new(traffic),
            patience: Duration::from_secs(10),
            repeats: false,
            clients: 0,
            max_connections: 1024,
        }
    }

    /// How long the client waits for a whole answer, from its send; 10 s when not told otherwise.
    pub fn timeout(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A request on a connection that was used before, and that is closed before anything of the answer has come, is sent again on
    /// another one, as browsers do: a proxy may close what lies idle at any moment. Without it that is a request without an answer.
    pub fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// So many clients send the requests in turn, each on a connection of its own that it keeps. Without it the load keeps to as few
    /// connections as its requests need.
    pub fn clients(self, clients: usize) -> Self {
        Self { clients, ..self }
    }

    /// How many connections may be open at once; 1024 when not told otherwise. A request whose moment finds all of
    /// them taken waits up to 50 ms for one, then it ends [`Unsent`](super::Outcome::Unsent).
    pub fn max_connections(self, max_connections: usize) -> Self {
        Self { max_connections, ..self }
    }

    /// Starts now, on a thread of its own.
    ///
    /// # Panics
    /// When the host has no thread or descriptor left for it.
    pub fn start(self) -> Running {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("failed to make the runtime that drives the load");
        let offsets = self.schedule.offsets().into();
        let started_at = SystemTime::now();
        let shared = Shared::new(
            self.target,
            self.traffic,
            self.patience,
            self.repeats,
            offsets,
            self.clients,
            self.max_connections,
        );
        let shared = Arc::new(shared);
        let (ending, over) = oneshot::channel();
        let driver = thread::Builder::new()
            .name("load".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    // Dropped when the thread ends, in whatever way.
                    let _ending: oneshot::Sender<()> = ending;
                    let end = driver::drive(&runtime, &shared);
                    Outcomes::new(&self.schedule, shared.started, started_at, end)
                }
            })
            .expect("failed to start the thread that drives the load");
        Running { shared, driver: Some(driver), over }
    }
}

/// A load under way. Dropping it stops everything at once.
pub struct Running {
    shared: Arc<Shared>,
    driver: Option<JoinHandle<Outcomes>>,
    over: oneshot::Receiver<()>,
}

impl Running {
    /// The counts of this moment.
    pub fn counts(&self) -> Counts {
        self.shared.board().counts()
    }

    /// A way to ask for the counts from elsewhere, while and after the load runs.
    pub fn watcher(&self) -> impl Fn() -> Counts + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.board().counts()
    }

    /// The moment from which all offsets count.
    pub fn started(&self) -> Instant {
        self.shared.started
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.shared.now()
    }

    /// Waits until `n` requests were accepted; false as soon as that can no longer happen.
    #[must_use = "false: that many were not accepted"]
    pub async fn accepted(&self, n: usize) -> bool {
        self.reached(Milestone::Accepted(n as u64)).await
    }

    /// Waits until `n` requests were sent; false as soon as that can no longer happen.
    #[must_use = "false: that many were not sent"]
    pub async fn sent(&self, n: usize) -> bool {
        self.reached(Milestone::Sent(n as u64)).await
    }

    async fn reached(&self, milestone: Milestone) -> bool {
        let told = self.shared.board().watch(milestone);
        // An error: the run ended in a panic, which `finish` and `stop` pass on.
        told.await.unwrap_or(false)
    }

    /// Ends the schedule now and waits for the requests in flight, each for the client's patience at most.
    /// What was not yet due leaves the schedule: [`Counts::cut`].
    ///
    /// # Panics
    /// With the panic of the traffic's own code, if there was one.
    pub async fn stop(self) -> Outcomes {
        self.shared.cut();
        self.finish().await
    }

    /// Runs the schedule to its end, and waits for the last answer.
    ///
    /// # Panics
    /// With the panic of the traffic's own code, if there was one.
    pub async fn finish(mut self) -> Outcomes {
        // An error and a value mean the same: the driver's thread is at its end.
        let _ = (&mut self.over).await;
        let driver = self.driver.take().expect("only the end of the run takes it");
        driver.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            self.shared.abort();
            // A moment: the driver leaves at its next turn. A panic there has nobody left to tell.
            let _ = driver.join();
        }
    }
}
