//! The worker threads: each takes a job, runs it to its end, takes the next.

use std::{io, panic::catch_unwind, sync::Arc, thread::Builder};

use crate::{admission::Job, line::Line};

/// Starts `count` threads that live as long as the process.
///
/// # Errors
/// The operating system has no thread left.
// ANCHOR: workers
pub fn start(count: u16, line: &Arc<Line<Job>>) -> io::Result<()> {
    for n in 0..count {
        let line = Arc::clone(line);
        Builder::new().name(format!("worker-{n}")).spawn(move || work_for_ever(&line))?;
    }
    Ok(())
}

fn work_for_ever(line: &Line<Job>) {
    loop {
        let Job { work, result } = line.next();
        // A panic ends its request, not the worker. The panic hook has printed it.
        let ended = catch_unwind(|| work.run());
        // First the place, then the answer: who has the answer and comes again finds the place free.
        line.done();
        if let Ok(value) = ended {
            // Nobody there to take it: the client has gone while the work ran.
            let _ = result.send(value);
        }
    }
}
// ANCHOR_END: workers
