//! A service's settings by the names of the contract.

use std::time::Duration;

use testbed::bed::ServiceSettings;

/// The settings of the contract.
pub trait Settings: Sized {
    /// `DATABASE_MAX_CONNECTIONS`.
    fn pool(self, connections: usize) -> Self;
    /// `REQUEST_TIMEOUT_MS`.
    fn deadline(self, deadline: Duration) -> Self;
    /// `ROLE`: `api`, `consumer` or `all`. The process is called by it.
    fn role(self, role: &str) -> Self;
    /// `PREFETCH`.
    fn prefetch(self, messages: usize) -> Self;
    /// `REFRESH_MS`.
    fn refresh(self, every: Duration) -> Self;
    /// `STALE_MS`.
    fn stale(self, after: Duration) -> Self;
    /// `HEADER_TIMEOUT_MS`.
    fn header_timeout(self, longest: Duration) -> Self;
}

impl Settings for ServiceSettings {
    fn pool(self, connections: usize) -> Self {
        self.set("DATABASE_MAX_CONNECTIONS", connections)
    }

    fn deadline(self, deadline: Duration) -> Self {
        self.set("REQUEST_TIMEOUT_MS", deadline.as_millis())
    }

    fn role(self, role: &str) -> Self {
        self.named(role).set("ROLE", role)
    }

    fn prefetch(self, messages: usize) -> Self {
        self.set("PREFETCH", messages)
    }

    fn refresh(self, every: Duration) -> Self {
        self.set("REFRESH_MS", every.as_millis())
    }

    fn stale(self, after: Duration) -> Self {
        self.set("STALE_MS", after.as_millis())
    }

    fn header_timeout(self, longest: Duration) -> Self {
        self.set("HEADER_TIMEOUT_MS", longest.as_millis())
    }
}
