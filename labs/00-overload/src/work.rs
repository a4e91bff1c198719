//! What a request costs: a core, or only time.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How often the hash is taken: some milliseconds of one core.
const ROUNDS: usize = 5_000;

/// What a worker is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// Keeps a core busy, and gives the hash of a text.
    Hash(String),
    /// Keeps the thread waiting, and the core free.
    Io(Duration),
}

impl Work {
    /// Does it, on the thread that calls, and gives the answer's body.
    #[must_use]
    // ANCHOR: work
    pub fn run(self) -> Value {
        match self {
            Self::Hash(text) => {
                let first = Sha256::digest(text);
                let last = (1..ROUNDS).fold(first, |digest, _| Sha256::digest(digest));
                let hex: String = last.iter().map(|byte| format!("{byte:02x}")).collect();
                json!({ "hash": hex })
            }
            Self::Io(time) => {
                #[expect(clippy::disallowed_methods, reason = "stands for a call that blocks its thread")]
                std::thread::sleep(time);
                json!({ "waited_ms": time.as_millis() })
            }
        }
    }
    // ANCHOR_END: work
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_texts_apart_and_is_always_the_same() {
        let hash = |text: &str| Work::Hash(text.to_owned()).run();
        assert_eq!(hash("one"), hash("one"));
        assert_ne!(hash("one"), hash("two"));
        assert_eq!(hash("one")["hash"].as_str().map(str::len), Some(64));
    }
}
