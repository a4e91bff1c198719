//! The thread that drives a load: it hands due requests to connections until each has ended.

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::board::{Board, GRACE};
use super::connection;
use super::outcome::Sample;
use super::pacer::Pacer;
use super::record::Final;
use super::traffic::Traffic;

/// What the driver, its connections and the handle share.
pub(super) struct Shared {
    pub(super) target: SocketAddr,
    pub(super) host: HeaderValue,
    pub(super) traffic: Arc<dyn Traffic>,
    pub(super) patience: Duration,
    /// Whether a request whose connection was closed before anything of its answer came is sent again, on another one.
    pub(super) repeats: bool,
    pub(super) started: Instant,
    /// Held for moments only, and almost always by the driver's thread: never across an await.
    board: Mutex<Board>,
    wake: Notify,
    aborted: AtomicBool,
    offsets: Arc<[Duration]>,
}

impl Shared {
    pub(super) fn new(
        target: SocketAddr,
        traffic: Arc<dyn Traffic>,
        patience: Duration,
        repeats: bool,
        offsets: Arc<[Duration]>,
        clients: usize,
        max_connections: usize,
    ) -> Self {
        let host = HeaderValue::try_from(target.to_string()).expect("an address is a valid header value");
        let board = Board::new(Arc::clone(&offsets), clients, max_connections);
        Self {
            target,
            host,
            traffic,
            patience,
            repeats,
            // Last: the board of a long, dense schedule takes milliseconds to lay out, and the first requests would
            // be that late.
            started: Instant::now(),
            board: Mutex::new(board),
            wake: Notify::new(),
            aborted: AtomicBool::new(false),
            offsets,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn intended(&self, n: usize) -> Duration {
        self.offsets[n]
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        // A panic while the board was held ends the run; what the board holds is then only looked at.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn end(&self, sample: Sample) {
        self.board().end(sample);
    }

    pub(super) fn end_unsent(&self, n: usize, fault: String) {
        self.board().end_unsent(n, self.now(), fault);
    }

    /// Ends the schedule now.
    pub(super) fn cut(&self) {
        self.board().cut(self.now());
        self.wake();
    }

    /// Ends everything now.
    pub(super) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.wake();
    }
}

/// Runs the whole schedule. A panic in the traffic's own code passes through.
pub(super) fn drive(runtime: &Runtime, shared: &Arc<Shared>) -> Final {
    let _closes = CloseOnDrop(shared);
    let waker = Arc::clone(shared);
    let _pacer = Pacer::start(shared.started, Arc::clone(&shared.offsets), move || waker.wake());
    runtime.block_on(hand_out(shared));
    shared.board().take_final()
}

async fn hand_out(shared: &Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let due = shared.board().dispatch(shared.now());
        for (id, n) in due.open {
            connections.spawn(connection::run(Arc::clone(shared), id, n));
        }
        if shared.board().over() || shared.aborted.load(Ordering::Acquire) {
            return;
        }
        tokio::select! {
            () = shared.wake.notified() => {}
            Some(left) = connections.join_next() => pass_on_panic(left),
            () = sleep(GRACE), if due.waiting => {}
        }
    }
}

fn pass_on_panic(left: Result<(), JoinError>) {
    if let Err(error) = left
        && error.is_panic()
    {
        resume_unwind(error.into_panic());
    }
}

/// Whoever waits for a milestone is released, whether the driver ends or panics.
struct CloseOnDrop<'a>(&'a Shared);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.board().close();
    }
}
