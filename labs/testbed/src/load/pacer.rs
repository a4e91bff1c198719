//! Wakes the driver when a request is due.
//!
//! A thread of its own, since the kernel wakes a parked thread within a tenth of a millisecond, and the timers of
//! an async runtime within one or two milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Never wakes the driver more often than this: one wake then covers all that came due meanwhile. A wake costs about as
/// much as a request, which in a dense schedule the service would miss; half a millisecond late is what it costs.
const COALESCE: Duration = Duration::from_micros(500);

/// The running pacer. It stops when dropped.
pub(super) struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Calls `wake` as each of `offsets` comes due after `started`.
    pub(super) fn start(
        started: Instant,
        offsets: Arc<[Duration]>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("load-pacer".to_owned())
            .spawn(move || pace(started, &offsets, &stopped, wake))
            .expect("failed to start the thread that paces the load");
        Self { stop, thread: Some(thread) }
    }
}

fn pace(started: Instant, offsets: &[Duration], stop: &AtomicBool, wake: impl Fn()) {
    let mut next = 0;
    let mut not_before = Duration::ZERO;
    while next < offsets.len() {
        let wake_at = offsets[next].max(not_before);
        let now = loop {
            let now = started.elapsed();
            if stop.load(Ordering::Acquire) {
                return;
            }
            if now >= wake_at {
                break now;
            }
            // Returns early when unparked; the loop then looks at `stop`.
            thread::park_timeout(wake_at - now);
        };
        wake();
        next += offsets[next..].partition_point(|offset| *offset <= now);
        not_before = now + COALESCE;
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic: `wake` only notifies.
            let _ = thread.join();
        }
    }
}
