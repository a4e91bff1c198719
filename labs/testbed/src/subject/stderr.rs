//! What a subject says on stderr: kept, bounded, and read for the reason of a failure.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::fact::Fact;
use crate::report::Hole;

use crate::wait;

/// How many lines are kept. What names a hole is kept beside them, however early it was said.
const KEPT: usize = 400;

/// What Rust prints when a `todo!` is reached.
const NOT_YET: &str = "not yet implemented: ";

/// The stderr of one process over all its restarts.
#[derive(Clone, Default)]
pub struct Stderr {
    said: Arc<Mutex<Said>>,
}

#[derive(Default)]
struct Said {
    lines: VecDeque<String>,
    bytes: u64,
    panicked_at: Option<String>,
    panic: Option<(Instant, Hole)>,
    hole: Option<(Instant, Hole)>,
    followers: usize,
}

impl Stderr {
    /// Reads `pipe` to its end in the background.
    pub(super) fn follow(&self, pipe: impl AsyncRead + Unpin + Send + 'static) {
        let stderr = self.clone();
        stderr.said().followers += 1;
        tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                stderr.said().bytes += line.len() as u64 + 1;
                stderr.said().hear(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            stderr.said().followers -= 1;
        });
    }

    /// Waits until the pipes of ended processes are read to their end.
    pub async fn settle(&self) {
        wait::until(Duration::from_secs(1), async || (self.said().followers == 0).then_some(())).await;
    }

    /// The first hole that the process fell into, and when.
    pub fn hole(&self) -> Option<(Instant, Hole)> {
        self.said().hole.clone()
    }

    /// The first panic that was not a hole, and when: its message and its place.
    pub fn panic(&self) -> Option<(Instant, Hole)> {
        self.said().panic.clone()
    }

    /// The last lines.
    pub fn lines(&self, count: usize) -> Vec<String> {
        let said = self.said();
        said.lines.iter().skip(said.lines.len().saturating_sub(count)).cloned().collect()
    }

    /// How many bytes it has said in all.
    pub fn bytes(&self) -> u64 {
        self.said().bytes
    }

    /// The last lines, as a fact; none where nothing was said.
    pub fn tail(&self, count: usize) -> Vec<Fact> {
        let lines = self.lines(count);
        if lines.is_empty() { vec![] } else { vec![Fact::named("stderr", lines.join("\n"))] }
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.said().lines.iter().any(|line| line.contains(text))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said().lines.is_empty()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    /// A panic says its place on one line and its message on the next.
    fn hear(&mut self, line: String) {
        if let Some(at) = self.panicked_at.take() {
            let (words, said) = match line.strip_prefix(NOT_YET) {
                Some(text) => (text, &mut self.hole),
                None => (line.as_str(), &mut self.panic),
            };
            said.get_or_insert((Instant::now(), Hole { text: words.to_owned(), at }));
        } else if let Some((_, place)) = line.split_once("panicked at ") {
            let place = place.trim_end_matches(':');
            self.panicked_at = Some(place.rsplit_once(':').map_or(place, |(line, _column)| line).to_owned());
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_found_with_its_place_and_told_from_a_panic() {
        let mut said = Said::default();
        let words = "INFO listening\n\
            thread 'tokio-rt-worker' (7) panicked at labs/01-direct-write/src/store.rs:41:9:\n\
            index out of bounds\n\
            thread 'tokio-rt-worker' (7) panicked at labs/01-direct-write/src/store.rs:52:9:\n\
            not yet implemented: lab 01: insert the post";
        words.lines().for_each(|line| said.hear(line.to_owned()));
        let (_, hole) = said.hole.unwrap();
        assert_eq!(hole.text, "lab 01: insert the post");
        assert_eq!(hole.at, "labs/01-direct-write/src/store.rs:52");
        assert_eq!(said.panic.unwrap().1.text, "index out of bounds");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut said = Said::default();
        (0..2 * KEPT).for_each(|n| said.hear(format!("line {n}")));
        assert_eq!(said.lines.len(), KEPT);
        assert_eq!(said.lines.back().unwrap(), &format!("line {}", 2 * KEPT - 1));
    }
}
