//! What the processes of one bed say, each on a stderr of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::report::Hole;
use crate::subject::Stderr;
use crate::wait;

/// As long as a wait may be; then the next one begins.
const LONG: Duration = Duration::from_secs(3600);

/// The stderr of each process, in the order in which they were first started.
#[derive(Clone, Default)]
pub struct Voices(Arc<Mutex<Vec<(String, Stderr)>>>);

impl Voices {
    /// A stderr for a process of this name.
    pub fn of(&self, process: &str) -> Stderr {
        let stderr = Stderr::default();
        self.all().push((process.to_owned(), stderr.clone()));
        stderr
    }

    /// Waits until the pipes of ended processes are read to their end.
    pub async fn settle(&self) {
        let all = self.all().clone();
        for (_, stderr) in all {
            stderr.settle().await;
        }
    }

    /// The first hole that a process fell into.
    pub fn hole(&self) -> Option<Hole> {
        let all = self.all().clone();
        let holes = all.iter().filter_map(|(_, stderr)| stderr.hole());
        holes.min_by_key(|(at, _)| *at).map(|(_, hole)| hole)
    }

    /// Waits until a process falls into a hole. Nothing that is observed afterwards says anything else.
    pub async fn until_hole(&self) -> Hole {
        loop {
            if let Some(hole) = wait::until(LONG, async || self.hole()).await {
                return hole;
            }
        }
    }

    /// The first panic that was not a hole: its message and its place.
    pub fn panic(&self) -> Option<Hole> {
        let all = self.all().clone();
        let panics = all.iter().filter_map(|(_, stderr)| stderr.panic());
        panics.min_by_key(|(at, _)| *at).map(|(_, panic)| panic)
    }

    /// The last lines of each process, `count` in all at most; where there are several, each line says whose it is.
    pub fn lines(&self, count: usize) -> Vec<String> {
        let all = self.all().clone();
        let spoken: Vec<_> = all
            .iter()
            .map(|(process, stderr)| (process, stderr.lines(count)))
            .filter(|(_, lines)| !lines.is_empty())
            .collect();
        let each = count / spoken.len().max(1);
        let told = |(process, lines): &(&String, Vec<String>)| -> Vec<String> {
            let last = lines.iter().skip(lines.len().saturating_sub(each));
            match spoken.len() {
                1 => last.cloned().collect(),
                _ => last.map(|line| format!("[{process}] {line}")).collect(),
            }
        };
        spoken.iter().flat_map(told).collect()
    }

    fn all(&self) -> MutexGuard<'_, Vec<(String, Stderr)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
