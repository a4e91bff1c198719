//! The line: who runs, who waits, and how many may.
//!
//! Everything that must be true at once is behind one lock. So there is one moment in which a waiting request is either
//! taken by a worker or leaves, and no request can do both.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// Every place is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineIsFull;

impl fmt::Display for LineIsFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every worker is busy and the line is full")
    }
}

impl std::error::Error for LineIsFull {}

/// A place in the line. Later ones are greater.
pub type Ticket = u64;

// ANCHOR: line
/// The line in front of the workers, and the count of those who are past it.
///
/// Invariant: `running + waiting.len() <= places`.
#[derive(Debug)]
pub struct Line<Job> {
    /// One for each worker, and those of the queue.
    places: usize,
    inside: Mutex<Inside<Job>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inside<Job> {
    waiting: BTreeMap<Ticket, Job>,
    running: usize,
    next: Ticket,
}
// ANCHOR_END: line

impl<Job> Line<Job> {
    /// An empty line with `queue` places in front of `workers`.
    #[must_use]
    pub fn new(workers: u16, queue: u32) -> Self {
        Self {
            places: usize::from(workers) + queue as usize,
            inside: Mutex::new(Inside { waiting: BTreeMap::new(), running: 0, next: 0 }),
            changed: Condvar::new(),
        }
    }

    /// Takes a place for `job`. This never waits.
    ///
    /// # Errors
    /// As many run and wait as may.
    // ANCHOR: enter
    pub fn enter(&self, job: Job) -> Result<Ticket, LineIsFull> {
        // ANCHOR: hole-enter
        // Who runs has a place as well as who waits. A job that nobody hears of waits for ever.
        let _ = (job, self.places, &self.changed, self.lock().next);
        todo!("lab 00: take a place in a bounded line, or refuse")
        // ANCHOR_END: hole-enter
    }
    // ANCHOR_END: enter

    /// Waits for a job and takes the one that has waited longest. Whoever takes one calls [`done`](Self::done) after it.
    // ANCHOR: next
    pub fn next(&self) -> Job {
        let empty = |inside: &mut Inside<Job>| inside.waiting.is_empty();
        // ANCHOR: hole-next
        let inside = self.changed.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
        // There is a job now. What must be counted in the same moment in which it leaves the line?
        let _ = inside.running;
        todo!("lab 00: give a worker the job that has waited longest")
        // ANCHOR_END: hole-next
    }
    // ANCHOR_END: next

    /// A job has ended: its place is free.
    pub fn done(&self) {
        self.lock().running -= 1;
    }

    /// Leaves the line, and with the job goes its place. False when it waits no longer: a worker has taken it.
    // ANCHOR: leave
    pub fn leave(&self, ticket: Ticket) -> bool {
        // ANCHOR: hole-leave
        // The job must not be run any more. And if it is running already?
        let _ = ticket;
        todo!("lab 00: take a job out of the line")
        // ANCHOR_END: hole-leave
    }
    // ANCHOR_END: leave

    /// No code that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Inside<Job>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_line_refuses_and_a_place_comes_back() {
        let line = Line::new(1, 2);
        assert_eq!([(); 4].map(|()| line.enter("job")), [Ok(0), Ok(1), Ok(2), Err(LineIsFull)]);
        line.next();
        assert_eq!(line.enter("job"), Err(LineIsFull), "who runs has a place as well");
        line.done();
        assert_eq!(line.enter("job"), Ok(3));
    }

    #[test]
    fn who_leaves_takes_the_job_and_the_place_along() {
        let line = Line::new(1, 1);
        let (first, second) = (line.enter("first").expect("room"), line.enter("second").expect("room"));
        assert!(line.leave(first));
        assert!(!line.leave(first), "nobody leaves twice");
        assert!(line.enter("third").is_ok(), "the place is free");
        assert_eq!(line.next(), "second");
        assert!(!line.leave(second), "a worker has taken it");
    }

    #[test]
    fn a_worker_waits_for_a_job() {
        let line = Line::new(1, 0);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| line.next());
            line.enter("job").expect("room");
            assert_eq!(worker.join().expect("no panic"), "job");
        });
    }
}
