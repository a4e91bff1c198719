//! What the server takes, and how much of it.

use std::time::Duration;

/// How connections are accepted, and the bounds of each.
///
/// They are parameters, since what fits depends on the process's own limits (how many descriptors it
/// may open) and not on this program.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may wait in the kernel to be accepted. They are accepted at once, so
    /// this only has to outlast a pause of the host. When it is full a client sees no refusal, but a
    /// connection that takes 1 s, then 3 s, then 7 s.
    pub backlog: u32,

    /// How many connections are served at once. Each costs a descriptor, up to [`head`](Self::head) of
    /// memory, and its answer until the client has taken it; further ones wait in the kernel.
    pub connections: usize,

    /// The pause after a failed attempt to accept (no descriptors are left): the next one would fail
    /// at once, and spin.
    pub pause: Duration,

    /// The longest request head, in bytes.
    pub head: usize,

    /// How long a client may take to send a request head, and how long a connection may be idle
    /// between two.
    pub head_timeout: Duration,

    /// How long a client may take none of its answer.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            backlog: 1024,
            connections: 4096,
            pause: Duration::from_millis(50),
            head: 80 * 1024, // Room for a long search.
            head_timeout: Duration::from_secs(30),
            stall: Duration::from_secs(30),
        }
    }
}
