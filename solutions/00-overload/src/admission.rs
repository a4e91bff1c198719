//! One request's way through the server: enter the line, wait, be run; or be refused, give up, leave.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    line::{Line, LineIsFull, Ticket},
    work::Work,
};

/// What waits in the line: the work, and where its result goes.
#[derive(Debug)]
pub struct Job {
    /// What a worker is to do.
    pub work: Work,
    /// Who waits for it. Closed when nobody does.
    pub result: oneshot::Sender<Value>,
}

/// Why a request was not run to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotRun {
    /// There was no place in the line.
    Refused,
    /// It waited for as long as it may, and left the line.
    TimedOut,
    /// It broke while it ran.
    Broke,
}

impl From<LineIsFull> for NotRun {
    fn from(_: LineIsFull) -> Self {
        Self::Refused
    }
}

/// Lets requests into the line, each for at most `timeout`.
#[derive(Clone, Debug)]
pub struct Admission {
    line: Arc<Line<Job>>,
    timeout: Duration,
}

// ANCHOR: place
/// A place in the line. However the request ends, dropping it leaves the line.
///
/// When the client disconnects, the server drops the handler, and the handler drops this.
struct Place<'a> {
    line: &'a Line<Job>,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // ANCHOR: hole-drop
        self.line.leave(self.ticket);
        // ANCHOR_END: hole-drop
    }
}
// ANCHOR_END: place

impl Admission {
    /// Lets requests into `line`, each for at most `timeout`.
    #[must_use]
    pub fn new(line: Arc<Line<Job>>, timeout: Duration) -> Self {
        Self { line, timeout }
    }

    /// Has `work` run by a worker and gives its result.
    ///
    /// # Errors
    /// The line was full, or the wait in it was too long: then the work is never run. Or it was run, and broke.
    // ANCHOR: run
    pub async fn run(&self, work: Work) -> Result<Value, NotRun> {
        let (result, mut done) = oneshot::channel();
        let ticket = self.line.enter(Job { work, result })?;
        let place = Place { line: &self.line, ticket };

        // ANCHOR: hole-run
        let ended = match timeout(self.timeout, &mut done).await {
            Ok(ended) => ended,
            Err(_) if self.line.leave(place.ticket) => return Err(NotRun::TimedOut),
            // A worker has begun. What it does is paid for, so its result is worth waiting for.
            Err(_) => done.await,
        };
        ended.map_err(|_| NotRun::Broke)
        // ANCHOR_END: hole-run
    }
    // ANCHOR_END: run
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = Work::Io(Duration::ZERO);

    fn admission(timeout: Duration) -> (Admission, Arc<Line<Job>>) {
        let line = Arc::new(Line::new(1, 0));
        (Admission::new(Arc::clone(&line), timeout), line)
    }

    #[tokio::test]
    async fn who_waited_too_long_is_never_run() {
        let (admission, line) = admission(Duration::from_millis(1));
        assert_eq!(admission.run(WORK).await, Err(NotRun::TimedOut));
        assert!(line.enter(Job { work: WORK, result: oneshot::channel().0 }).is_ok(), "the place is free");
    }

    #[tokio::test]
    async fn who_was_begun_in_time_is_waited_for() {
        /// Hundreds of times what a thread takes to get a job.
        const TIMEOUT: Duration = Duration::from_millis(300);
        let (admission, line) = admission(TIMEOUT);
        let (took, taken) = oneshot::channel();
        // A thread that nobody waits for: where no job comes, the test fails, and does not hang.
        std::thread::spawn(move || took.send(line.next()));
        let mut running = Box::pin(admission.run(WORK));
        let job = tokio::select! {
            job = taken => job.expect("the thread lives until it has a job"),
            ended = &mut running => panic!("it ended before it was run: {ended:?}"),
        };
        let late = timeout(TIMEOUT * 3 / 2, &mut running).await;
        assert!(late.is_err(), "the timeout bounds the wait in the line alone");
        job.result.send(Value::Bool(true)).expect("somebody waits");
        assert_eq!(running.await, Ok(Value::Bool(true)));
    }

    #[tokio::test]
    async fn who_goes_leaves_the_line() {
        let (admission, line) = admission(Duration::from_secs(60));
        let gone = timeout(Duration::from_millis(1), admission.run(WORK)).await;
        assert!(gone.is_err(), "nobody has run it");
        assert!(line.enter(Job { work: WORK, result: oneshot::channel().0 }).is_ok(), "the place is free");
    }
}
